/* The last events of one micro-VM, for `ampoule explain`. The agent's thread. */
#ifndef AGENT_AGENT_HISTORY_H
#define AGENT_AGENT_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "microvisor/microvisor.h"

enum {
	AGENT_HISTORY_MAX = 64
};

/* Embedded; zeroed before use. The oldest event goes when there is no room. */
struct agent_history {
	struct mv_event *events[AGENT_HISTORY_MAX]; /* owned; a ring */
	size_t first;
	size_t count;
	uint64_t refused; /* accesses denied or hidden, those that went included */
};

/* Keeps a copy. Without memory only the number rises. */
void agent_history_put(struct agent_history *history, const struct mv_event *event);
/* The n-th event kept, oldest first; n below count. Borrowed. */
const struct mv_event *agent_history_at(const struct agent_history *history, size_t n);
void agent_history_release(struct agent_history *history);

#endif
