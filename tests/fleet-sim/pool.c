#include "tests/fleet-sim/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"

struct sim_pool {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct sim_agent *first, **last; /* guarded by lock */
	bool stopping;                   /* guarded by lock */
	size_t count;
	pthread_t threads[];
};

static struct sim_agent *take(struct sim_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (!pool->first && !pool->stopping)
		pthread_cond_wait(&pool->filled, &pool->lock);
	struct sim_agent *a = pool->stopping ? NULL : pool->first;

	if (a) {
		pool->first = a->next;
		if (!pool->first)
			pool->last = &pool->first;
	}
	pthread_mutex_unlock(&pool->lock);
	return a;
}

static void *run(void *context)
{
	struct sim_agent *a;

	if (unshare(CLONE_FS) < 0) {
		log_error("pool: a thread has no working folder of its own: %m");
		exit(EXIT_FAILURE);
	}
	while ((a = take(context))) {
		if (chdir(a->folder) < 0)
			log_error("pool: %s: %m", a->folder);
		else
			sim_agent_connect(a);
	}
	return NULL;
}

struct sim_pool *sim_pool_start(size_t threads)
{
	struct sim_pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->filled, NULL);
	pool->last = &pool->first;
	while (pool->count < threads &&
	       pthread_create(&pool->threads[pool->count], NULL, run, pool) == 0)
		pool->count++;
	if (pool->count == threads)
		return pool;
	sim_pool_stop(pool);
	return NULL;
}

void sim_pool_stop(struct sim_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->filled);
	pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->filled);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void sim_pool_put(struct sim_pool *pool, struct sim_agent *a)
{
	atomic_store(&a->state, SIM_QUEUED);
	pthread_mutex_lock(&pool->lock);
	a->next = NULL;
	*pool->last = a;
	pool->last = &a->next;
	pthread_cond_signal(&pool->filled);
	pthread_mutex_unlock(&pool->lock);
}
