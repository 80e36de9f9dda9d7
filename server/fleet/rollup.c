#include "server/fleet/rollup.h"

#include <errno.h>
#include <string.h>

#include "server/array.h"

enum {
	SLOTS = 2 * SRV_ROLLUP_KEYS
};

static uint32_t add_text(uint32_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619U;
	return h * 31 + 1;
}

static bool is_key(const struct srv_rollup_key *a, const struct srv_rollup_key *b)
{
	return a->audit == b->audit && !strcmp(a->group, b->group) && !strcmp(a->rule, b->rule) &&
	       !strcmp(a->task, b->task) && !strcmp(a->class, b->class) &&
	       !strcmp(a->verdict, b->verdict) && !strcmp(a->severity, b->severity);
}

/* The key's slot, or the free one where it would go: half of them are free always. */
static struct srv_rollup_key *find(struct srv_rollup *rollup, const struct srv_rollup_key *key)
{
	uint32_t h = add_text(add_text(add_text(2166136261U, key->group), key->rule), key->task);

	h = add_text(add_text(add_text(h, key->class), key->verdict), key->severity) + key->audit;
	for (;; h++) {
		struct srv_rollup_key *at = &rollup->keys[h % SLOTS];

		if (!at->events || is_key(at, key))
			return at;
	}
}

/* Beyond the limit only what a device cannot invent is told apart: words of the arbiter, its group. */
static struct srv_rollup_key *find_or_make(struct srv_rollup *rollup, struct srv_rollup_key *key)
{
	struct srv_rollup_key *at = find(rollup, key);

	if (!at->events && rollup->count >= SRV_ROLLUP_KEYS / 2) {
		key->rule = key->task = "";
		at = find(rollup, key);
	}
	if (at->events)
		return at;
	if (rollup->count == SRV_ROLLUP_KEYS)
		return NULL;
	*at = *key;
	rollup->count++;
	return at;
}

void srv_rollup_add(struct srv_rollup *rollup, const char *group, const Ampoule__Event *e)
{
	struct srv_rollup_key key = {.group = group,
				     .rule = e->rule,
				     .task = e->task,
				     .class = e->class_,
				     .verdict = e->verdict,
				     .severity = e->severity,
				     .audit = e->audit};
	struct srv_rollup_key *at = find_or_make(rollup, &key);

	if (!at)
		return;
	at->events++;
	if (__builtin_add_overflow(at->total, e->count < INT32_MAX ? e->count : INT32_MAX,
				   &at->total))
		at->total = INT64_MAX;
}

static const char upsert[] =
	"INSERT INTO events_minutes AS m (minute, writer, group_name, class, verdict, severity, "
	"audit, "
	"rule, task, events, total) SELECT date_trunc('minute', now()), $1::uuid, * FROM "
	"unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[], "
	"$8::text[], "
	"$9::bigint[], $10::bigint[]) ON CONFLICT (minute, writer, group_name, class, verdict, "
	"severity, "
	"audit, rule, task) DO UPDATE SET events = m.events + excluded.events, total = m.total + "
	"excluded.total";

int srv_rollup_store(const struct srv_rollup *rollup, struct srv_conn *conn, const char *instance,
		     struct err *err)
{
	struct srv_array columns[9] = {0};
	struct srv_param params[10] = {SRV_TEXT(instance)};
	int r = 0;

	if (!rollup->count)
		return 0;
	for (size_t i = 0; i < SLOTS; i++) {
		const struct srv_rollup_key *k = &rollup->keys[i];

		if (!k->events)
			continue;
		srv_array_add_text(&columns[0], k->group);
		srv_array_add_text(&columns[1], k->class);
		srv_array_add_text(&columns[2], k->verdict);
		srv_array_add_text(&columns[3], k->severity);
		srv_array_add_text(&columns[4], k->audit ? "t" : "f");
		srv_array_add_text(&columns[5], k->rule);
		srv_array_add_text(&columns[6], k->task);
		srv_array_add_int(&columns[7], (int64_t)k->events);
		srv_array_add_int(&columns[8], (int64_t)k->total);
	}
	for (int i = 0; i < 9; i++) {
		params[i + 1] = SRV_TEXT(srv_array_text(&columns[i]));
		if (!params[i + 1].bytes)
			r = err_set(err, -ENOMEM, "out of memory");
	}
	if (r == 0)
		r = srv_exec(conn, upsert, params, 10, NULL, err);
	for (int i = 0; i < 9; i++)
		srv_array_release(&columns[i]);
	return r;
}
