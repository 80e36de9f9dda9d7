/* A thread of the server's own that does something in turns until it is stopped. Embedded in what it works for. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

struct srv_worker {
	pthread_t thread;
	pthread_mutex_t lock; /* of stopping, and of what else the owner says it guards */
	pthread_cond_t
		wake; /* there is something to do, or it is to stop; waits are by CLOCK_MONOTONIC */
	bool stopping;
};

/* Runs run(context) in a thread. name begins what err says. -errno: nothing is left of it. */
int srv_worker_start(struct srv_worker *worker, const char *name, void *(*run)(void *),
		     void *context, struct err *err) must_check;
/* Waits until run() has returned, which it should when it finds stopping set; then its lock is gone. */
void srv_worker_stop(struct srv_worker *worker);
/* The thread's: so long, whatever wakes it, unless it is to stop: then false, at once. */
bool srv_worker_pause(struct srv_worker *worker, int64_t ms);

#endif
