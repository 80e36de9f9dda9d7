/* The launch message for ampoule-init, as microvisor/guest.h lays it out. The agent's thread. */
#ifndef AGENT_AGENT_MESSAGE_H
#define AGENT_AGENT_MESSAGE_H

#include <stdint.h>

#include "agent/agent/request.h"
#include "common/buf.h"
#include "common/cleanup.h"

/* Appends the message: argv[0] replaced by program, our own environment in front of the caller's, the
 * working folder, the four view roots, the task's uid and limit of processes, the wall clock and fresh entropy. -ENOMEM, -EIO, -EFBIG. */
int agent_message_put(struct buf *out, const struct agent_request *request, const char *program,
		      const struct policy_task *task, const char *folder) must_check;
/* The same in a sealed memfd, owned by the caller. */
int agent_message_seal(const struct agent_request *request, const char *program,
		       const struct policy_task *task, const char *folder) must_check;

#endif
