#include "server/rest/limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* A caller has a place in one of SETS small sets, by a hash that is seeded at the start, so that nobody can
 * choose names that meet. When a set is full its oldest window makes room: a forgotten count lets a caller do
 * more than his share, never less. */

enum {
	SETS = 1024,
	WAYS = 4,
	WINDOW_MS = 60000
};

struct srv_limits {
	pthread_mutex_t lock;
	uint64_t seed;
	struct window {
		uint64_t caller; /* its hash; 0 = free */
		uint64_t started_ms;
		unsigned count;
	} windows[SETS][WAYS]; /* guarded by lock */
};

struct srv_limits *srv_limits_new(void)
{
	struct srv_limits *limits = calloc(1, sizeof(*limits));

	if (!limits)
		return NULL;
	if (getrandom(&limits->seed, sizeof(limits->seed), 0) != (ssize_t)sizeof(limits->seed)) {
		free(limits);
		return NULL;
	}
	pthread_mutex_init(&limits->lock, NULL);
	return limits;
}

void srv_limits_free(struct srv_limits *limits)
{
	if (!limits)
		return;
	pthread_mutex_destroy(&limits->lock);
	free(limits);
}

/* FNV-1a, then a mix so that low bits depend on everything. */
static uint64_t hash(uint64_t seed, size_t route, const char *key)
{
	uint64_t h = (14695981039346656037ULL ^ seed) * 1099511628211ULL;

	h = (h ^ route) * 1099511628211ULL;
	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211ULL;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	return h ? h : 1;
}

static struct window *find(struct window *set, uint64_t caller)
{
	struct window *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].caller == caller)
			return &set[i];
		if (set[i].started_ms < oldest->started_ms)
			oldest = &set[i];
	}
	*oldest = (struct window){.caller = caller};
	return oldest;
}

unsigned srv_limits_take(struct srv_limits *limits, size_t route, const char *key,
			 unsigned per_minute, uint64_t now_ms)
{
	uint64_t caller = hash(limits->seed, route, key);
	unsigned wait_s = 0;

	pthread_mutex_lock(&limits->lock);
	struct window *w = find(limits->windows[caller % SETS], caller);

	if (!w->started_ms || now_ms - w->started_ms >= WINDOW_MS) {
		w->started_ms = now_ms;
		w->count = 0;
	}
	if (w->count >= per_minute)
		wait_s = (unsigned)((w->started_ms + WINDOW_MS - now_ms + 999) / 1000);
	else
		w->count++;
	pthread_mutex_unlock(&limits->lock);
	return wait_s;
}
