#include <check.h>
#include <errno.h>

#include "tests/support/suite.h"
#include "tests/support/task_fixture.h"

static void setup(void)
{
	task_set_up(NULL);
}

START_TEST(the_launch_message_follows_ready)
{
	connect_port(MV_PORT_CONTROL);
	ck_assert_uint_eq(seen.ready, 0);
	SAY(READY);
	ck_assert_uint_eq(seen.ready, 1);
	ck_assert(mv_task_is_dax(task));
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.h.len, 8);
	ck_assert_uint_eq(strlen(LAUNCH), 0x26);
	ck_assert_mem_eq(packet.payload, "\2\0\0\0\x26\0\0\0", 8);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.h.len, strlen(LAUNCH));
	ck_assert_mem_eq(packet.payload, LAUNCH, strlen(LAUNCH));
}
END_TEST

START_TEST(the_wait_status_is_told_once)
{
	task_run();
	SAY(EXIT);
	task_until_end();
	ck_assert_int_eq(seen.why, MV_END_TASK);
	ck_assert_uint_eq(seen.detail, 0x300);
	mv_task_handle(task);
	ck_assert_uint_eq(seen.ends, 1);
}
END_TEST

START_TEST(a_failure_to_start_is_told_with_its_reason)
{
	connect_port(MV_PORT_CONTROL);
	SAY(READY);
	SAY(FAILED);
	task_until_end();
	ck_assert_int_eq(seen.why, MV_END_NOT_STARTED);
	ck_assert_uint_eq(seen.detail, ENOENT);
	ck_assert_str_eq(mv_task_failure(task), "no");
}
END_TEST

START_TEST(a_frame_out_of_order_ends_the_guest_at_once)
{
	connect_port(MV_PORT_CONTROL);
	SAY(EXIT);
	ck_assert_uint_eq(seen.ends, 1);
	ck_assert_int_eq(seen.why, MV_END_GUEST);
	ck_assert_str_eq(seen.incident, "bad-control");
}
END_TEST

START_TEST(a_lost_control_connection_ends_the_guest)
{
	task_run();
	guest_shutdown(&g, MV_PORT_CONTROL, 3);
	task_settle();
	ck_assert_uint_eq(seen.ends, 1);
	ck_assert_int_eq(seen.why, MV_END_GUEST);
	ck_assert_str_eq(seen.incident, "control-lost");
}
END_TEST

START_TEST(an_exit_just_before_the_connection_ends_counts)
{
	task_run();
	guest_send(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW, EXIT, sizeof(EXIT) - 1);
	guest_shutdown(&g, MV_PORT_CONTROL, 3);
	task_until_end();
	ck_assert_int_eq(seen.why, MV_END_TASK);
}
END_TEST

START_TEST(streams_are_refused_before_the_launch_message)
{
	connect_port(MV_PORT_CONTROL);
	guest_connect(&g, MV_PORT_STDOUT);
	hear(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	SAY(READY);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	connect_port(MV_PORT_STDOUT);
}
END_TEST

START_TEST(a_clone_is_launched_without_another_ready)
{
	connect_port(MV_PORT_CONTROL);
	mv_task_resume(task, true);
	task_settle();
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	SAY(STARTED);
	ck_assert_uint_eq(seen.running, 1);
	ck_assert(mv_task_is_dax(task));
}
END_TEST

/* A shell's task: without launch message and streams, those of the fixture given up. */
static void make_shell(void)
{
	static const struct mv_task_ops ops = {.state = on_state, .end = on_end};
	struct mv_task_config config = {.vsock = g.vsock,
					.fds = {-1, -1, -1},
					.arbiter = arbiter,
					.exit = &vcpu_exit,
					.ops = &ops};

	mv_task_free(task);
	task = mv_task_new(&config);
	ck_assert_int_eq(mv_task_start(task), 0);
}

START_TEST(a_shell_rehearses_and_is_launched_when_it_has_something_to_run)
{
	static const char launch[] = "later";
	int fds[3] = {-1, -1, -1};
	int pair[2];

	make_shell();
	connect_port(MV_PORT_CONTROL);
	mv_task_rehearse(task);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	ck_assert_mem_eq(packet.payload, "\7\0\0\0\0\0\0\0", 8);
	SAY(READY);
	ck_assert_uint_eq(seen.ready, 1);
	guest_connect(&g, MV_PORT_STDOUT);
	hear(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
	fds[1] = pair[1];
	mv_task_launch(task, launch, strlen(launch), fds);
	mv_task_wake(task);
	task_settle();
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	ck_assert_mem_eq(packet.payload, launch, strlen(launch));
	guest_connect(&g, MV_PORT_STDIN); /* the user has none */
	hear(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RST);
	connect_port(MV_PORT_STDOUT);
	SAY(STARTED);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "word", 4);
	char got[4];

	ck_assert_int_eq(read(pair[0], got, sizeof(got)), 4);
	ck_assert_mem_eq(got, "word", 4);
	close(pair[0]);
}
END_TEST

START_TEST(a_shell_whose_guest_breaks_the_protocol_ends)
{
	make_shell();
	connect_port(MV_PORT_CONTROL);
	mv_task_rehearse(task);
	SAY(STARTED);
	ck_assert_uint_eq(seen.ends, 1);
	ck_assert_int_eq(seen.why, MV_END_GUEST);
}
END_TEST

START_TEST(a_signal_reaches_the_running_task)
{
	task_run();
	ck_assert_int_eq(mv_task_signal(task, 15), 0);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.h.len, 12);
	ck_assert_mem_eq(packet.payload, "\6\0\0\0\4\0\0\0\x0f\0\0\0", 12);
}
END_TEST

START_TEST(a_signal_before_the_start_is_kept)
{
	ck_assert_int_eq(mv_task_signal(task, 2), 0);
	ck_assert_int_eq(mv_task_signal(task, 2), 0);
	ck_assert_int_eq(mv_task_signal(task, 64), 0);
	task_run();
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.payload[8], 2);
	hear(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.payload[8], 64);
	ck_assert(!guest_receive(&g, &packet));
}
END_TEST

START_TEST(a_signal_that_is_none_is_refused)
{
	ck_assert_int_eq(mv_task_signal(task, 0), -EINVAL);
	ck_assert_int_eq(mv_task_signal(task, 65), -EINVAL);
	ck_assert_int_eq(mv_task_signal(task, UINT32_MAX), -EINVAL);
}
END_TEST

START_TEST(bytes_after_the_end_change_nothing)
{
	task_run();
	SAY(EXIT EXIT);
	task_until_end();
	ck_assert_int_eq(seen.why, MV_END_TASK);
	SAY(READY);
	ck_assert_uint_eq(seen.ends, 1);
}
END_TEST

START_TEST(a_broken_ring_ends_the_guest)
{
	task_run();
	guest_desc_set(&g, GUEST_TX, 0, 0xdead0000, 64, 0);
	guest_offer(&g, GUEST_TX, 0);
	guest_notify(&g, GUEST_TX);
	task_settle();
	ck_assert_int_eq(seen.why, MV_END_GUEST);
}
END_TEST

START_TEST(a_launch_message_out_of_range_is_refused_and_the_descriptors_closed)
{
	int pair[2];
	struct mv_task_config config = {.vsock = g.vsock, .launch = "", .fds = {-1, -1, -1}};

	ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
	config.fds[1] = pair[1];
	config.launch_bytes = MV_FRAME_BYTES_MAX + 1;
	ck_assert_ptr_null(mv_task_new(&config));
	ck_assert_int_eq(fcntl(pair[1], F_GETFD), -1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("task");

	tcase_add_checked_fixture(t, setup, task_tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_launch_message_follows_ready);
	tcase_add_test(t, the_wait_status_is_told_once);
	tcase_add_test(t, a_failure_to_start_is_told_with_its_reason);
	tcase_add_test(t, a_frame_out_of_order_ends_the_guest_at_once);
	tcase_add_test(t, a_lost_control_connection_ends_the_guest);
	tcase_add_test(t, an_exit_just_before_the_connection_ends_counts);
	tcase_add_test(t, streams_are_refused_before_the_launch_message);
	tcase_add_test(t, a_clone_is_launched_without_another_ready);
	tcase_add_test(t, a_shell_rehearses_and_is_launched_when_it_has_something_to_run);
	tcase_add_test(t, a_shell_whose_guest_breaks_the_protocol_ends);
	tcase_add_test(t, a_signal_reaches_the_running_task);
	tcase_add_test(t, a_signal_before_the_start_is_kept);
	tcase_add_test(t, a_signal_that_is_none_is_refused);
	tcase_add_test(t, bytes_after_the_end_change_nothing);
	tcase_add_test(t, a_broken_ring_ends_the_guest);
	tcase_add_test(t, a_launch_message_out_of_range_is_refused_and_the_descriptors_closed);
	return suite_run("microvisor/task", t);
}
