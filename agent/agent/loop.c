#include "agent/agent/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

/* One event is fetched per epoll_wait(2): a callback may then stop and free any other watch without
 * leaving a stale pointer in a fetched batch. */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t agent_now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t agent_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int agent_loop_init(struct agent_loop *loop)
{
	*loop = (struct agent_loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	return loop->epoll_fd < 0 ? -errno : 0;
}

void agent_loop_release(struct agent_loop *loop)
{
	if (loop->epoll_fd > 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

void agent_loop_quit(struct agent_loop *loop)
{
	loop->quit = true;
}

/* Calls every timer that is due; returns milliseconds to the next one, or -1. */
static int run_timers(struct agent_loop *loop)
{
	uint64_t now = agent_now_ms();

	while (loop->timers && loop->timers->due_ms <= now) {
		struct agent_timer *timer = loop->timers;

		agent_timer_stop(timer);
		timer->on_time(timer->context);
	}
	if (!loop->timers)
		return -1;
	uint64_t left = loop->timers->due_ms - now;

	return left > 60000 ? 60000 : (int)left;
}

int agent_loop_step(struct agent_loop *loop, int wait_ms)
{
	struct epoll_event event;
	int next = run_timers(loop);

	if (loop->quit)
		return 0;
	if (next >= 0 && (wait_ms < 0 || next < wait_ms))
		wait_ms = next;
	int n = epoll_wait(loop->epoll_fd, &event, 1, wait_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 1) {
		struct agent_watch *watch = event.data.ptr;

		watch->on_ready(watch->context, event.events);
	}
	return 0;
}

int agent_loop_run(struct agent_loop *loop)
{
	while (!loop->quit) {
		int r = agent_loop_step(loop, -1);

		if (r < 0)
			return r;
	}
	return 0;
}

int agent_watch_start(struct agent_watch *watch, struct agent_loop *loop, int fd, uint32_t events,
		      agent_on_ready *on_ready, void *context)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (watch->loop)
		return -EEXIST;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	*watch = (struct agent_watch){loop, fd, on_ready, context};
	return 0;
}

void agent_watch_stop(struct agent_watch *watch)
{
	if (!watch->loop)
		return;
	(void)epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL); /* it was added */
	watch->loop = NULL;
}

void agent_timer_start(struct agent_timer *timer, struct agent_loop *loop, uint64_t after_ms,
		       agent_on_time *on_time, void *context)
{
	struct agent_timer **at = &loop->timers;

	agent_timer_stop(timer);
	*timer = (struct agent_timer){loop, NULL, agent_now_ms() + after_ms, on_time, context};
	while (*at && (*at)->due_ms <= timer->due_ms)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

void agent_timer_stop(struct agent_timer *timer)
{
	if (!timer->loop)
		return;
	for (struct agent_timer **at = &timer->loop->timers; *at; at = &(*at)->next) {
		if (*at != timer)
			continue;
		*at = timer->next;
		break;
	}
	timer->loop = NULL;
}

static void on_pidfd(void *context, uint32_t events)
{
	struct agent_child *child = context;
	int status = 0;

	(void)events; /* a pidfd has one: the process ended */
	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return;
	agent_watch_stop(&child->watch);
	close(child->pidfd);
	child->pid = 0;
	child->on_exit(child->context, status);
}

int agent_child_watch(struct agent_child *child, struct agent_loop *loop, pid_t pid,
		      agent_on_exit *on_exit, void *context)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);

	if (pidfd < 0)
		return -errno;
	*child = (struct agent_child){
		.pid = pid, .pidfd = pidfd, .on_exit = on_exit, .context = context};
	int r = agent_watch_start(&child->watch, loop, pidfd, EPOLLIN, on_pidfd, child);

	if (r < 0) {
		child->pid = 0;
		return r;
	}
	(void)take_fd(pidfd);
	return 0;
}

pid_t agent_child_release(struct agent_child *child)
{
	pid_t pid = child->pid;

	agent_watch_stop(&child->watch);
	close(child->pidfd);
	child->pid = 0;
	return pid;
}

void agent_child_kill(struct agent_child *child)
{
	if (child->pid <= 0)
		return;
	agent_watch_stop(&child->watch);
	(void)pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0); /* it may be gone already */
	close(child->pidfd);
	(void)waitpid(child->pid, NULL, 0);
	child->pid = 0;
}
