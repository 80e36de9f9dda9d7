#include "server/fleet/ingest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "proto/frame.h"
#include "server/fleet/batch.h"
#include "server/fleet/session.h"
#include "server/uuid.h"
#include "server/worker.h"

enum {
	EVENT_BYTES = 1024, /* of memory for one, about */
	RETRY_MS = 1000,
	PREPARE_S = 600 /* between looks at the partitions, see server/schema */
};

struct srv_ingest {
	struct srv_db *db;
	struct srv_store store;
	time_t prepared_s; /* the thread's own */
	struct srv_worker
		worker; /* its lock guards what follows; it is woken when there are batches */
	struct srv_batch *first, **last;
	size_t bytes; /* of all that is not settled */
	uint64_t number;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The session may be gone when this returns. */
static void settle(struct srv_ingest *ingest, struct srv_batch *batch, int error)
{
	struct srv_session *session = batch->session;
	const struct srv_services *services = session->services;
	void *owner = session->owner;

	pthread_mutex_lock(&ingest->worker.lock);
	ingest->bytes -= batch->bytes;
	pthread_mutex_unlock(&ingest->worker.lock);
	srv_session_settle(session, (struct srv_batch_result){
					    .acked = batch->acked,
					    .error = error ? error : batch->error,
				    });
	services->let_go(owner);
	wire_free(&batch->frame->base);
	free(batch);
}

/* Partitions are made days ahead, so that this is seldom more than a look. */
static int prepare(struct srv_ingest *ingest, struct srv_conn *conn, struct err *err)
{
	time_t now = time(NULL);

	if (now - ingest->prepared_s < PREPARE_S && now >= ingest->prepared_s)
		return 0;
	int r = srv_script(conn, "SELECT events_prepare()", err);

	if (r == 0)
		ingest->prepared_s = now;
	return r;
}

/* What of -errno the world will mend by itself. */
static bool is_passing(int r)
{
	return r == -ENOTCONN || r == -ENOSPC || r == -EBUSY || r == -EAGAIN || r == -EROFS;
}

static bool is_refused_row(int r)
{
	return r == -EINVAL || r == -EILSEQ;
}

/* PostgreSQL refused a row of one of them: each by itself, and that one event by event. */
static int store_apart(struct srv_ingest *ingest, struct srv_conn *conn, struct srv_batch **batches,
		       size_t count, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = srv_batches_store(conn, &ingest->store, &batches[i], 1, err);
		if (is_refused_row(r))
			r = srv_batch_store_singly(conn, &ingest->store, batches[i], err);
	}
	return r;
}

static int store(struct srv_ingest *ingest, struct srv_batch **batches, size_t count,
		 struct err *err)
{
	struct srv_conn *conn = srv_db_get(ingest->db, err);
	int r = conn ? prepare(ingest, conn, err) : err->code;

	if (r == 0)
		r = srv_batches_store(conn, &ingest->store, batches, count, err);
	if (is_refused_row(r)) {
		ingest->prepared_s = 0; /* a missing partition looks the same */
		r = prepare(ingest, conn, err);
		if (r == 0)
			r = store_apart(ingest, conn, batches, count, err);
	}
	srv_db_put(ingest->db, conn);
	return r;
}

/* Tries until it is done, the trouble is no passing one, or the oldest batch has waited too long. */
static void store_and_settle(struct srv_ingest *ingest, struct srv_batch **batches, size_t count)
{
	int64_t patience_ms = INT64_MAX;
	bool told = false;
	int r;

	for (size_t i = 0; i < count; i++) {
		if (batches[i]->came_ms + SRV_INGEST_HOLD_S * 1000 < patience_ms)
			patience_ms = batches[i]->came_ms + SRV_INGEST_HOLD_S * 1000;
	}
	for (;;) {
		struct err err = {0};

		r = store(ingest, batches, count, &err);
		if (r < 0 && !told)
			log_error("ingest: batches=%zu: %s", count, err.text);
		told = r < 0;
		if (!is_passing(r) || now_ms() >= patience_ms ||
		    !srv_worker_pause(&ingest->worker, r == -EAGAIN ? 10 : RETRY_MS))
			break;
	}
	for (size_t i = 0; i < count; i++)
		settle(ingest, batches[i], r);
}

/* Waits for batches and takes as many as one transaction should have; 0 when none will come. */
static size_t take(struct srv_ingest *ingest, struct srv_batch **out, size_t max)
{
	size_t n = 0, rows = 0;

	pthread_mutex_lock(&ingest->worker.lock);
	while (!ingest->first && !ingest->worker.stopping)
		pthread_cond_wait(&ingest->worker.wake, &ingest->worker.lock);
	while (ingest->first && n < max && rows < SRV_INGEST_ROWS) {
		out[n] = ingest->first;
		rows += out[n]->frame->event_batch->n_events;
		ingest->first = out[n++]->next;
	}
	if (!ingest->first)
		ingest->last = &ingest->first;
	pthread_mutex_unlock(&ingest->worker.lock);
	return n;
}

static void *run(void *context)
{
	static const size_t max = SRV_INGEST_ROWS; /* a batch has one event at least */
	struct srv_ingest *ingest = context;
	cleanup_free struct srv_batch **batches = calloc(max, sizeof(struct srv_batch *));
	size_t n;

	assert(batches);
	while ((n = take(ingest, batches, max))) {
		int64_t next_ms = now_ms() + SRV_INGEST_MS;

		store_and_settle(ingest, batches, n);
		int64_t left_ms = next_ms - now_ms();

		if (left_ms > 0)
			(void)srv_worker_pause(&ingest->worker, left_ms);
	}
	return NULL;
}

static void free_ingest(struct srv_ingest *ingest)
{
	srv_assigned_free(ingest->store.assigned);
	free(ingest);
}

struct srv_ingest *srv_ingest_start(struct srv_db *db, const char *instance, struct err *err)
{
	struct srv_ingest *ingest = calloc(1, sizeof(*ingest));

	if (!ingest) {
		(void)err_set(err, -ENOMEM, "ingest: out of memory");
		return NULL;
	}
	ingest->db = db;
	ingest->last = &ingest->first;
	ingest->store = (struct srv_store){.assigned = srv_assigned_new(), .instance = instance};
	int r = ingest->store.assigned
			? srv_worker_start(&ingest->worker, "ingest", run, ingest, err)
			: err_set(err, -ENOMEM, "ingest: out of memory");

	if (r == 0)
		return ingest;
	free_ingest(ingest);
	return NULL;
}

void srv_ingest_stop(struct srv_ingest *ingest)
{
	if (!ingest)
		return;
	srv_worker_stop(&ingest->worker);
	free_ingest(ingest);
}

bool srv_ingest_is_full(struct srv_ingest *ingest)
{
	pthread_mutex_lock(&ingest->worker.lock);
	bool full = ingest->bytes >= SRV_INGEST_BYTES;

	pthread_mutex_unlock(&ingest->worker.lock);
	return full;
}

static int enqueue(struct srv_ingest *ingest, struct srv_batch *batch)
{
	int r = 0;

	pthread_mutex_lock(&ingest->worker.lock);
	if (ingest->worker.stopping) {
		r = -EBUSY;
	} else {
		ingest->bytes += batch->bytes;
		batch->number = ingest->number++;
		*ingest->last = batch;
		ingest->last = &batch->next;
		pthread_cond_signal(&ingest->worker.wake);
	}
	pthread_mutex_unlock(&ingest->worker.lock);
	return r;
}

int srv_ingest_put(struct srv_ingest *ingest, struct srv_session *session, Ampoule__Frame *frame)
{
	struct srv_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return -ENOMEM;
	*batch = (struct srv_batch){.session = session,
				    .frame = frame,
				    .bytes = frame->event_batch->n_events * EVENT_BYTES,
				    .came_ms = now_ms()};
	memcpy(batch->device, session->peer.device, sizeof(batch->device));
	memcpy(batch->stream, session->stream, sizeof(batch->stream));
	srv_uuid_bytes(batch->device, batch->device_id);
	session->services->hold(session->owner);
	int r = enqueue(ingest, batch);

	if (r < 0) {
		session->services->let_go(session->owner);
		free(batch);
	}
	return r;
}
