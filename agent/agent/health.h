/* How this endpoint is, told to the server: when it connects, when something changes that an admin looks for, and
 * as often as the server asks. Counts and times, no names of users or files. The agent's thread. */
#ifndef AGENT_AGENT_HEALTH_H
#define AGENT_AGENT_HEALTH_H

#include <stdint.h>

#include "agent/agent/loop.h"
#include "agent/link.h"

struct agent;

enum {
	AGENT_HEALTH_LOOK_MS = 15000
};

/* Embedded; zeroed before use. */
struct agent_health {
	struct agent *agent;
	struct agent_timer timer;
	uint64_t every_ms; /* 0: the server takes none */
	uint64_t sent_ms;
	struct agent_link_health last; /* as it was sent */
};

/* The link is up: tells at once, then goes on telling. every_s 0: the server does not want to know. */
void agent_health_start(struct agent_health *health, struct agent *agent, uint32_t every_s);
void agent_health_stop(struct agent_health *health);
/* As it is now. */
void agent_health_look(struct agent *agent, struct agent_link_health *out);

#endif
