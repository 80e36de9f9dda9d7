#include "server/fleet/ledger.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/digest.h"
#include "common/log.h"
#include "server/array.h"
#include "server/hub.h"
#include "server/worker.h"

enum {
	RETRY_MS = 1000,
	GONE = 0 /* beside the phases of PolicyState */
};

struct note {
	char device[SRV_UUID_TEXT];
	unsigned kind;   /* a phase or GONE */
	uint64_t number; /* the serial, the counter */
	uint8_t digest[DIGEST_BYTES];
	char *reason; /* owned; NULL: none */
};

struct notes {
	struct note *list; /* owned */
	size_t count, cap;
};

struct srv_ledger {
	struct srv_db *db;
	const char *instance;
	struct srv_worker worker;
	struct notes notes; /* guarded by the worker's lock; it is woken when there are some */
};

/* One statement per kind. Of several notes of a device the last one counts; devices are locked in order. Failed
 * comes before applied, which settles earlier failures. */
#define NOTES                                                                                \
	"(SELECT DISTINCT ON (device) * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], " \
	"$4::text[]) "                                                                       \
	"WITH ORDINALITY AS t (device, number, digest, reason, nth) "                        \
	"WHERE EXISTS (SELECT FROM devices WHERE id = device) ORDER BY device, nth DESC) n "

static const struct {
	unsigned kind;
	const char *sql;
} statements[] = {
	{AMPOULE__POLICY_STATE__PHASE__RECEIVED,
	 "INSERT INTO device_policy_state AS s (device, received_serial, received_digest, "
	 "received_at) "
	 "SELECT device, number, digest, now() FROM " NOTES
	 "ON CONFLICT (device) DO UPDATE SET received_serial = "
	 "excluded.received_serial, received_digest = excluded.received_digest, received_at = "
	 "now()"},
	{AMPOULE__POLICY_STATE__PHASE__FAILED,
	 "INSERT INTO device_policy_state AS s (device, failed_serial, failed_digest, "
	 "failed_reason, "
	 "failed_at) SELECT device, number, digest, reason, now() FROM " NOTES
	 "ON CONFLICT (device) DO UPDATE SET failed_serial = excluded.failed_serial, failed_digest "
	 "= "
	 "excluded.failed_digest, failed_reason = excluded.failed_reason, failed_at = now()"},
	{AMPOULE__POLICY_STATE__PHASE__APPLIED,
	 "INSERT INTO device_policy_state AS s (device, applied_serial, applied_digest, "
	 "applied_at) "
	 "SELECT device, number, digest, now() FROM " NOTES
	 "ON CONFLICT (device) DO UPDATE SET applied_serial = "
	 "excluded.applied_serial, applied_digest = excluded.applied_digest, applied_at = now(), "
	 "failed_serial = CASE WHEN s.failed_serial > excluded.applied_serial THEN s.failed_serial "
	 "END, "
	 "failed_reason = CASE WHEN s.failed_serial > excluded.applied_serial THEN s.failed_reason "
	 "END"},
	{GONE, "UPDATE devices d SET instance = NULL, last_seen = now() FROM " NOTES
	       "WHERE d.id = n.device AND d.counter_offered = n.number AND "
	       "d.instance = $5::uuid"},
};

static void notes_release(struct notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		free(notes->list[i].reason);
	free(notes->list);
	*notes = (struct notes){0};
}

static int write_kind(struct srv_ledger *l, struct srv_conn *conn, const struct notes *notes,
		      size_t statement, struct err *err)
{
	cleanup_array struct srv_array device = {0}, number = {0}, digest = {0}, reason = {0};
	size_t n = 0;

	for (size_t i = 0; i < notes->count; i++) {
		const struct note *note = &notes->list[i];

		if (note->kind != statements[statement].kind)
			continue;
		srv_array_add_text(&device, note->device);
		srv_array_add_int(&number, (int64_t)note->number);
		srv_array_add_bytes(&digest, note->digest, sizeof(note->digest));
		srv_array_add_text(&reason, note->reason ? note->reason : "");
		n++;
	}
	if (n == 0)
		return 0;
	const struct srv_param params[] = {SRV_TEXT(srv_array_text(&device)),
					   SRV_TEXT(srv_array_text(&number)),
					   SRV_TEXT(srv_array_text(&digest)),
					   SRV_TEXT(srv_array_text(&reason)),
					   SRV_TEXT(l->instance)};

	for (int i = 0; i < 4; i++) {
		if (!params[i].bytes)
			return err_set(err, -ENOMEM, "out of memory for what devices report");
	}
	return srv_exec(conn, statements[statement].sql, params,
			statements[statement].kind == GONE ? 5 : 4, NULL, err);
}

static int write_notes(struct srv_ledger *l, const struct notes *notes)
{
	struct err err = {0};
	struct srv_conn *conn = srv_db_get(l->db, &err);
	int r = conn ? srv_begin(conn, &err) : -ENOTCONN;

	for (size_t i = 0; r == 0 && i < sizeof(statements) / sizeof(statements[0]); i++)
		r = write_kind(l, conn, notes, i, &err);
	if (r == 0)
		r = srv_commit(conn, &err);
	srv_db_put(l->db, conn);
	if (r < 0)
		log_warn("ledger: cannot write what %zu devices report, trying again: %s",
			 notes->count, err.text);
	return r;
}

/* Waits for notes and takes them: false when there are none and none will come. */
static bool take(struct srv_ledger *l, struct notes *out)
{
	pthread_mutex_lock(&l->worker.lock);
	while (!l->notes.count && !l->worker.stopping)
		pthread_cond_wait(&l->worker.wake, &l->worker.lock);
	*out = l->notes;
	l->notes = (struct notes){0};
	pthread_mutex_unlock(&l->worker.lock);
	return out->count > 0;
}

static void *run(void *context)
{
	struct srv_ledger *l = context;
	struct notes notes;

	while (take(l, &notes)) {
		while (write_notes(l, &notes) < 0 && srv_worker_pause(&l->worker, RETRY_MS))
			;
		notes_release(&notes);
		(void)srv_worker_pause(&l->worker, SRV_LEDGER_MS);
	}
	return NULL;
}

static void free_ledger(struct srv_ledger *l)
{
	notes_release(&l->notes);
	free(l);
}

struct srv_ledger *srv_ledger_start(struct srv_db *db, const char *instance, struct err *err)
{
	struct srv_ledger *l = calloc(1, sizeof(*l));

	if (!l) {
		(void)err_set(err, -ENOMEM, "ledger: out of memory");
		return NULL;
	}
	l->db = db;
	l->instance = instance;
	if (srv_worker_start(&l->worker, "ledger", run, l, err) == 0)
		return l;
	free_ledger(l);
	return NULL;
}

void srv_ledger_stop(struct srv_ledger *l)
{
	if (!l)
		return;
	srv_worker_stop(&l->worker);
	free_ledger(l);
}

/* Takes the note's reason, also on failure. */
static int add(struct srv_ledger *l, const struct note *note)
{
	struct notes *notes = &l->notes;
	int r = 0;

	pthread_mutex_lock(&l->worker.lock);
	if (notes->count >= SRV_LEDGER_MAX)
		r = -EBUSY;
	if (r == 0 && notes->count == notes->cap) {
		size_t cap = notes->cap ? notes->cap * 2 : 64;
		struct note *list = reallocarray(notes->list, cap, sizeof(*list));

		if (list) {
			notes->list = list;
			notes->cap = cap;
		} else {
			r = -ENOMEM;
		}
	}
	if (r == 0) {
		notes->list[notes->count++] = *note;
		if (notes->count == 1)
			pthread_cond_signal(&l->worker.wake);
	}
	pthread_mutex_unlock(&l->worker.lock);
	if (r < 0)
		free(note->reason);
	return r;
}

int srv_ledger_policy(struct srv_ledger *l, const char *device, const Ampoule__PolicyState *state)
{
	struct note note = {.kind = (unsigned)state->phase, .number = state->serial};

	(void)snprintf(note.device, sizeof(note.device), "%s", device);
	memcpy(note.digest, state->digest.data, sizeof(note.digest));
	if (state->phase == AMPOULE__POLICY_STATE__PHASE__FAILED) {
		note.reason = strdup(state->reason);
		if (!note.reason)
			return -ENOMEM;
	}
	return add(l, &note);
}

void srv_ledger_left(struct srv_ledger *l, const char *device, uint64_t counter)
{
	struct note note = {.kind = GONE, .number = counter};

	(void)snprintf(note.device, sizeof(note.device), "%s", device);
	(void)!add(l, &note); /* lost: the device is shown as connected until its instance ends */
}
