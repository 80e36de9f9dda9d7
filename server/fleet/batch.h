/* Batches of events as they are stored: many at once, in one transaction. Used by the ingest's thread alone. */
#ifndef SERVER_FLEET_BATCH_H
#define SERVER_FLEET_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "proto/fleet.pb-c.h"
#include "server/db.h"
#include "server/fleet/assigned.h"
#include "server/hub.h"

struct srv_session;

struct srv_batch {
	struct srv_session *session; /* held */
	Ampoule__Frame *frame;       /* owned; an EventBatch */
	char device[SRV_UUID_TEXT];
	uint8_t device_id[16];
	uint8_t stream[16];
	size_t bytes;           /* of memory, about */
	uint64_t number;        /* rises with arrival */
	int64_t came_ms;        /* monotonic */
	const char *refuse;     /* NULL, or why all of its events go to quarantine */
	uint64_t acked;         /* out: the sequence to acknowledge */
	int error;              /* out: 0, or the batch has no stream to go to */
	struct srv_batch *next; /* the ingest's queue */
};

struct srv_store {
	struct srv_assigned *assigned; /* which policies groups had */
	const char *instance;          /* who writes, in the rollups */
};

/* Stores the batches, which it sorts, and commits: 0, with acked of each. As srv_query() otherwise: nothing is
 * stored then. -EINVAL and -EILSEQ: PostgreSQL refuses a row; which one is for the caller to find out, with
 * fewer of them. */
int srv_batches_store(struct srv_conn *conn, struct srv_store *store, struct srv_batch **batches,
		      size_t count, struct err *err) must_check;
/* Stores a batch event by event: one that PostgreSQL refuses is quarantined. */
int srv_batch_store_singly(struct srv_conn *conn, struct srv_store *store, struct srv_batch *batch,
			   struct err *err) must_check;

#endif
