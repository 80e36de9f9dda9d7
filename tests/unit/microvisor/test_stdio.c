#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "microvisor/guest/stdio.h"
#include "tests/support/suite.h"
#include "tests/support/task_fixture.h"

static void setup(void)
{
	task_set_up(NULL);
}

static void prints(uint32_t port, const char *bytes, size_t n)
{
	guest_send(&g, port, VIRTIO_VSOCK_OP_RW, bytes, n);
}
#define PRINTS(port, literal) prints(port, literal, sizeof(literal) - 1)

START_TEST(output_reaches_its_own_descriptor)
{
	task_run();
	PRINTS(MV_PORT_STDOUT, "to out");
	PRINTS(MV_PORT_STDERR, "to err");
	user_reads(1, "to out", 6);
	user_reads(2, "to err", 6);
}
END_TEST

START_TEST(input_reaches_the_guest_and_ends)
{
	task_run();
	ck_assert_int_eq(write(user[0], "some input", 10), 10);
	hear(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.h.len, 10);
	ck_assert_mem_eq(packet.payload, "some input", 10);
	close(user[0]);
	user[0] = -1;
	hear(MV_PORT_STDIN, VIRTIO_VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(packet.h.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
}
END_TEST

START_TEST(input_is_not_read_before_the_guest_asks)
{
	char got[16];
	int flags = fcntl(given_fd[0], F_GETFL);

	ck_assert_int_eq(write(user[0], "kept", 4), 4);
	connect_port(MV_PORT_CONTROL);
	SAY(READY);
	usleep(50000);
	ck_assert_int_eq(fcntl(given_fd[0], F_SETFL, flags | O_NONBLOCK), 0);
	ck_assert_int_eq(read(given_fd[0], got, sizeof(got)), 4);
}
END_TEST

START_TEST(the_users_descriptors_keep_their_flags)
{
	task_run();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(fcntl(given_fd[i], F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(a_reader_that_left_resets_the_stream)
{
	task_run();
	close(user[1]);
	user[1] = -1;
	PRINTS(MV_PORT_STDOUT, "into the void");
	hear(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	PRINTS(MV_PORT_STDERR, "still here");
	user_reads(2, "still here", 10);
}
END_TEST

START_TEST(the_end_of_a_stream_closes_its_descriptor)
{
	char got[8];

	task_run();
	PRINTS(MV_PORT_STDOUT, "bye");
	guest_shutdown(&g, MV_PORT_STDOUT, 3);
	user_reads(1, "bye", 3);
	ck_assert_int_eq(read(user[1], got, sizeof(got)), 0);
}
END_TEST

START_TEST(the_guest_that_closes_its_input_stops_the_reading)
{
	task_run();
	guest_shutdown(&g, MV_PORT_STDIN, 3);
	hear(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RST);
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 100 && write(user[0], "x", 1) == 1; i++)
		usleep(10000);
	ck_assert_int_eq(write(user[0], "x", 1), -1);
}
END_TEST

/* The flood: the guest has its credit's worth of bytes on their way and no more, the user's pipe and
 * the stream's buffer a little, and the task's end waits for the reader. */
START_TEST(a_slow_reader_holds_back_the_guest_and_the_end)
{
	static char block[MV_VSOCK_BUFFER];
	uint32_t sent = 0;
	uint32_t taken = 0;
	size_t got = 0;
	ssize_t n;

	task_run();
	for (int quiet = 0; quiet < 20;) {
		while (guest_receive(&g, &packet))
			if (packet.h.src_port == MV_PORT_STDOUT)
				taken = packet.h.fwd_cnt;
		guest_notify(&g, GUEST_RX);
		if (MV_VSOCK_BUFFER - (sent - taken) < 4096) {
			quiet++;
			usleep(5000);
			continue;
		}
		quiet = 0;
		prints(MV_PORT_STDOUT, block, 4096);
		sent += 4096;
	}
	/* A pipe of 64 KiB, our ring of 64 KiB, two chunks between them. */
	ck_assert_uint_le(sent, 2 * 65536 + 2 * MV_STDIO_CHUNK);
	ck_assert_uint_ge(sent, 2 * 65536);
	SAY(EXIT);
	usleep(50000);
	task_settle();
	ck_assert_uint_eq(seen.ends, 0);
	while (got < sent && (n = read(user[1], block, sizeof(block))) > 0)
		got += (size_t)n;
	ck_assert_uint_eq(got, sent);
	task_until_end();
	ck_assert_int_eq(seen.why, MV_END_TASK);
}
END_TEST

START_TEST(everything_printed_before_the_exit_is_written)
{
	task_run();
	PRINTS(MV_PORT_STDOUT, "last words");
	SAY(EXIT);
	task_until_end();
	user_reads(1, "last words", 10);
}
END_TEST

START_TEST(a_stuck_reader_does_not_keep_the_machine)
{
	static char block[MV_VSOCK_BUFFER];

	task_run();
	/* Someone else fills the pipe between poll and write: the thread waits in write(2). */
	ck_assert_int_ge(fcntl(given_fd[1], F_SETPIPE_SZ, 4096), 0);
	for (int i = 0; i < 8; i++)
		prints(MV_PORT_STDOUT, block, 4096);
	usleep(50000);
	ck_assert(!task_turn(0) || seen.ends == 0);
	ck_assert_int_eq(mv_task_signal(task, 15), 0);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
}
END_TEST

static const struct table_rule no_stdin[] = {
	{.id = "no-in", .class = MV_CLASS_STDIO, .verdict = MV_DENY, .exact = "stdin"},
	{.id = "stdio", .class = MV_CLASS_STDIO, .verdict = MV_ALLOW, .glob = "*"},
	{0}};

START_TEST(a_denied_stream_is_refused_and_told)
{
	task_set_up(no_stdin);
	connect_port(MV_PORT_CONTROL);
	SAY(READY);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	guest_connect(&g, MV_PORT_STDIN);
	hear(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RST);
	mv_audit_flush(audit, 1);
	ck_assert_str_eq(seen.incident, "stdin");
	connect_port(MV_PORT_STDOUT);
	task_tear_down();
}
END_TEST

START_TEST(a_new_policy_ends_a_stream_at_its_next_chunk)
{
	static const struct table_rule no_out[] = {
		{.id = "no-out", .class = MV_CLASS_STDIO, .verdict = MV_DENY, .exact = "stdout"},
		{.id = "stdio", .class = MV_CLASS_STDIO, .verdict = MV_ALLOW, .glob = "*"},
		{0}};
	uint64_t serial;
	size_t n;

	task_set_up(NULL);
	task_run();
	PRINTS(MV_PORT_STDOUT, "one");
	user_reads(1, "one", 3);
	void *table = table_build(no_out, 2, &n);

	ck_assert_int_eq(mv_arbiter_replace(arbiter, table, n, &serial), 0);
	free(table);
	PRINTS(MV_PORT_STDOUT, "two");
	hear(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	char got[8];

	ck_assert_int_eq(read(user[1], got, sizeof(got)), 0);
	task_tear_down();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("streams");
	TCase *policy = tcase_create("policy");

	tcase_add_checked_fixture(t, setup, task_tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, output_reaches_its_own_descriptor);
	tcase_add_test(t, input_reaches_the_guest_and_ends);
	tcase_add_test(t, input_is_not_read_before_the_guest_asks);
	tcase_add_test(t, the_users_descriptors_keep_their_flags);
	tcase_add_test(t, a_reader_that_left_resets_the_stream);
	tcase_add_test(t, the_end_of_a_stream_closes_its_descriptor);
	tcase_add_test(t, the_guest_that_closes_its_input_stops_the_reading);
	tcase_add_test(t, a_slow_reader_holds_back_the_guest_and_the_end);
	tcase_add_test(t, everything_printed_before_the_exit_is_written);
	tcase_add_test(t, a_stuck_reader_does_not_keep_the_machine);
	tcase_add_test(policy, a_denied_stream_is_refused_and_told);
	tcase_add_test(policy, a_new_policy_ends_a_stream_at_its_next_chunk);
	return suite_run("microvisor/stdio", t, policy);
}
