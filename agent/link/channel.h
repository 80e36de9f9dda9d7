/* Frames over one TLS connection to the server. Embedded, zeroed before use; one thread. */
#ifndef AGENT_LINK_CHANNEL_H
#define AGENT_LINK_CHANNEL_H

#include "agent/link/tls.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "proto/fleet.pb-c.h"

struct agent_channel {
	struct agent_tls *tls; /* owned; NULL when closed */
	struct buf in;
};

/* As agent_tls_connect(). -errno with the reason in err. */
int agent_channel_open(struct agent_channel *channel, const struct agent_tls_config *config,
		       struct err *err) must_check;
void agent_channel_close(struct agent_channel *channel);
int agent_channel_send(struct agent_channel *channel, const Ampoule__Frame *frame) must_check;
/* Reads what is there into the channel. 0: everything, also nothing; 1: the buffer is full, take frames and
 * call again without polling; -EPIPE, -EPROTO, -ENOMEM. */
int agent_channel_fill(struct agent_channel *channel) must_check;
/* The next whole frame: 1 and *ret_frame (free with wire_free()), 0 when there is none yet, else as
 * wire_next_frame() and wire_unpack(). */
int agent_channel_next(struct agent_channel *channel, Ampoule__Frame **ret_frame) must_check;

#endif
