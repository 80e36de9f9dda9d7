#include "server/worker.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static void destroy(struct srv_worker *worker)
{
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
}

int srv_worker_start(struct srv_worker *worker, const char *name, void *(*run)(void *),
		     void *context, struct err *err)
{
	pthread_condattr_t clock;

	*worker = (struct srv_worker){0};
	pthread_mutex_init(&worker->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->wake, &clock);
	pthread_condattr_destroy(&clock);
	int r = -pthread_create(&worker->thread, NULL, run, context);

	if (r == 0)
		return 0;
	destroy(worker);
	return err_set(err, r, "%s: cannot start a thread: %s", name, strerror(-r));
}

void srv_worker_stop(struct srv_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	pthread_cond_broadcast(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	destroy(worker);
}

bool srv_worker_pause(struct srv_worker *worker, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&worker->lock);
	while (!worker->stopping &&
	       pthread_cond_timedwait(&worker->wake, &worker->lock, &until) != ETIMEDOUT)
		;
	bool go_on = !worker->stopping;

	pthread_mutex_unlock(&worker->lock);
	return go_on;
}
