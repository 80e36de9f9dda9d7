#include <check.h>

#include "tests/support/suite.h"
#include "tests/support/vsock_owner.h"

START_TEST(the_whole_credit_may_be_used_at_once)
{
	static uint8_t bytes[MV_VSOCK_BUFFER];
	static uint8_t got[MV_VSOCK_BUFFER];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i >> 3);
	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, bytes, sizeof(bytes));
	expect_nothing();
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_STDOUT, got, sizeof(got)), sizeof(got));
	ck_assert_mem_eq(got, bytes, sizeof(got));
}
END_TEST

START_TEST(one_byte_over_the_credit_ends_the_connection)
{
	static uint8_t bytes[MV_VSOCK_BUFFER + 1];

	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, bytes, MV_VSOCK_BUFFER);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, bytes, 1);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	ck_assert_str_eq(owner.incident, "vsock-credit");
	/* What came within the credit is still there. */
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_STDOUT, bytes, sizeof(bytes)),
			  MV_VSOCK_BUFFER);
}
END_TEST

START_TEST(a_guest_without_credit_hears_of_the_first_byte_read)
{
	static uint8_t bytes[MV_VSOCK_BUFFER];

	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, bytes, sizeof(bytes));
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_STDOUT, bytes, 1), 1);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	ck_assert_uint_eq(packet.h.fwd_cnt, 1);
}
END_TEST

START_TEST(small_reads_do_not_send_an_update_each)
{
	char byte;

	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "hello", 5);
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_STDOUT, &byte, 1), 1);
	expect_nothing();
}
END_TEST

START_TEST(a_request_for_credit_is_answered)
{
	char got[5];

	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "hello", 5);
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_STDOUT, got, 5), 5);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_CREDIT_REQUEST, NULL, 0);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	ck_assert_uint_eq(packet.h.fwd_cnt, 5);
	ck_assert_uint_eq(packet.h.buf_alloc, MV_VSOCK_BUFFER);
}
END_TEST

START_TEST(the_guests_credit_holds_us_back)
{
	struct virtio_vsock_hdr h = guest_header(&g, MV_PORT_STDIN, VIRTIO_VSOCK_OP_REQUEST);

	h.buf_alloc = 3;
	guest_packet(&g, &h, NULL, 0);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RESPONSE);
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_STDIN, "hello", 5), 5);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.h.len, 3);
	expect_nothing();
	h = guest_header(&g, MV_PORT_STDIN, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	h.buf_alloc = 3;
	h.fwd_cnt = 3;
	guest_packet(&g, &h, NULL, 0);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.h.len, 2);
	ck_assert_mem_eq(packet.payload, "lo", 2);
}
END_TEST

START_TEST(a_guest_that_takes_more_than_was_sent_is_refused)
{
	struct virtio_vsock_hdr h = guest_header(&g, MV_PORT_STDIN, VIRTIO_VSOCK_OP_CREDIT_UPDATE);

	open_port(MV_PORT_STDIN);
	h.fwd_cnt = 1;
	guest_packet(&g, &h, NULL, 0);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RST);
	ck_assert_str_eq(owner.incident, "vsock-credit");
}
END_TEST

START_TEST(a_guest_without_credit_fills_only_our_ring)
{
	static uint8_t bytes[MV_VSOCK_BUFFER + 1];
	struct virtio_vsock_hdr h = guest_header(&g, MV_PORT_STDIN, VIRTIO_VSOCK_OP_REQUEST);

	h.buf_alloc = 0;
	guest_packet(&g, &h, NULL, 0);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RESPONSE);
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_STDIN, bytes, sizeof(bytes)),
			  MV_VSOCK_BUFFER);
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_STDIN, bytes, 1), 0);
	ck_assert_uint_eq(mv_vsock_room(g.vsock, MV_PORT_STDIN), 0);
	ck_assert_uint_eq(ready(MV_PORT_STDIN), MV_VSOCK_OPEN);
	expect_nothing();
	unsigned before = owner.wakes[MV_PORT_STDIN];

	guest_send(&g, MV_PORT_STDIN, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL, 0);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RW);
	/* Room again: the owner is told. */
	ck_assert_uint_gt(owner.wakes[MV_PORT_STDIN], before);
}
END_TEST

START_TEST(the_end_follows_the_last_byte)
{
	open_port(MV_PORT_STDIN);
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_STDIN, "x", 1), 1);
	mv_vsock_end(g.vsock, MV_PORT_STDIN);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RW);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(packet.h.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
	mv_vsock_end(g.vsock, MV_PORT_STDIN);
	expect_nothing();
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_STDIN, "x", 1), 0);
}
END_TEST

START_TEST(bytes_before_a_shutdown_can_be_read_after_it)
{
	char got[8];

	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "bye", 3);
	guest_shutdown(&g, MV_PORT_STDOUT, 3);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(ready(MV_PORT_STDOUT), MV_VSOCK_INPUT | MV_VSOCK_ENDED);
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_STDOUT, got, sizeof(got)), 3);
	ck_assert_uint_eq(ready(MV_PORT_STDOUT), MV_VSOCK_ENDED);
	expect_nothing();
}
END_TEST

START_TEST(half_a_shutdown_leaves_the_other_half)
{
	open_port(MV_PORT_STDIN);
	guest_shutdown(&g, MV_PORT_STDIN, VIRTIO_VSOCK_SHUTDOWN_SEND);
	expect_nothing();
	ck_assert_uint_eq(ready(MV_PORT_STDIN), MV_VSOCK_OPEN | MV_VSOCK_ENDED | MV_VSOCK_OUTPUT);
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_STDIN, "x", 1), 1);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RW);
	guest_shutdown(&g, MV_PORT_STDIN, VIRTIO_VSOCK_SHUTDOWN_RCV);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RST);
}
END_TEST

START_TEST(data_after_the_guests_shutdown_is_refused)
{
	open_port(MV_PORT_STDOUT);
	guest_shutdown(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_SHUTDOWN_SEND);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "x", 1);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	ck_assert_str_eq(owner.incident, "vsock-flow");
	ck_assert_uint_eq(ready(MV_PORT_STDOUT), MV_VSOCK_ENDED);
}
END_TEST

START_TEST(a_reset_of_ours_forgets_the_bytes_and_tells_the_guest)
{
	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "x", 1);
	mv_vsock_reset(g.vsock, MV_PORT_STDOUT);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(ready(MV_PORT_STDOUT), MV_VSOCK_ENDED);
	/* What was on its way is answered, not taken. */
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "y", 1);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(ready(MV_PORT_STDOUT), MV_VSOCK_ENDED);
}
END_TEST

static TCase *flow(void)
{
	TCase *t = tcase_create("flow");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_whole_credit_may_be_used_at_once);
	tcase_add_test(t, one_byte_over_the_credit_ends_the_connection);
	tcase_add_test(t, a_guest_without_credit_hears_of_the_first_byte_read);
	tcase_add_test(t, small_reads_do_not_send_an_update_each);
	tcase_add_test(t, a_request_for_credit_is_answered);
	tcase_add_test(t, the_guests_credit_holds_us_back);
	tcase_add_test(t, a_guest_that_takes_more_than_was_sent_is_refused);
	tcase_add_test(t, a_guest_without_credit_fills_only_our_ring);
	tcase_add_test(t, the_end_follows_the_last_byte);
	tcase_add_test(t, bytes_before_a_shutdown_can_be_read_after_it);
	tcase_add_test(t, half_a_shutdown_leaves_the_other_half);
	tcase_add_test(t, data_after_the_guests_shutdown_is_refused);
	tcase_add_test(t, a_reset_of_ours_forgets_the_bytes_and_tells_the_guest);
	return t;
}

int main(void)
{
	return suite_run("microvisor/port", flow());
}
