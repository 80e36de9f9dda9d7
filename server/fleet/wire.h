/* Frames over one TLS connection: what a session reads and writes, without ever waiting. One thread.
 *
 * What the socket does not take stays in `out`. A session reads nothing more from a peer while something is
 * there, so that a peer that asks and does not read costs the answer to one question. */
#ifndef SERVER_FLEET_WIRE_H
#define SERVER_FLEET_WIRE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "proto/fleet.pb-c.h"
#include "server/tls.h"

struct srv_wire {
	struct srv_tls_conn *tls; /* borrowed */
	struct buf in, out;
};

void srv_wire_release(struct srv_wire *wire);
/* The next whole frame of what was read: 1 with *ret_frame (free with wire_free()), 0 when more bytes are
 * needed, -EILSEQ, -EFBIG, -EBADMSG as wire_unpack() and wire_next_frame(), -ENOMEM. */
int srv_wire_next(struct srv_wire *wire, Ampoule__Frame **ret_frame) must_check;
/* Whether the next whole frame begins with this field of the oneof. */
bool srv_wire_is_next(const struct srv_wire *wire, unsigned field);
/* Reads a record of what is there: 1 when something came, 0 when nothing is there; -EPIPE at the peer's
 * close; -errno. */
int srv_wire_fill(struct srv_wire *wire) must_check;
/* Sends, now or later: 0, -errno. */
int srv_wire_send(struct srv_wire *wire, const Ampoule__Frame *frame) must_check;
/* The same for frames that were packed before, for many sessions at once. */
int srv_wire_send_packed(struct srv_wire *wire, const struct buf *packed) must_check;
/* Writes what is left: 0, -errno. Whether something is still left: srv_wire_is_full(). */
int srv_wire_flush(struct srv_wire *wire) must_check;
bool srv_wire_is_full(const struct srv_wire *wire);
/* Sends a Refusal. code is stable and short, text for a person. */
int srv_wire_refuse(struct srv_wire *wire, const char *code, const char *text) must_check;

#endif
