/* The event spool: what the server has not yet said it stored, on disk in the order it happened.
 *
 * SQLite, WAL, synchronous=FULL. Events are put into an open transaction and count as stored after
 * agent_spool_commit(): the owner commits after AGENT_SPOOL_GROUP events or AGENT_SPOOL_DELAY_MS,
 * whichever comes first. Sequences rise by one and are never reused; the stream's id was made with the
 * database, so that a new database cannot be mistaken for the old one. When the spool is full, events are
 * counted, and the count becomes an event of its own as soon as there is room. One thread. */
#ifndef AGENT_AGENT_SPOOL_H
#define AGENT_AGENT_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "agent/link.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_SPOOL_GROUP = 32,
	AGENT_SPOOL_DELAY_MS = 20,
	AGENT_SPOOL_EVENTS_MAX = 200000,
	AGENT_STREAM_BYTES = 16
};

struct agent_spool;

struct agent_spool_stats {
	uint64_t events;    /* stored and not yet acknowledged */
	uint64_t oldest_ns; /* 0 when there is none */
	uint64_t dropped;   /* lost to the limit and not yet reported */
};

/* Opens or makes the database. A damaged one is set aside as PATH.bad and a new stream begins.
 * max_events: the limit. -errno with the text in err. */
int agent_spool_open(const char *path, uint64_t max_events, struct agent_spool **ret_spool,
		     struct err *err) must_check;
/* Commits what is open. NULL is accepted. */
void agent_spool_close(struct agent_spool *spool);

/* Adds one event (its sequence field is not used): the number of events in the open transaction.
 * 0: the spool is full, the event is counted as dropped. -EIO. */
int agent_spool_put(struct agent_spool *spool, const struct agent_event *event) must_check;
/* Makes everything put so far durable. -EIO: nothing of the open transaction is stored. */
int agent_spool_commit(struct agent_spool *spool) must_check;

/* Reads at most max committed events above sequence `after`, in order: their number, or -EIO. */
int agent_spool_read(struct agent_spool *spool, uint64_t after, struct agent_event *out,
		     size_t max) must_check;
/* Deletes everything up to the sequence. -EIO. */
int agent_spool_ack(struct agent_spool *spool, uint64_t sequence) must_check;

const uint8_t *agent_spool_stream(const struct agent_spool *spool);
void agent_spool_stat(struct agent_spool *spool, struct agent_spool_stats *out);

#endif
