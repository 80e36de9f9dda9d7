/* Connectors: threads that enrol and connect agents, each with a working folder of its own, because that is
 * where the link's code reads key and certificate. A bounded number of agents connects at once. */
#ifndef TESTS_FLEET_SIM_POOL_H
#define TESTS_FLEET_SIM_POOL_H

#include <stddef.h>

#include "tests/fleet-sim/agent.h"

struct sim_pool; /* opaque */

/* NULL when threads or memory are short. */
struct sim_pool *sim_pool_start(size_t threads);
/* Waits for what is under way; what is queued stays undone. */
void sim_pool_stop(struct sim_pool *pool);
/* Hands the agent, which is down, to the next free connector. */
void sim_pool_put(struct sim_pool *pool, struct sim_agent *a);

#endif
