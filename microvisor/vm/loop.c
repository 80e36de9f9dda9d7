#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "microvisor/vm/clock.h"
#include "microvisor/vm/control.h"
#include "microvisor/vm/log.h"
#include "microvisor/vm/machine.h"
#include "microvisor/vm/shell.h"

/* The main loop: sleeps until something happens or is due, and never polls by time. An idle micro-VM
 * costs no wake-up at all. */

enum {
	/* Touched by demand: most of a stack is never a page of memory. */
	VCPU_STACK_BYTES = 256 << 10,
	JOIN_LIMIT_S = 1,
	SETTLE_MS = 1000 /* of quiet, then a template is saved: kernels finish things late */
};

enum {
	ON_CONTROL,
	ON_TASK,
	ON_END,
	ON_AUDIT,
	ON_COUNT
};

/* Time asleep with the host is not counted. */
static uint64_t now_ms(void)
{
	return mv_clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* A table that is no table leaves the old one in force; APPLIED then tells the old serial and why. */
static void apply_policy(struct mv_machine *m, int fd)
{
	struct mv_msg reply = {.type = MV_MSG_APPLIED};
	int r = mv_machine_replace_policy(m, fd, &reply.serial);

	if (r < 0) {
		errno = -r;
		mv_log(MV_LOG_ERROR, "policy: refused, the old one stays in force: %m");
		reply.serial = mv_arbiter_serial(m->arbiter);
		reply.detail = (uint32_t)-r;
	}
	if (mv_control_send(m->control, &reply, sizeof(reply)) < 0)
		mv_machine_end(m, MV_END_STOPPED, 0);
}

static void on_control(struct mv_machine *m)
{
	bool is_launch = m->kind == MV_KIND_SHELL && !m->launching;
	struct mv_msg msg;
	int fd;
	int r = is_launch ? mv_shell_receive(m) : mv_control_receive(m->control, &msg, &fd);

	if (r < 0) {
		if (r != -EPIPE)
			mv_log(MV_LOG_ERROR, "control: a message that is none, giving up");
		mv_machine_end(m, MV_END_STOPPED, r == -EPIPE ? 0 : (uint32_t)-r);
		return;
	}
	if (is_launch)
		return;
	switch (msg.type) {
	case MV_MSG_POLICY:
		apply_policy(m, fd);
		close(fd);
		break;
	case MV_MSG_SIGNAL:
		if (mv_task_signal(m->task, msg.value) < 0)
			mv_log(MV_LOG_WARN, "control: no such signal %u, ignoring", msg.value);
		break;
	default: /* MV_MSG_STOP: the receiver lets nothing else through */
		mv_machine_end(m, MV_END_STOPPED, 0);
		break;
	}
}

/* Ends the machine when a limit is over; else *left_ms becomes the time to the next one, -1 for none. */
static void check_limits(struct mv_machine *m, int *left_ms)
{
	uint64_t passed = now_ms() - m->begin_ms;
	const struct {
		uint64_t limit_ms;
		enum mv_end why;
	} limits[] = {{m->boot_limit_ms, MV_END_BOOT}, {m->lifetime_ms, MV_END_LIFETIME}};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].limit_ms == 0 || m->kind == MV_KIND_SHELL)
			continue;
		if (passed >= limits[i].limit_ms) {
			mv_machine_end(m, limits[i].why, 0);
			continue;
		}
		uint64_t left = limits[i].limit_ms - passed;
		int ms = left < 3600000 ? (int)left : 3600000;

		if (*left_ms < 0 || ms < *left_ms)
			*left_ms = ms;
	}
}

static void serve(struct mv_machine *m, const struct pollfd *fds)
{
	eventfd_t count;

	if (fds[ON_CONTROL].revents)
		on_control(m);
	if (m->launching)
		mv_shell_go(m);
	if (fds[ON_TASK].revents)
		mv_task_handle(m->task);
	if (fds[ON_AUDIT].revents)
		(void)eventfd_read(m->audit_event, &count); /* empty already: fine */
	if (mv_arbiter_is_terminated(m->arbiter))
		mv_machine_end(m, MV_END_POLICY, 0);
}

/* Nothing has happened for a while: the guest is parked, or still busy with itself. The vCPU's thread
 * looks, and saves it. */
static void park(struct mv_machine *m)
{
	atomic_store(&m->is_parking, true);
	mv_vcpu_kick(&m->vcpu, m->vcpu_thread);
}

static void loop(struct mv_machine *m)
{
	struct pollfd fds[ON_COUNT] = {
		[ON_CONTROL] = {.fd = m->control, .events = POLLIN},
		[ON_TASK] = {.fd = mv_task_fd(m->task), .events = POLLIN},
		[ON_END] = {.fd = m->end_event, .events = POLLIN},
		[ON_AUDIT] = {.fd = m->audit_event, .events = POLLIN},
	};

	m->begin_ms = now_ms();
	for (;;) {
		int left_ms = mv_audit_flush(m->audit, 0);

		check_limits(m, &left_ms);
		if (atomic_load(&m->is_stopping)) /* mv_machine_end() */
			return;
		bool is_parking = m->is_ready && m->kind == MV_KIND_TEMPLATE;
		int n = poll(fds, ON_COUNT, is_parking ? SETTLE_MS : left_ms);

		if (n < 0 && errno != EINTR) {
			mv_machine_end(m, MV_END_ERROR, (uint32_t)errno);
			return;
		}
		if (n > 0)
			serve(m, fds);
		else if (is_parking)
			park(m);
	}
}

/* Signals belong to the main thread; the kick alone reaches the vCPU's. */
static int start_vcpu(struct mv_machine *m)
{
	pthread_attr_t attr;
	int r = -pthread_attr_init(&attr);

	if (r < 0)
		return r;
	r = -pthread_attr_setstacksize(&attr, VCPU_STACK_BYTES);
	if (r == 0)
		r = -pthread_create(&m->vcpu_thread, &attr, mv_machine_vcpu, m);
	pthread_attr_destroy(&attr);
	return r;
}

/* The last thread is started and this one gives up making more, before the guest's first instruction:
 * the vCPU thread waits for the lock. Of a shell only that thread goes without Landlock until there is a share
 * to be opened: it opens the names. */
static int start_jailed(struct mv_machine *m)
{
	pthread_mutex_lock(&m->lock);
	int r = start_vcpu(m);

	if (r == 0 && m->kind == MV_KIND_SHELL)
		r = mv_landlock_enter(NULL, 0, -1);
	if (r == 0)
		r = mv_task_start(m->task);
	if (r == 0)
		r = mv_seccomp_enter(MV_SECCOMP_MAIN);
	if (r < 0)
		atomic_store(&m->is_stopping, true);
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* Best effort: the guest runs no more, or the end of the process stops it a moment later. */
static void stop_vcpu(struct mv_machine *m)
{
	struct timespec limit;

	atomic_store(&m->is_stopping, true);
	mv_vcpu_kick(&m->vcpu, m->vcpu_thread);
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += JOIN_LIMIT_S;
	if (pthread_clockjoin_np(m->vcpu_thread, NULL, CLOCK_MONOTONIC, &limit) != 0)
		mv_log(MV_LOG_WARN, "vcpu: stuck in a call of the host");
}

static void report(struct mv_machine *m)
{
	mv_audit_flush(m->audit, 1);
	pthread_mutex_lock(&m->lock);
	struct mv_msg msg = {.type = MV_MSG_EXIT, .value = m->why, .detail = m->detail};

	pthread_mutex_unlock(&m->lock);
	mv_log(MV_LOG_INFO, "machine: ended why=%u detail=%u early_unknown=%llu rip=0x%llx",
	       msg.value, msg.detail, (unsigned long long)m->early_unknown,
	       (unsigned long long)mv_vcpu_rip(&m->vcpu));
	if (msg.value == MV_END_NOT_STARTED)
		mv_log(MV_LOG_WARN, "guest: task not started: %s", mv_task_failure(m->task));
	/* The agent may be gone: then there is nobody to tell. */
	if (mv_control_send(m->control, &msg, sizeof(msg)) < 0)
		mv_log(MV_LOG_WARN, "control: cannot tell the end: %m");
}

void mv_machine_run(struct mv_machine *m)
{
	const struct mv_msg booting = {.type = MV_MSG_STATE, .value = MV_STATE_BOOTING};

	mv_vcpu_prepare_kicks();
	int r = mv_control_send(m->control, &booting, sizeof(booting));

	if (r == 0 && m->kind == MV_KIND_CLONE)
		mv_task_resume(m->task, m->is_dax);
	if (r == 0 && m->kind == MV_KIND_SHELL)
		mv_task_rehearse(m->task);
	if (r == 0)
		r = start_jailed(m);
	if (r == 0) {
		loop(m);
		stop_vcpu(m);
	} else {
		mv_machine_end(m, MV_END_ERROR, (uint32_t)-r);
	}
	report(m);
}
