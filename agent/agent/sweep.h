/* Trees that a guest made, measured and destroyed: of any depth and number, without following anything.
 *
 * The agent's thread starts it; the destroying is done by a child of its own. */
#ifndef AGENT_AGENT_SWEEP_H
#define AGENT_AGENT_SWEEP_H

#include <stddef.h>
#include <stdint.h>

#include "agent/agent/loop.h"
#include "common/cleanup.h"

/* Starts a process that empties the folder trash/ in `folder`; on_exit is called with its status, 0 when all is
 * gone. -errno. */
int agent_sweep_start(struct agent_child *child, struct agent_loop *loop, const char *folder,
		      agent_on_exit *on_exit, void *context) must_check;
/* Removes everything in the folder of this descriptor. 0 or -errno of the first that stays. */
int agent_sweep_empty(int folder) must_check;
/* Bytes on disk of all files below path; UINT64_MAX with more than max entries. */
uint64_t agent_sweep_measure(const char *path, size_t max);

#endif
