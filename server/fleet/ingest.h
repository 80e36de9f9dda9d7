/* Events into the database, each exactly once.
 *
 * One thread takes the batches that came meanwhile, of however many devices, and stores them in one
 * transaction: the rows of their streams are locked in order, what is at or below last_sequence was stored
 * before and is skipped, the rest goes by one COPY, and last_sequence is moved. A batch is settled after the
 * commit and not before, so a device that never sees its ack sends again and nothing is stored twice. Commits
 * are SRV_INGEST_MS apart.
 *
 * An event that is not acceptable by itself goes to quarantine and counts as received: a device must not be
 * stuck on it for ever. While the database is away, full or read-only, batches wait in memory, up to
 * SRV_INGEST_BYTES, and the rest with the devices; those that waited SRV_INGEST_HOLD_S are settled with an error. */
#ifndef SERVER_FLEET_INGEST_H
#define SERVER_FLEET_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "proto/fleet.pb-c.h"
#include "server/db.h"

enum {
	SRV_INGEST_MS = 50,
	SRV_INGEST_BYTES =
		256 << 20, /* of memory for events that wait; then sessions read no more of them */
	SRV_INGEST_ROWS = 20000, /* of one transaction */
	SRV_INGEST_HOLD_S = 120,
	SRV_EVENTS_MAX = 512 /* proto/fleet.proto, EventBatch */
};

struct srv_ingest; /* opaque */
struct srv_session;

/* instance (a UUID) names this writer in the rollups; both are borrowed. NULL with err. */
struct srv_ingest *srv_ingest_start(struct srv_db *db, const char *instance, struct err *err);
/* Settles what waits, and ends the thread. NULL is fine. */
void srv_ingest_stop(struct srv_ingest *ingest);
/* Whether no more should be put. */
bool srv_ingest_is_full(struct srv_ingest *ingest);
/* Takes a well-formed EventBatch of a session, which is held until the batch is settled: 0. -EBUSY when it
 * stops: the frame stays the caller's. -ENOMEM. */
int srv_ingest_put(struct srv_ingest *ingest, struct srv_session *session,
		   Ampoule__Frame *frame) must_check;

#endif
