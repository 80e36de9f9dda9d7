#include "server/fleet/batch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/array.h"
#include "server/fleet/rollup.h"
#include "server/fleet/rows.h"

/* Where one stream stands, during a transaction. Texts are borrowed from the rows that locked it. */
struct place {
	const char *group;  /* of the device, now */
	const char *groups; /* all it ever had, "{a,b}" */
	uint64_t last, newest;
};

/* One transaction under way. */
struct work {
	struct srv_conn *conn;
	struct srv_store *store;
	struct srv_batch **batches; /* by device, stream, arrival */
	size_t count;
	struct place *places; /* one for each batch; those of the same stream are copies */
	struct buf rows, quarantine;
	size_t stored, quarantined;
	struct srv_rollup rollup;
};

static int compare(const void *a, const void *b)
{
	const struct srv_batch *x = *(struct srv_batch *const *)a;
	const struct srv_batch *y = *(struct srv_batch *const *)b;
	int r = memcmp(x->device_id, y->device_id, sizeof(x->device_id));

	if (r == 0)
		r = memcmp(x->stream, y->stream, sizeof(x->stream));
	return r ? r : x->number < y->number ? -1 : 1;
}

static bool is_same_stream(const struct srv_batch *a, const struct srv_batch *b)
{
	return !memcmp(a->device_id, b->device_id, sizeof(a->device_id)) &&
	       !memcmp(a->stream, b->stream, sizeof(a->stream));
}

/* Locks the streams in order, so that two instances never wait for each other in a ring. */
static int lock_streams(struct work *w, struct srv_rows **ret_rows, struct err *err)
{
	cleanup_array struct srv_array devices = {0}, streams = {0};

	for (size_t i = 0; i < w->count; i++) {
		if (i && is_same_stream(w->batches[i - 1], w->batches[i]))
			continue;
		srv_array_add_text(&devices, w->batches[i]->device);
		srv_array_add_bytes(&streams, w->batches[i]->stream, sizeof(w->batches[i]->stream));
	}
	const char *d = srv_array_text(&devices), *s = srv_array_text(&streams);

	if (!d || !s)
		return err_set(err, -ENOMEM, "out of memory for streams");
	return srv_query(
		w->conn, ret_rows, err,
		"SELECT s.device, s.stream, s.last_sequence, d.group_name, ARRAY(SELECT group_name "
		"FROM device_groups g WHERE g.device = s.device)::text FROM "
		"unnest($1::uuid[], $2::bytea[]) AS q (d, s) JOIN streams s ON s.device = q.d AND "
		"s.stream = q.s JOIN devices d ON d.id = s.device ORDER BY s.device, s.stream FOR "
		"UPDATE OF s",
		SRV_TEXT(d), SRV_TEXT(s));
}

static bool is_row_of(const struct srv_rows *rows, size_t i, const struct srv_batch *batch)
{
	size_t n;

	return i < srv_rows_count(rows) &&
	       !memcmp(srv_rows_bytes(rows, i, 0, &n), batch->device_id, 16) &&
	       !memcmp(srv_rows_bytes(rows, i, 1, &n), batch->stream, 16);
}

/* Rows and batches are in the same order. */
static void find_places(struct work *w, const struct srv_rows *rows)
{
	size_t row = 0;

	for (size_t i = 0; i < w->count; i++) {
		struct srv_batch *batch = w->batches[i];

		if (i && !is_same_stream(w->batches[i - 1], batch) &&
		    is_row_of(rows, row, w->batches[i - 1]))
			row++;
		batch->error = is_row_of(rows, row, batch) ? 0 : -ENOENT;
		if (batch->error)
			continue;
		w->places[i] = (struct place){.group = srv_rows_text(rows, row, 3),
					      .groups = srv_rows_text(rows, row, 4),
					      .last = (uint64_t)srv_rows_int(rows, row, 2)};
	}
}

static bool is_assigned(struct work *w, const struct place *place, const Ampoule__Event *e)
{
	return (e->serial == 0 && !e->policy_id[0]) ||
	       srv_assigned_has(w->store->assigned, place->groups, e->serial, e->policy_id);
}

/* Asks for every policy that is not known yet, and has the answers. */
static int know_policies(struct work *w, struct err *err)
{
	for (size_t i = 0; i < w->count; i++) {
		const Ampoule__EventBatch *batch = w->batches[i]->frame->event_batch;
		const Ampoule__Event *before = NULL;

		for (size_t k = 0; !w->batches[i]->error && k < batch->n_events; k++) {
			const Ampoule__Event *e = batch->events[k];

			/* Most events of a batch name one policy. */
			if (!before || before->serial != e->serial ||
			    strcmp(before->policy_id, e->policy_id) != 0)
				(void)is_assigned(w, &w->places[i], e);
			before = e;
		}
	}
	return srv_assigned_answer(w->store->assigned, w->conn, err);
}

static const char *why_not(struct work *w, const struct srv_batch *batch, const struct place *place,
			   const Ampoule__Event *e)
{
	const char *why = batch->refuse ? batch->refuse : srv_event_unacceptable(e);

	if (!why && !is_assigned(w, place, e))
		why = "a policy that no group of the device ever had";
	return why;
}

static int put_event(struct work *w, const struct srv_batch *batch, const struct place *place,
		     const Ampoule__Event *e)
{
	const char *why = why_not(w, batch, place, e);

	if (why) {
		w->quarantined++;
		log_warn("event: quarantined device=%s sequence=%" PRIu64 " reason=\"%s\"",
			 batch->device, e->sequence, why);
		return srv_rows_put_quarantine(&w->quarantine, batch->device_id, batch->stream, why,
					       e);
	}
	w->stored++;
	srv_rollup_add(&w->rollup, place->group, e);
	return srv_rows_put_event(&w->rows, batch->device_id, batch->stream, place->group, e);
}

/* The new events of one batch become rows, or go to quarantine. */
static int put_batch(struct work *w, size_t i)
{
	struct srv_batch *batch = w->batches[i];
	const Ampoule__EventBatch *message = batch->frame->event_batch;
	struct place *place = &w->places[i];
	int r = 0;

	if (i && !w->batches[i - 1]->error && is_same_stream(w->batches[i - 1], batch))
		place->last = w->places[i - 1].newest;
	place->newest = place->last;
	for (size_t k = 0; r == 0 && k < message->n_events; k++) {
		const Ampoule__Event *e = message->events[k];

		if (e->sequence <= place->newest)
			continue;
		if (k == 0 && e->sequence > place->last + 1)
			log_warn("event: a gap, device=%s after=%" PRIu64 " next=%" PRIu64,
				 batch->device, place->last, e->sequence);
		r = put_event(w, batch, place, e);
		place->newest = e->sequence;
	}
	batch->acked = place->newest;
	return r;
}

static int put_batches(struct work *w, struct err *err)
{
	int r = srv_rows_begin(&w->rows);

	if (r == 0)
		r = srv_rows_begin(&w->quarantine);
	for (size_t i = 0; r == 0 && i < w->count; i++) {
		if (!w->batches[i]->error)
			r = put_batch(w, i);
	}
	if (r == 0)
		r = srv_rows_end(&w->rows);
	if (r == 0)
		r = srv_rows_end(&w->quarantine);
	return r < 0 ? err_set(err, r, "cannot make rows of events: %s", strerror(-r)) : 0;
}

static int copy(struct work *w, struct err *err)
{
	int r = 0;

	if (w->stored)
		r = srv_copy_in(w->conn, srv_rows_copy_sql, w->rows.data, w->rows.len, err);
	if (r == 0 && w->quarantined)
		r = srv_copy_in(w->conn, srv_rows_quarantine_sql, w->quarantine.data,
				w->quarantine.len, err);
	return r;
}

/* Of the batches of a stream the last one says how far it is. */
static int move_streams(struct work *w, struct err *err)
{
	cleanup_array struct srv_array devices = {0}, streams = {0}, sequences = {0};

	for (size_t i = 0; i < w->count; i++) {
		const struct srv_batch *batch = w->batches[i];

		if (batch->error || (i + 1 < w->count && is_same_stream(batch, w->batches[i + 1])))
			continue;
		srv_array_add_text(&devices, batch->device);
		srv_array_add_bytes(&streams, batch->stream, sizeof(batch->stream));
		srv_array_add_int(&sequences, (int64_t)w->places[i].newest);
	}
	const char *d = srv_array_text(&devices), *s = srv_array_text(&streams),
		   *n = srv_array_text(&sequences);

	if (!d || !s || !n)
		return err_set(err, -ENOMEM, "out of memory for streams");
	return srv_query(w->conn, NULL, err,
			 "UPDATE streams s SET last_sequence = q.n FROM unnest($1::uuid[], "
			 "$2::bytea[], $3::bigint[]) AS q (d, s, n) WHERE s.device = q.d AND "
			 "s.stream = q.s AND s.last_sequence < q.n",
			 SRV_TEXT(d), SRV_TEXT(s), SRV_TEXT(n));
}

static int store_locked(struct work *w, const struct srv_rows *streams, struct err *err)
{
	find_places(w, streams);
	int r = know_policies(w, err);

	if (r == 0)
		r = put_batches(w, err);
	if (r == 0 && !w->stored && !w->quarantined)
		return 0; /* all of it was stored before */
	if (r == 0)
		r = copy(w, err);
	if (r == 0)
		r = move_streams(w, err);
	if (r == 0)
		r = srv_rollup_store(&w->rollup, w->conn, w->store->instance, err);
	return r;
}

int srv_batches_store(struct srv_conn *conn, struct srv_store *store, struct srv_batch **batches,
		      size_t count, struct err *err)
{
	cleanup_rows struct srv_rows *streams = NULL;
	struct work *w = calloc(1, sizeof(*w));
	struct place *places = calloc(count, sizeof(*places));
	int r = w && places ? srv_begin(conn, err) : err_set(err, -ENOMEM, "out of memory");

	if (r == 0) {
		*w = (struct work){.conn = conn,
				   .store = store,
				   .batches = batches,
				   .count = count,
				   .places = places};
		qsort(batches, count, sizeof(struct srv_batch *), compare);
		r = lock_streams(w, &streams, err);
		if (r == 0)
			r = store_locked(w, streams, err);
		if (r == 0)
			r = srv_commit(conn, err);
		if (r < 0)
			srv_rollback(conn);
		buf_release(&w->rows);
		buf_release(&w->quarantine);
	}
	free(places);
	free(w);
	return r;
}

int srv_batch_store_singly(struct srv_conn *conn, struct srv_store *store, struct srv_batch *batch,
			   struct err *err)
{
	Ampoule__EventBatch *message = batch->frame->event_batch;
	Ampoule__Event **events = message->events;
	size_t n = message->n_events;
	int r = 0;

	message->n_events = 1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		message->events = events + i;
		r = srv_batches_store(conn, store, &batch, 1, err);
		if (r != -EINVAL && r != -EILSEQ)
			continue;
		batch->refuse = "the database refuses it";
		r = srv_batches_store(conn, store, &batch, 1, err);
		batch->refuse = NULL;
	}
	message->events = events;
	message->n_events = n;
	return r;
}
