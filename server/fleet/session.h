/* One connection of an agent, from the handshake to its end.
 *
 * A session never waits for its peer: srv_session_run() goes as far as the bytes at hand allow and says what
 * to wait for. It is run by one thread at a time, which may be another one each time (listener.h); between
 * runs others reach it through its inbox only. What a frame may do depends on the session's state, by one
 * table in session.c: a connection that said Hello is the device's channel; one that begins with a download
 * never says it (proto/fleet.proto); one with an expired certificate may only renew it. */
#ifndef SERVER_FLEET_SESSION_H
#define SERVER_FLEET_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/cleanup.h"
#include "server/ca.h"
#include "server/config.h"
#include "server/db.h"
#include "server/fleet/wire.h"
#include "server/hub.h"
#include "server/tls.h"

enum {
	SRV_KEEPALIVE_S = 270,
	SRV_SILENCE_S = 600,       /* a channel that says nothing for so long is closed */
	SRV_FIRST_FRAME_S = 30,    /* from the handshake to a complete first frame */
	SRV_WRITE_S = 30,          /* a peer that takes nothing for so long is closed */
	SRV_RENEW_LATE_DAYS = 365, /* how long after its end a certificate may still be renewed */
	SRV_BATCHES_MAX = 4        /* of events, not yet acked; then the session reads no further */
};

/* Bits, so that the table can name several. */
enum srv_session_state {
	SRV_STATE_SHAKING = 0,  /* no peer yet */
	SRV_STATE_ENROL = 1,    /* no identity: one EnrollRequest */
	SRV_STATE_FRESH = 2,    /* identity, nothing said yet */
	SRV_STATE_CHANNEL = 4,  /* said Hello */
	SRV_STATE_DOWNLOAD = 8, /* began with a download */
	SRV_STATE_EXPIRED = 16, /* the certificate has ended */
	SRV_STATE_KNOWN = SRV_STATE_FRESH | SRV_STATE_CHANNEL | SRV_STATE_DOWNLOAD
};

/* What a run wants next; together with enum srv_tls_want. */
enum {
	SRV_SESSION_AGAIN = 4 /* there is more to do, but others have their turn first */
};

/* What all sessions of a listener share; borrowed. */
struct srv_services {
	struct srv_context context; /* its db is the agents' own pool */
	const struct srv_ca *ca;
	struct srv_ledger *ledger;
	struct srv_ingest *ingest;
	/* Of whoever holds the sessions: makes sure that the session runs soon; keeps it from being freed,
	 * until let go. Any thread. */
	void (*wake)(void *owner);
	void (*hold)(void *owner);
	void (*let_go)(void *owner);
};

/* The blob that is on its way to the peer. */
struct srv_download {
	uint8_t digest[DIGEST_BYTES];
	uint64_t offset, total; /* equal: nothing is on its way */
};

/* What became of a batch of events. */
struct srv_batch_result {
	uint64_t acked; /* sequence */
	int error;      /* 0, or why there is no ack */
};

struct srv_session {
	const struct srv_services *services;
	void *owner; /* for the services' functions */
	struct srv_wire wire;
	struct srv_peer peer;
	enum srv_session_state state;
	struct srv_member member;  /* of the hub, in state CHANNEL */
	uint8_t stream[16];        /* of the events, as Hello named it */
	uint64_t counter;          /* as rolled by this session's Hello */
	uint64_t announced_serial; /* the newest the device was told or has applied */
	struct srv_download download;
	int64_t deadline_ms;  /* of the peer's next sign of life */
	int64_t parked_ms;    /* when to try again what the ingest had no room for; 0: nothing */
	int64_t taken_ms;     /* when the peer last took bytes */
	pthread_mutex_t lock; /* of the inbox, below */
	unsigned batches;     /* under way or in results */
	unsigned result_count;
	struct srv_batch_result results[SRV_BATCHES_MAX];
};

/* Takes tls. Free with srv_session_release(). */
void srv_session_init(struct srv_session *s, const struct srv_services *services, void *owner,
		      struct srv_tls_conn *tls);
/* Ends what there is: the connection, the device's place in the hub. */
void srv_session_release(struct srv_session *s, int why);
/* Goes as far as it can: a set of enum srv_tls_want and SRV_SESSION_AGAIN, or a negative errno when the
 * connection is over. */
int srv_session_run(struct srv_session *s) must_check;
/* When srv_session_run() must be called at the latest, on the monotonic clock. */
int64_t srv_session_deadline_ms(const struct srv_session *s);
/* For the ingest: a batch of this session is settled. Any thread, while the session is held. */
void srv_session_settle(struct srv_session *s, struct srv_batch_result result);

/* For the handlers. Each returns 0 to go on, 1 when it took the frame, or a negative errno to end the
 * connection. */

/* Sends a Refusal and ends the connection: -EPROTO (or the errno of sending). */
int srv_session_end(struct srv_session *s, const char *code, const char *text) must_check;
/* The database failed: the device is told "unavailable", the log why. */
int srv_session_unavailable(struct srv_session *s, const struct err *err) must_check;
/* Announces the group's newest policy unless the device knows it. */
int srv_session_announce(struct srv_session *s) must_check;
/* Sends the next piece of the download, which is not at its end. */
int srv_session_download_more(struct srv_session *s) must_check;

int srv_on_enroll(struct srv_session *s, Ampoule__Frame *frame) must_check;
int srv_on_renew(struct srv_session *s, Ampoule__Frame *frame) must_check;
int srv_on_hello(struct srv_session *s, Ampoule__Frame *frame) must_check;
int srv_on_policy_fetch(struct srv_session *s, Ampoule__Frame *frame) must_check;
int srv_on_policy_state(struct srv_session *s, Ampoule__Frame *frame) must_check;
int srv_on_event_batch(struct srv_session *s, Ampoule__Frame *frame) must_check;
int srv_on_image_fetch(struct srv_session *s, Ampoule__Frame *frame) must_check;
int srv_on_blob_fetch(struct srv_session *s, Ampoule__Frame *frame) must_check;

#endif
