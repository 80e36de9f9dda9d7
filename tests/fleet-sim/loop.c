#include "tests/fleet-sim/loop.h"

#include <errno.h>
#include <sys/epoll.h>

enum {
	TICK_MS = 20,
	EVENTS = 256
};

static void tick(struct sim_loop *loop, uint64_t now_ms)
{
	bool storm = atomic_exchange(&loop->storm, false);
	bool connecting = atomic_load(&loop->connecting);

	for (unsigned i = 0; i < loop->count; i++) {
		struct sim_agent *a = &loop->agents[i];
		enum sim_state state = atomic_load(&a->state);

		if (state == SIM_QUEUED)
			continue;
		if (storm && state != SIM_DOWN)
			sim_agent_go_down(a);
		else if (state != SIM_DOWN)
			sim_agent_on_time(a, now_ms);
		else if (connecting && now_ms >= a->due_ms)
			sim_pool_put(loop->pool, a);
	}
}

static void *run(void *context)
{
	struct sim_loop *loop = context;
	struct epoll_event events[EVENTS];
	uint64_t next_ms = 0;

	while (!atomic_load(&loop->stopping)) {
		uint64_t now_ms = sim_now_ms();

		if (now_ms >= next_ms) {
			tick(loop, now_ms);
			next_ms = now_ms + TICK_MS;
		}
		int n = epoll_wait(loop->shared.epoll, events, EVENTS, (int)(next_ms - now_ms));

		for (int i = 0; i < n; i++)
			sim_agent_on_ready(events[i].data.ptr);
	}
	return NULL;
}

int sim_loop_start(struct sim_loop *loop)
{
	return -pthread_create(&loop->thread, NULL, run, loop);
}

void sim_loop_stop(struct sim_loop *loop)
{
	atomic_store(&loop->stopping, true);
	pthread_join(loop->thread, NULL);
}
