#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "tests/support/suite.h"
#include "tests/support/task_fixture.h"

/* The threads of a micro-VM at once, over fake guest memory: the test's first thread is the machine's
 * main loop, another is the vCPU (guest code, and the devices inside its exits), the stdio thread is
 * the real one, and two more are the user's ends of the pipes. Under VARIANT=tsan every access of
 * theirs that no lock or atomic orders is a failure; in the other variants nothing may be lost. */

enum {
	STREAM_BYTES = 1 << 20, /* in each direction */
	CHUNK = 3000,
	RESETS = 60,
	REFUSED_EVERY = 4 /* chunks between two refused accesses */
};

/* What the guest's kernel knows of its connections; vCPU thread only. */
static struct {
	unsigned open;                  /* bit n: port n was answered */
	uint32_t taken[MV_VSOCK_PORTS]; /* the device's fwd_cnt */
	size_t heard[MV_VSOCK_PORTS];   /* bytes of the device */
	uint32_t input_sum;
	unsigned refused;
} guest_life;

static atomic_bool vcpu_is_done;
static void *tables[2];
static size_t table_bytes[2];

static uint32_t sum(uint32_t so_far, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		so_far = so_far * 31 + bytes[i];
	return so_far;
}

static void pattern(uint8_t *bytes, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)((at + i) * 2654435761u >> 24);
}

static uint32_t pattern_sum(void)
{
	uint8_t byte;
	uint32_t s = 0;

	for (size_t i = 0; i < STREAM_BYTES; i++) {
		pattern(&byte, i, 1);
		s = sum(s, &byte, 1);
	}
	return s;
}

/* The guest takes what the device has sent, and gives the buffers and the credit back. */
static void pump(void)
{
	while (guest_receive(&g, &packet)) {
		uint32_t port = packet.h.src_port;

		ck_assert_uint_lt(port, MV_VSOCK_PORTS);
		ck_assert_uint_ne(packet.h.op, VIRTIO_VSOCK_OP_RST);
		guest_life.taken[port] = packet.h.fwd_cnt;
		guest_life.heard[port] += packet.h.len;
		if (packet.h.op == VIRTIO_VSOCK_OP_RESPONSE)
			guest_life.open |= 1u << port;
		if (port == MV_PORT_STDIN)
			guest_life.input_sum =
				sum(guest_life.input_sum, packet.payload, packet.h.len);
		guest_notify(&g, GUEST_RX);
		if (packet.h.len > 0)
			guest_send(&g, port, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL, 0);
	}
	sched_yield();
}

static void guest_open_port(uint32_t port)
{
	guest_connect(&g, port);
	while (!(guest_life.open & 1u << port))
		pump();
}

static void guest_write_chunk(size_t at, size_t n)
{
	uint8_t bytes[CHUNK];

	pattern(bytes, at, n);
	while (at + n - guest_life.taken[MV_PORT_STDOUT] > MV_VSOCK_BUFFER)
		pump();
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, bytes, n);
	pump();
}

/* An access that both policies refuse, from inside an exit of its own. */
static void guest_reach(void)
{
	static const char key[] = "/home/u/.ssh/id";
	const struct mv_access access = {.class = MV_CLASS_FILE,
					 .op = MV_OP_OPEN,
					 .object = key,
					 .object_bytes = sizeof(key) - 1};

	vcpu_exit.rip++;
	ck_assert_uint_eq(mv_arbiter_decide(arbiter, &access, &vcpu_exit, MV_CASE_PLAIN), MV_DENY);
	guest_life.refused++;
}

/* A whole life: launch, input and output at once, refused accesses, a signal, the exit. */
static void *honest_vcpu(void *nothing)
{
	guest_open_port(MV_PORT_CONTROL);
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, READY, sizeof(READY) - 1);
	while (guest_life.heard[MV_PORT_CONTROL] < 8 + strlen(LAUNCH))
		pump();
	guest_open_port(MV_PORT_STDIN);
	guest_open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, STARTED, sizeof(STARTED) - 1);
	for (size_t at = 0; at < STREAM_BYTES; at += CHUNK) {
		guest_write_chunk(at, STREAM_BYTES - at < CHUNK ? STREAM_BYTES - at : CHUNK);
		if (at / CHUNK % REFUSED_EVERY == 0)
			guest_reach();
	}
	while (guest_life.heard[MV_PORT_STDIN] < STREAM_BYTES ||
	       guest_life.heard[MV_PORT_CONTROL] < 8 + strlen(LAUNCH) + 12)
		pump();
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, EXIT, sizeof(EXIT) - 1);
	atomic_store(&vcpu_is_done, true);
	return nothing;
}

/* Resets its device again and again, whatever the other threads are about to send. */
static void *resetting_vcpu(void *nothing)
{
	guest_open_port(MV_PORT_CONTROL);
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, READY, sizeof(READY) - 1);
	while (guest_life.heard[MV_PORT_CONTROL] < 8 + strlen(LAUNCH))
		pump();
	guest_open_port(MV_PORT_STDIN);
	guest_open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, STARTED, sizeof(STARTED) - 1);
	while (guest_life.heard[MV_PORT_STDIN] == 0)
		pump();
	for (int i = 0; i < RESETS; i++) {
		guest_write(&g, VIRTIO_MMIO_STATUS, 0);
		for (unsigned q = 0; q < 2; q++) {
			memset(guest_at(&g, guest_desc(q) + 0x2000), 0, 0x2000);
			g.avail[q] = g.used_seen[q] = 0;
		}
		guest_up(&g);
		for (unsigned slot = 0; slot < GUEST_QUEUE; slot++)
			guest_give(&g, slot);
		guest_notify(&g, GUEST_RX);
		guest_connect(&g, MV_PORT_STDOUT);
	}
	atomic_store(&vcpu_is_done, true);
	return nothing;
}

static void *user_writes(void *nothing)
{
	uint8_t bytes[CHUNK];

	for (size_t at = 0; at < STREAM_BYTES;) {
		size_t n = STREAM_BYTES - at < CHUNK ? STREAM_BYTES - at : CHUNK;

		pattern(bytes, at, n);
		if (write(user[0], bytes, n) != (ssize_t)n)
			break; /* the task is over: nobody reads */
		at += n;
	}
	return nothing;
}

/* The number and the sum of what the task's output was, up to its end. */
static struct {
	size_t n;
	uint32_t sum;
} output;

static void *user_listens(void *nothing)
{
	uint8_t bytes[CHUNK];
	ssize_t n;

	while ((n = read(user[1], bytes, sizeof(bytes))) > 0) {
		output.n += (size_t)n;
		output.sum = sum(output.sum, bytes, (size_t)n);
	}
	return nothing;
}

static void setup(void)
{
	static const struct table_rule rules[] = {
		{.id = "stdio", .class = MV_CLASS_STDIO, .verdict = MV_ALLOW, .glob = "*"},
		{.id = "keys", .verdict = MV_DENY, .subtree = "/home/u/.ssh"},
		{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
		{0}};

	signal(SIGPIPE, SIG_IGN);
	task_set_up(rules);
	tables[0] = table_build(rules, 2, &table_bytes[0]);
	tables[1] = table_build(rules, 3, &table_bytes[1]);
}

static void teardown(void)
{
	free(tables[0]);
	free(tables[1]);
	task_tear_down();
}

/* The machine's main loop, with another policy and a signal at each turn. */
static void main_loop(void)
{
	uint64_t serial;

	for (unsigned turn = 0; seen.ends == 0 || !atomic_load(&vcpu_is_done); turn++) {
		(void)task_turn(1);
		(void)mv_audit_flush(audit, 0);
		ck_assert_int_eq(mv_arbiter_replace(arbiter, tables[turn % 2],
						    table_bytes[turn % 2], &serial),
				 0);
		ck_assert_uint_eq(serial, 2 + turn % 2);
		ck_assert(!mv_arbiter_is_terminated(arbiter));
		if (seen.running)
			ck_assert_int_eq(mv_task_signal(task, SIGUSR1), 0);
	}
}

/* Runs the threads to their ends. */
static void run(void *(*vcpu)(void *nothing))
{
	pthread_t threads[3];
	void *(*const mains[3])(void *) = {vcpu, user_writes, user_listens};

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, mains[i], NULL), 0);
	main_loop();
	pthread_join(threads[0], NULL);
	mv_task_free(
		task); /* closes the task's ends of the pipes, so that the user's threads end */
	task = NULL;
	pthread_join(threads[1], NULL);
	pthread_join(threads[2], NULL);
	(void)mv_audit_flush(audit, 1);
}

START_TEST(a_whole_life_loses_no_byte_and_no_event)
{
	run(honest_vcpu);
	ck_assert_int_eq(seen.why, MV_END_TASK);
	ck_assert_uint_eq(seen.detail, 0x300);
	ck_assert_uint_eq(output.n, STREAM_BYTES);
	ck_assert_uint_eq(output.sum, pattern_sum());
	ck_assert_uint_eq(guest_life.input_sum, pattern_sum());
	ck_assert_uint_gt(guest_life.refused, 80);
	ck_assert_uint_eq(seen.told + seen.lost, guest_life.refused);
}
END_TEST

START_TEST(a_device_that_is_reset_while_it_is_written_to_ends_the_task_once)
{
	run(resetting_vcpu);
	ck_assert_uint_eq(seen.ends, 1);
	ck_assert_int_eq(seen.why, MV_END_GUEST);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("threads");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_whole_life_loses_no_byte_and_no_event);
	tcase_add_test(t, a_device_that_is_reset_while_it_is_written_to_ends_the_task_once);
	return suite_run("microvisor/threads", t);
}
