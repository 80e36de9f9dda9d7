/* Frames over one TLS connection: what a session reads and writes. One thread. */
#ifndef SERVER_FLEET_WIRE_H
#define SERVER_FLEET_WIRE_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "proto/fleet.pb-c.h"
#include "server/tls.h"

struct srv_wire {
	struct srv_tls_conn *tls; /* borrowed */
	struct buf in;
};

void srv_wire_release(struct srv_wire *wire);
/* The next whole frame of what was read: 1 with *ret_frame (free with wire_free()), 0 when more bytes are
 * needed, -EILSEQ, -EFBIG, -EBADMSG as wire_unpack() and wire_next_frame(), -ENOMEM. */
int srv_wire_next(struct srv_wire *wire, Ampoule__Frame **ret_frame) must_check;
/* Reads what is there. 0; -EPIPE at the peer's close; -errno. */
int srv_wire_fill(struct srv_wire *wire) must_check;
int srv_wire_send(struct srv_wire *wire, const Ampoule__Frame *frame) must_check;
/* Sends a Refusal. code is stable and short, text for a person. */
int srv_wire_refuse(struct srv_wire *wire, const char *code, const char *text) must_check;

#endif
