/* The agent's event loop: descriptors, timers and children, one callback at a time.
 *
 * One thread. Watches, timers and children are embedded in their owners, which stop them before they
 * go away; a stopped one is never called again, because one event is fetched at a time. */
#ifndef AGENT_AGENT_LOOP_H
#define AGENT_AGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct agent_loop;

typedef void agent_on_ready(void *context, uint32_t events); /* EPOLLIN, EPOLLHUP, ... */
typedef void agent_on_time(void *context);
typedef void agent_on_exit(void *context, int status); /* as from waitpid(2) */

struct agent_watch {
	struct agent_loop *loop; /* NULL when stopped */
	int fd;                  /* borrowed */
	agent_on_ready *on_ready;
	void *context;
};

struct agent_timer {
	struct agent_loop *loop; /* NULL when stopped */
	struct agent_timer *next;
	uint64_t due_ms;
	agent_on_time *on_time;
	void *context;
};

struct agent_child {
	pid_t pid; /* 0 when there is none */
	int pidfd; /* owned */
	agent_on_exit *on_exit;
	void *context;
	struct agent_watch watch;
};

struct agent_loop {
	int epoll_fd;
	bool quit;
	struct agent_timer *timers; /* by due time, soonest first */
};

/* 0 or -errno. */
int agent_loop_init(struct agent_loop *loop) must_check;
void agent_loop_release(struct agent_loop *loop);
/* Runs until agent_loop_quit(). 0 or -errno of epoll_wait(2). */
int agent_loop_run(struct agent_loop *loop) must_check;
void agent_loop_quit(struct agent_loop *loop);
/* Handles what is due, waiting at most wait_ms for it: the loop's one step, for tests. */
int agent_loop_step(struct agent_loop *loop, int wait_ms) must_check;

/* events as in epoll_ctl(2). -EEXIST when already started, else -errno. */
int agent_watch_start(struct agent_watch *watch, struct agent_loop *loop, int fd, uint32_t events,
		      agent_on_ready *on_ready, void *context) must_check;
void agent_watch_stop(struct agent_watch *watch);

/* (Re)starts the timer; it fires once. */
void agent_timer_start(struct agent_timer *timer, struct agent_loop *loop, uint64_t after_ms,
		       agent_on_time *on_time, void *context);
void agent_timer_stop(struct agent_timer *timer);

/* Watches a child of this process; on_exit is called once, after it was reaped. -errno. */
int agent_child_watch(struct agent_child *child, struct agent_loop *loop, pid_t pid,
		      agent_on_exit *on_exit, void *context) must_check;
/* Watches it no more: its process is the caller's. */
pid_t agent_child_release(struct agent_child *child) must_check;
/* Kills the child, if there is one, and reaps it without a callback. */
void agent_child_kill(struct agent_child *child);

/* CLOCK_MONOTONIC in milliseconds; CLOCK_REALTIME in nanoseconds. */
uint64_t agent_now_ms(void);
uint64_t agent_wall_ns(void);

#endif
