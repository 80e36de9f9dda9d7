#include "server/fleet/assigned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/array.h"
#include "server/heads.h"

enum {
	SLOTS = 1 << 16, /* a power of two */
	FULL = SLOTS / 2 /* then it is emptied: what is asked again is found again */
};

struct fact {
	char group[SRV_GROUP_MAX]; /* "": a free slot */
	char id[SRV_POLICY_ID_MAX];
	uint64_t serial;
};

struct srv_assigned {
	struct fact *facts; /* open addressing; only what is so */
	size_t count;
	struct srv_array groups, serials, ids; /* questions */
	size_t asked;
};

struct srv_assigned *srv_assigned_new(void)
{
	struct srv_assigned *a = calloc(1, sizeof(*a));

	if (a)
		a->facts = calloc(SLOTS, sizeof(*a->facts));
	if (a && a->facts)
		return a;
	srv_assigned_free(a);
	return NULL;
}

static void forget_questions(struct srv_assigned *a)
{
	srv_array_release(&a->groups);
	srv_array_release(&a->serials);
	srv_array_release(&a->ids);
	a->asked = 0;
}

void srv_assigned_free(struct srv_assigned *a)
{
	if (!a)
		return;
	forget_questions(a);
	free(a->facts);
	free(a);
}

static size_t slot_of(const char *group, size_t n, uint64_t serial)
{
	uint64_t h = 14695981039346656037U ^ serial;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)group[i]) * 1099511628211U;
	return (h ^ h >> 32) & (SLOTS - 1);
}

/* The fact's slot, or the free one where it would go. */
static struct fact *find(const struct srv_assigned *a, const char *group, size_t n, uint64_t serial,
			 const char *id)
{
	size_t i = slot_of(group, n, serial);

	for (;; i = (i + 1) & (SLOTS - 1)) {
		struct fact *f = &a->facts[i];

		if (!f->group[0] || (f->serial == serial && strncmp(f->group, group, n) == 0 &&
				     !f->group[n] && strcmp(f->id, id) == 0))
			return f;
	}
}

static void ask(struct srv_assigned *a, const char *group, size_t n, uint64_t serial,
		const char *id)
{
	char name[SRV_GROUP_MAX];

	(void)snprintf(name, sizeof(name), "%.*s", (int)n, group);
	srv_array_add_text(&a->groups, name);
	srv_array_add_int(&a->serials, (int64_t)serial);
	srv_array_add_text(&a->ids, id);
	a->asked++;
}

bool srv_assigned_has(struct srv_assigned *a, const char *groups, uint64_t serial, const char *id)
{
	size_t n;

	for (const char *at = groups + 1; *at && *at != '}'; at += n + (at[n] == ',')) {
		n = strcspn(at, ",}");
		if (find(a, at, n, serial, id)->group[0])
			return true;
	}
	for (const char *at = groups + 1; *at && *at != '}'; at += n + (at[n] == ',')) {
		n = strcspn(at, ",}");
		ask(a, at, n, serial, id);
	}
	return false;
}

static void learn(struct srv_assigned *a, const struct srv_rows *rows, size_t i)
{
	const char *group = srv_rows_text(rows, i, 0), *id = srv_rows_text(rows, i, 2);
	uint64_t serial = (uint64_t)srv_rows_int(rows, i, 1);

	if (a->count >= FULL) {
		memset(a->facts, 0, SLOTS * sizeof(*a->facts));
		a->count = 0;
	}
	struct fact *f = find(a, group, strlen(group), serial, id);

	if (f->group[0])
		return;
	(void)snprintf(f->group, sizeof(f->group), "%s", group);
	(void)snprintf(f->id, sizeof(f->id), "%s", id);
	f->serial = serial;
	a->count++;
}

int srv_assigned_answer(struct srv_assigned *a, struct srv_conn *conn, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;

	if (!a->asked)
		return 0;
	const char *groups = srv_array_text(&a->groups), *serials = srv_array_text(&a->serials),
		   *ids = srv_array_text(&a->ids);
	int r = groups && serials && ids
			? srv_query(conn, &rows, err,
				    "SELECT DISTINCT p.group_name, p.serial, p.policy_id FROM "
				    "unnest($1::text[], $2::bigint[], $3::text[]) AS q (g, s, i) "
				    "JOIN policies p ON p.group_name = q.g AND p.serial = q.s AND "
				    "p.policy_id = q.i",
				    SRV_TEXT(groups), SRV_TEXT(serials), SRV_TEXT(ids))
			: err_set(err, -ENOMEM, "out of memory");

	forget_questions(a);
	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		learn(a, rows, i);
	return r;
}
