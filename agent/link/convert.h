/* Events as the server wants them: numbers become the arbiter's words. One thread. */
#ifndef AGENT_LINK_CONVERT_H
#define AGENT_LINK_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "agent/link.h"
#include "agent/link/channel.h"
#include "common/cleanup.h"

/* Sends n records of one stream as an EventBatch. -EBADMSG: a number without a word, a text without end;
 * -ENOMEM; as agent_channel_send(). */
int agent_convert_send(struct agent_channel *channel, const uint8_t stream[16],
		       struct agent_event *records, size_t n) must_check;

/* Sends how the endpoint is, with what the link knows itself: its version, the kernel, the clock. -errno of
 * sending. */
int agent_convert_health(struct agent_channel *channel, const struct agent_link_health *health,
			 const char *version) must_check;

#endif
