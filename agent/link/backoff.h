/* How long to wait before the next try to connect: exponential, full jitter (the wait is uniform between
 * zero and the bound), so that a fleet does not come back all at once. Plain data, one thread. */
#ifndef AGENT_LINK_BACKOFF_H
#define AGENT_LINK_BACKOFF_H

#include <stdint.h>

enum {
	AGENT_BACKOFF_FIRST_MS = 500,
	AGENT_BACKOFF_MAX_MS = 60000
};

struct agent_backoff {
	unsigned failures; /* in a row */
};

/* Milliseconds to wait after another failure. random: any uniform number. */
uint64_t agent_backoff_next(struct agent_backoff *backoff, uint32_t random);
void agent_backoff_reset(struct agent_backoff *backoff);

#endif
