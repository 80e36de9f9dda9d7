/* The loop: one thread that waits for every agent's channel and gives each its time, 50 times a second. */
#ifndef TESTS_FLEET_SIM_LOOP_H
#define TESTS_FLEET_SIM_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tests/fleet-sim/agent.h"
#include "tests/fleet-sim/pool.h"

struct sim_loop {
	struct sim_shared shared;
	struct sim_agent *agents;
	unsigned count;
	struct sim_pool *pool;
	pthread_t thread;
	atomic_bool stopping;
	atomic_bool connecting; /* agents that are down and due are connected */
	atomic_bool storm;      /* asks the loop to close every channel, once */
};

/* 0 or -errno; agents, count, pool and shared are set. */
int sim_loop_start(struct sim_loop *loop) must_check;
void sim_loop_stop(struct sim_loop *loop);

#endif
