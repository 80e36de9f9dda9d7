/* A task over a vsock device, with the test in the guest's place, and pipes in the user's. */
#ifndef TESTS_SUPPORT_TASK_FIXTURE_H
#define TESTS_SUPPORT_TASK_FIXTURE_H

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "microvisor/guest/task.h"
#include "tests/support/table.h"
#include "tests/support/vsock_guest.h"

/* The guest's frames, as guest.h spells them. */
#define READY   "\1\0\0\0\x8\0\0\0\2\0\0\0\1\0\0\0"
#define STARTED "\3\0\0\0\0\0\0\0"
#define FAILED  "\4\0\0\0\6\0\0\0\2\0\0\0no"
#define EXIT    "\5\0\0\0\4\0\0\0\0\3\0\0" /* status 3 */
#define LAUNCH  "a launch message is passed on as it is"

/* One world per test: Check runs each in a process of its own. */
static struct guest g;
static struct guest_packet packet;
static struct mv_task *task;
static struct mv_arbiter *arbiter;
static struct mv_audit *audit;
static struct mv_exit vcpu_exit;
static int user[3];     /* the user's ends: write to [0], read from [1] and [2] */
static int given_fd[3]; /* the task's ends */

static struct {
	unsigned ready, running, ends;
	enum mv_end why;
	uint32_t detail;
	uint64_t told; /* accesses that events told of, and those that they told as lost */
	uint64_t lost;
	char incident[MV_NAME_MAX];
} seen;
static pthread_mutex_t event_lock = PTHREAD_MUTEX_INITIALIZER; /* events come from every thread */

static inline void on_state(void *machine, enum mv_state state)
{
	(void)machine;
	seen.ready += state == MV_STATE_READY;
	seen.running += state == MV_STATE_RUNNING;
}

static inline void on_end(void *machine, enum mv_end why, uint32_t detail)
{
	(void)machine;
	seen.ends++;
	seen.why = why;
	seen.detail = detail;
}

static inline void on_event(void *context, const struct mv_event *event)
{
	(void)context;
	pthread_mutex_lock(&event_lock);
	seen.told += event->class == MV_CLASS_FILE ? event->count : 0;
	seen.lost += event->dropped;
	snprintf(seen.incident, sizeof(seen.incident), "%.*s",
		 (int)(event->object_bytes < MV_NAME_MAX ? event->object_bytes : MV_NAME_MAX - 1),
		 event->object);
	pthread_mutex_unlock(&event_lock);
}

static inline uint64_t no_clock(void *context)
{
	(void)context;
	return 0;
}

/* Rules for class STDIO; NULL: everything is allowed. */
static inline void task_set_up(const struct table_rule *rules)
{
	static const struct mv_task_ops ops = {.state = on_state, .end = on_end};
	static const struct table_rule allow[] = {
		{.id = "stdio", .class = MV_CLASS_STDIO, .verdict = MV_ALLOW, .glob = "*"}, {0}};
	size_t n;
	void *table = table_build(rules ? rules : allow, 1, &n);

	audit = mv_audit_new(on_event, no_clock, NULL);
	ck_assert_int_eq(mv_arbiter_new(table, n, audit, &arbiter), 0);
	free(table);
	for (int i = 0; i < 3; i++) {
		int pair[2];

		ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
		user[i] = pair[i == 0];
		given_fd[i] = pair[i != 0];
	}
	guest_init(&g);
	struct mv_task_config config = {
		.vsock = g.vsock,
		.launch = LAUNCH,
		.launch_bytes = strlen(LAUNCH),
		.fds = {given_fd[0], given_fd[1], given_fd[2]},
		.arbiter = arbiter,
		.exit = &vcpu_exit,
		.ops = &ops,
	};

	task = mv_task_new(&config);
	ck_assert_ptr_nonnull(task);
	ck_assert_int_eq(mv_task_start(task), 0);
}

static inline void task_tear_down(void)
{
	mv_task_free(task);
	guest_release(&g);
	mv_arbiter_free(arbiter);
	mv_audit_free(audit);
	for (int i = 0; i < 3; i++)
		close(user[i]);
}

/* One turn of the machine's main loop, if there is something to do within the time. */
static inline bool task_turn(int timeout_ms)
{
	struct pollfd p = {.fd = mv_task_fd(task), .events = POLLIN};

	if (poll(&p, 1, timeout_ms) != 1)
		return false;
	mv_task_handle(task);
	return true;
}

static inline void task_settle(void)
{
	while (task_turn(0))
		;
	mv_audit_flush(audit, 1);
}

/* Turns until the task's end was told; fails after ten seconds. */
static inline void task_until_end(void)
{
	for (int i = 0; i < 1000 && seen.ends == 0; i++)
		(void)task_turn(10);
	ck_assert_uint_eq(seen.ends, 1);
	mv_audit_flush(audit, 1);
}

static inline void say(const char *bytes, size_t n)
{
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, bytes, n);
	task_settle();
}
#define SAY(literal) say(literal, sizeof(literal) - 1)

/* The next packet of the device, which may need the stdio thread to come about. */
static inline void hear(uint32_t port, uint16_t op)
{
	for (int i = 0; i < 1000; i++) {
		if (guest_receive(&g, &packet) && packet.h.op != VIRTIO_VSOCK_OP_CREDIT_UPDATE) {
			ck_assert_uint_eq(packet.h.src_port, port);
			ck_assert_uint_eq(packet.h.op, op);
			return;
		}
		usleep(10000);
	}
	ck_abort_msg("no packet from port %u", port);
}

static inline void connect_port(uint32_t port)
{
	guest_connect(&g, port);
	hear(port, VIRTIO_VSOCK_OP_RESPONSE);
}

/* Up to a running task with all three streams. */
static inline void task_run(void)
{
	connect_port(MV_PORT_CONTROL);
	SAY(READY);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	connect_port(MV_PORT_STDIN);
	connect_port(MV_PORT_STDOUT);
	connect_port(MV_PORT_STDERR);
	SAY(STARTED);
	ck_assert_uint_eq(seen.running, 1);
}

/* Reads exactly n bytes of the user's end; waits for them. */
static inline void user_reads(int i, const char *want, size_t n)
{
	char got[256];
	size_t at = 0;

	ck_assert_uint_le(n, sizeof(got));
	while (at < n) {
		ssize_t part = read(user[i], got + at, n - at);

		ck_assert_int_gt(part, 0);
		at += (size_t)part;
	}
	ck_assert_mem_eq(got, want, n);
}

#endif
