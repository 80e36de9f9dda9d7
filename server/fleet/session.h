/* One connection of an agent, from the handshake to its end.
 *
 * A session runs on its own thread and belongs to it. What a frame may do depends on the session's state,
 * by one table in session.c: a connection that said Hello is the device's channel; one that begins with a
 * download never says it (proto/fleet.proto); one with an expired certificate may only renew it. No
 * database connection is held while the peer is waited for. */
#ifndef SERVER_FLEET_SESSION_H
#define SERVER_FLEET_SESSION_H

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
	SRV_HEALTH_S = 300,       /* how often a device tells how it is */
	SRV_SILENCE_S = 600,      /* a channel that says nothing for so long is closed */
	SRV_FIRST_FRAME_S = 30,   /* from the handshake to a complete first frame */
	SRV_RENEW_LATE_DAYS = 365 /* how long after its end a certificate may still be renewed */
};

/* Bits, so that the table can name several. */
enum srv_session_state {
	SRV_STATE_ENROL = 1,    /* no identity: one EnrollRequest */
	SRV_STATE_FRESH = 2,    /* identity, nothing said yet */
	SRV_STATE_CHANNEL = 4,  /* said Hello */
	SRV_STATE_DOWNLOAD = 8, /* began with a download */
	SRV_STATE_EXPIRED = 16, /* the certificate has ended */
	SRV_STATE_KNOWN = SRV_STATE_FRESH | SRV_STATE_CHANNEL | SRV_STATE_DOWNLOAD
};

struct srv_session {
	const struct srv_context *context; /* borrowed */
	const struct srv_ca *ca;           /* borrowed */
	struct srv_wire wire;
	struct srv_peer peer;
	enum srv_session_state state;
	struct srv_member member;  /* of the hub, in state CHANNEL */
	uint8_t stream[16];        /* of the events, as Hello named it */
	uint64_t announced_serial; /* the newest the device was told or has applied */
};

/* Serves the connection until it ends; logs why. tls is borrowed and still open afterwards. */
void srv_session_run(const struct srv_context *context, const struct srv_ca *ca,
		     struct srv_tls_conn *tls, const struct srv_peer *peer);

/* For the handlers. Each returns 0 to go on or a negative errno to end the connection. */

/* Sends a Refusal and ends the connection: -EPROTO (or the errno of sending). */
int srv_session_end(struct srv_session *s, const char *code, const char *text) must_check;
/* The database failed: the device is told "unavailable", the log why. */
int srv_session_unavailable(struct srv_session *s, const struct err *err) must_check;
/* Announces the group's newest policy unless the device knows it. */
int srv_session_announce(struct srv_session *s) must_check;

int srv_on_enroll(struct srv_session *s, const Ampoule__Frame *frame) must_check;
int srv_on_renew(struct srv_session *s, const Ampoule__Frame *frame) must_check;
int srv_on_hello(struct srv_session *s, const Ampoule__Frame *frame) must_check;
int srv_on_health(struct srv_session *s, const Ampoule__Frame *frame) must_check;
int srv_on_policy_fetch(struct srv_session *s, const Ampoule__Frame *frame) must_check;
int srv_on_policy_state(struct srv_session *s, const Ampoule__Frame *frame) must_check;
int srv_on_event_batch(struct srv_session *s, const Ampoule__Frame *frame) must_check;
int srv_on_image_fetch(struct srv_session *s, const Ampoule__Frame *frame) must_check;
int srv_on_blob_fetch(struct srv_session *s, const Ampoule__Frame *frame) must_check;

#endif
