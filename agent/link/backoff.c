#include "agent/link/backoff.h"

uint64_t agent_backoff_next(struct agent_backoff *backoff, uint32_t random)
{
	unsigned shift = backoff->failures < 16 ? backoff->failures : 16;
	uint64_t bound = (uint64_t)AGENT_BACKOFF_FIRST_MS << shift;

	backoff->failures++;
	if (bound > AGENT_BACKOFF_MAX_MS)
		bound = AGENT_BACKOFF_MAX_MS;
	return bound * random >> 32;
}

void agent_backoff_reset(struct agent_backoff *backoff)
{
	backoff->failures = 0;
}
