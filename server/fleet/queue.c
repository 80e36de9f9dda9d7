#include "server/fleet/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"

enum {
	WORKERS_MAX = 64,
	EVENTS_AT_ONCE = 32
};

/* All but the session is guarded by the queue's lock; the session is its runner's. */
struct place {
	struct srv_queue *queue;
	struct srv_session session;
	int fd;              /* the session's, for epoll */
	int64_t deadline_ms; /* the session's, as of its last run; 0: not yet begun */
	unsigned holds;      /* the session itself, and each that holds it */
	bool running, queued, again, over;
	struct place *next, **prev; /* all sessions */
	struct place *next_ready;
};

struct srv_queue {
	const struct srv_services *services;
	size_t max;
	int epoll;
	int bell; /* eventfd in the epoll, rung when somebody should look at the queue */
	pthread_mutex_t lock;
	struct place *all;
	size_t count;
	struct place *first, **last; /* ready */
	bool stopping;
	size_t workers;
	pthread_t threads[WORKERS_MAX];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void ring(const struct srv_queue *q)
{
	(void)eventfd_write(q->bell, 1); /* a full counter rings too */
}

/* ---- under the lock ---- */

static void put_ready(struct place *p)
{
	struct srv_queue *q = p->queue;

	if (p->over || p->queued)
		return;
	if (p->running) {
		p->again = true;
		return;
	}
	p->queued = true;
	p->next_ready = NULL;
	*q->last = p;
	q->last = &p->next_ready;
}

static struct place *take_ready(struct srv_queue *q)
{
	struct place *p = q->first;

	if (!p)
		return NULL;
	q->first = p->next_ready;
	if (!q->first)
		q->last = &q->first;
	p->queued = false;
	p->running = true;
	return p;
}

static void forget(struct place *p)
{
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	p->queue->count--;
}

static void arm(struct place *p, int op, int wanted)
{
	struct epoll_event event = {.events = EPOLLONESHOT | EPOLLRDHUP, .data.ptr = p};

	if (wanted & SRV_TLS_READ)
		event.events |= EPOLLIN;
	if (wanted & SRV_TLS_WRITE)
		event.events |= EPOLLOUT;
	if (epoll_ctl(p->queue->epoll, op, p->fd, &event) < 0)
		log_error("fleet: epoll: %m"); /* its deadline ends the session */
}

/* ---- */

static void free_place(struct place *p)
{
	pthread_mutex_destroy(&p->session.lock);
	free(p);
}

/* Gives up one hold; the last one frees. */
static void drop(struct place *p)
{
	struct srv_queue *q = p->queue;

	pthread_mutex_lock(&q->lock);
	bool last = --p->holds == 0;

	pthread_mutex_unlock(&q->lock);
	if (last)
		free_place(p);
}

static void end(struct place *p, int why)
{
	struct srv_queue *q = p->queue;

	srv_session_release(&p->session,
			    why); /* which closes the socket, and so leaves the epoll */
	pthread_mutex_lock(&q->lock);
	p->over = true;
	forget(p);
	pthread_mutex_unlock(&q->lock);
	drop(p);
}

static void run_one(struct place *p)
{
	struct srv_queue *q = p->queue;
	int wanted = srv_session_run(&p->session);

	if (wanted < 0) {
		end(p, wanted);
		return;
	}
	pthread_mutex_lock(&q->lock);
	p->running = false;
	p->deadline_ms = srv_session_deadline_ms(&p->session);
	if (p->again || wanted & SRV_SESSION_AGAIN) {
		p->again = false;
		put_ready(p);
	} else {
		arm(p, EPOLL_CTL_MOD, wanted);
	}
	pthread_mutex_unlock(&q->lock);
}

static void wait_for_events(struct srv_queue *q)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	eventfd_t count;
	int n = epoll_wait(q->epoll, events, EVENTS_AT_ONCE, -1);

	pthread_mutex_lock(&q->lock);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			put_ready(events[i].data.ptr);
		else if (!q->stopping)
			(void)eventfd_read(q->bell,
					   &count); /* another worker may have been quicker */
	}
	pthread_mutex_unlock(&q->lock);
}

static void *work(void *context)
{
	struct srv_queue *q = context;

	for (;;) {
		pthread_mutex_lock(&q->lock);
		bool stopping = q->stopping;
		struct place *p = stopping ? NULL : take_ready(q);
		bool more = p && q->first;

		pthread_mutex_unlock(&q->lock);
		if (stopping)
			return NULL;
		if (more)
			ring(q); /* for a worker that waits; each in turn calls the next */
		if (p)
			run_one(p);
		else
			wait_for_events(q);
	}
}

struct srv_queue *srv_queue_new(const struct srv_services *services, size_t max, struct err *err)
{
	struct srv_queue *q = calloc(1, sizeof(*q));
	struct epoll_event event = {.events = EPOLLIN};

	if (!q) {
		(void)err_set(err, -ENOMEM, "fleet: out of memory");
		return NULL;
	}
	pthread_mutex_init(&q->lock, NULL);
	q->services = services;
	q->max = max;
	q->last = &q->first;
	q->epoll = epoll_create1(EPOLL_CLOEXEC);
	q->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->epoll >= 0 && q->bell >= 0 &&
	    epoll_ctl(q->epoll, EPOLL_CTL_ADD, q->bell, &event) == 0)
		return q;
	(void)err_set(err, -errno, "fleet: no descriptors: %m");
	srv_queue_free(q);
	return NULL;
}

int srv_queue_start(struct srv_queue *q, size_t workers, struct err *err)
{
	assert(workers <= WORKERS_MAX);
	while (q->workers < workers) {
		int r = pthread_create(&q->threads[q->workers], NULL, work, q);

		if (r)
			return err_set(err, -r, "fleet: cannot start a thread: %s", strerror(r));
		q->workers++;
	}
	return 0;
}

void srv_queue_stop(struct srv_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_mutex_unlock(&q->lock);
	ring(q);
	while (q->workers)
		pthread_join(q->threads[--q->workers], NULL);
}

void srv_queue_free(struct srv_queue *q)
{
	if (!q)
		return;
	while (q->all)
		end(q->all, -ESHUTDOWN);
	if (q->epoll >= 0)
		close(q->epoll);
	if (q->bell >= 0)
		close(q->bell);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* Takes a place under the cap. */
static int insert(struct srv_queue *q, struct place *p)
{
	int r = -ENFILE;

	pthread_mutex_lock(&q->lock);
	if (q->count < q->max) {
		p->next = q->all;
		p->prev = &q->all;
		if (q->all)
			q->all->prev = &p->next;
		q->all = p;
		q->count++;
		r = 0;
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

int srv_queue_add(struct srv_queue *q, struct srv_tls *tls, int fd)
{
	struct place *p = calloc(1, sizeof(*p));
	struct err err = {0};

	if (!p) {
		close(fd);
		return -ENOMEM;
	}
	p->queue = q;
	p->holds = 1;
	p->fd = fd;
	int r = insert(q, p);

	if (r < 0) {
		close(fd);
		free(p);
		return r;
	}
	struct srv_tls_conn *conn = srv_tls_begin(tls, fd, &err);

	srv_session_init(&p->session, q->services, p, conn);
	if (!conn) {
		end(p, err.code);
		return err.code;
	}
	pthread_mutex_lock(&q->lock);
	p->deadline_ms = srv_session_deadline_ms(&p->session);
	arm(p, EPOLL_CTL_ADD, SRV_TLS_READ);
	pthread_mutex_unlock(&q->lock);
	return 0;
}

void srv_queue_sweep(struct srv_queue *q)
{
	int64_t now = now_ms();

	pthread_mutex_lock(&q->lock);
	for (struct place *p = q->all; p; p = p->next) {
		if (p->deadline_ms && p->deadline_ms <= now)
			put_ready(p);
	}
	bool any = q->first != NULL;

	pthread_mutex_unlock(&q->lock);
	if (any)
		ring(q);
}

void srv_queue_wake(void *owner)
{
	struct place *p = owner;
	struct srv_queue *q = p->queue;

	pthread_mutex_lock(&q->lock);
	bool first = !q->first;

	put_ready(p);
	first = first && q->first;
	pthread_mutex_unlock(&q->lock);
	if (first)
		ring(q);
}

void srv_queue_hold(void *owner)
{
	struct place *p = owner;

	pthread_mutex_lock(&p->queue->lock);
	p->holds++;
	pthread_mutex_unlock(&p->queue->lock);
}

void srv_queue_let_go(void *owner)
{
	drop(owner);
}
