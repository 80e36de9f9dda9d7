/* The sessions of one listener: who waits for what, who has something to do, and the threads that run them.
 *
 * Each session's socket is in one epoll, armed for one event at a time. What is ready, by its socket or because
 * somebody woke it, stands in a queue in the order it came; a worker takes the first, runs it and arms it again.
 * A session that is woken while it runs is run once more. Lock order: the hub's lock, then the queue's. */
#ifndef SERVER_FLEET_QUEUE_H
#define SERVER_FLEET_QUEUE_H

#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/fleet/session.h"

struct srv_queue; /* opaque */

/* services is borrowed; its functions on owners are those below. NULL with err. */
struct srv_queue *srv_queue_new(const struct srv_services *services, size_t max, struct err *err);
int srv_queue_start(struct srv_queue *queue, size_t workers, struct err *err) must_check;
/* Ends the threads; no session runs any more. */
void srv_queue_stop(struct srv_queue *queue);
/* Ends and frees every session, which nobody holds any more, and the queue. NULL is fine. */
void srv_queue_free(struct srv_queue *queue);

/* A new session on a connected socket, which is taken. -ENFILE: the cap is reached; -errno. */
int srv_queue_add(struct srv_queue *queue, struct srv_tls *tls, int fd) must_check;
/* Wakes the sessions whose time is over. Call every second or so. */
void srv_queue_sweep(struct srv_queue *queue);

/* For struct srv_services; the owner is the session's place in the queue. Any thread. */
void srv_queue_wake(void *owner);
void srv_queue_hold(void *owner);
void srv_queue_let_go(void *owner);

#endif
