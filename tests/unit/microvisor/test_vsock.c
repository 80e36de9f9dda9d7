#include <check.h>
#include <pthread.h>

#include "tests/support/suite.h"
#include "tests/support/vsock_owner.h"

START_TEST(the_guest_is_told_its_cid)
{
	ck_assert_uint_eq(guest_read(&g, VIRTIO_MMIO_CONFIG), MV_CID_GUEST);
	ck_assert_uint_eq(guest_read(&g, VIRTIO_MMIO_CONFIG + 4), 0);
	ck_assert_uint_eq(guest_read(&g, VIRTIO_MMIO_CONFIG + 8), 0);
	ck_assert_uint_eq(guest_read(&g, VIRTIO_MMIO_DEVICE_ID), 19);
}
END_TEST

START_TEST(a_connection_is_answered_with_our_credit)
{
	open_port(MV_PORT_CONTROL);
	ck_assert_uint_eq(packet.h.buf_alloc, MV_VSOCK_BUFFER);
	ck_assert_uint_eq(packet.h.fwd_cnt, 0);
	ck_assert_uint_eq(ready(MV_PORT_CONTROL), MV_VSOCK_OPEN | MV_VSOCK_OUTPUT);
	ck_assert_uint_eq(owner.wakes[MV_PORT_CONTROL], 1);
	ck_assert_uint_gt(g.interrupts, 0);
}
END_TEST

START_TEST(bytes_of_the_guest_can_be_read)
{
	char got[8] = "";

	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "hello", 5);
	ck_assert_uint_ne(ready(MV_PORT_STDOUT) & MV_VSOCK_INPUT, 0);
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_STDOUT, got, 2), 2);
	ck_assert_uint_eq(mv_vsock_read(g.vsock, MV_PORT_STDOUT, got + 2, 6), 3);
	ck_assert_str_eq(got, "hello");
	ck_assert_uint_eq(ready(MV_PORT_STDOUT) & MV_VSOCK_INPUT, 0);
}
END_TEST

START_TEST(bytes_for_the_guest_arrive_in_packets_that_fit_its_buffers)
{
	static uint8_t bytes[10000];
	size_t got = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	open_port(MV_PORT_STDIN);
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_STDIN, bytes, sizeof(bytes)),
			  sizeof(bytes));
	while (got < sizeof(bytes)) {
		expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RW);
		ck_assert_mem_eq(packet.payload, bytes + got, packet.h.len);
		got += packet.h.len;
	}
	expect_nothing();
}
END_TEST

START_TEST(a_refused_port_gets_rst)
{
	owner.refuses = true;
	guest_connect(&g, MV_PORT_STDIN);
	expect(MV_PORT_STDIN, VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(ready(MV_PORT_STDIN), 0);
}
END_TEST

START_TEST(nobody_to_ask_is_a_refusal)
{
	mv_vsock_serve(g.vsock, NULL, NULL);
	guest_connect(&g, MV_PORT_CONTROL);
	expect(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RST);
}
END_TEST

static const uint32_t foreign_ports[] = {0, MV_VSOCK_PORTS, 22, 1024, UINT32_MAX};

START_TEST(a_port_that_is_not_ours_gets_rst)
{
	struct virtio_vsock_hdr h = guest_header(&g, foreign_ports[_i], VIRTIO_VSOCK_OP_REQUEST);

	guest_packet(&g, &h, NULL, 0);
	expect(foreign_ports[_i], VIRTIO_VSOCK_OP_RST);
	expect_nothing();
}
END_TEST

START_TEST(another_cid_gets_rst_in_its_own_name)
{
	struct virtio_vsock_hdr h = guest_header(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_REQUEST);

	h.dst_cid = 77;
	guest_packet(&g, &h, NULL, 0);
	ck_assert(guest_receive(&g, &packet));
	ck_assert_uint_eq(packet.h.op, VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(packet.h.src_cid, 77);
	ck_assert_uint_eq(ready(MV_PORT_CONTROL), 0);
}
END_TEST

START_TEST(a_false_source_is_an_incident_without_answer)
{
	struct virtio_vsock_hdr h = guest_header(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_REQUEST);

	h.src_cid = MV_CID_HOST;
	guest_packet(&g, &h, NULL, 0);
	expect_nothing();
	ck_assert_str_eq(owner.incident, "vsock-packet");
}
END_TEST

START_TEST(a_seqpacket_request_gets_rst)
{
	struct virtio_vsock_hdr h = guest_header(&g, MV_PORT_CONTROL, VIRTIO_VSOCK_OP_REQUEST);

	h.type = 2;
	guest_packet(&g, &h, NULL, 0);
	expect(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(packet.h.type, 2);
}
END_TEST

START_TEST(a_second_connection_to_a_port_gets_rst_and_the_first_lives)
{
	struct virtio_vsock_hdr h = guest_header(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_REQUEST);

	open_port(MV_PORT_STDOUT);
	h.src_port = 5;
	guest_packet(&g, &h, NULL, 0);
	ck_assert(guest_receive(&g, &packet));
	ck_assert_uint_eq(packet.h.op, VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(packet.h.dst_port, 5);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "x", 1);
	ck_assert_uint_ne(ready(MV_PORT_STDOUT) & MV_VSOCK_INPUT, 0);
}
END_TEST

START_TEST(a_port_is_connected_once_in_a_life)
{
	open_port(MV_PORT_STDOUT);
	guest_shutdown(&g, MV_PORT_STDOUT, 3);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	guest_connect(&g, MV_PORT_STDOUT);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(ready(MV_PORT_STDOUT), MV_VSOCK_ENDED);
}
END_TEST

/* Operations that make no sense on a connection. */
static const uint16_t wrong_ops[] = {VIRTIO_VSOCK_OP_INVALID, VIRTIO_VSOCK_OP_REQUEST,
				     VIRTIO_VSOCK_OP_RESPONSE, 8, 0xffff};

START_TEST(an_operation_out_of_place_ends_the_connection)
{
	open_port(MV_PORT_STDOUT);
	guest_send(&g, MV_PORT_STDOUT, wrong_ops[_i], NULL, 0);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	ck_assert_str_eq(owner.incident, "vsock-flow");
	ck_assert_uint_eq(ready(MV_PORT_STDOUT), MV_VSOCK_ENDED);
}
END_TEST

START_TEST(a_packet_to_no_connection_gets_rst_unless_it_is_one)
{
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, "x", 1);
	expect(MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST);
	guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RST, NULL, 0);
	expect_nothing();
	ck_assert_uint_eq(owner.incidents, 0);
}
END_TEST

START_TEST(a_length_over_the_buffer_is_an_incident)
{
	struct virtio_vsock_hdr h = guest_header(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW);

	open_port(MV_PORT_STDOUT);
	h.len = 6;
	guest_packet(&g, &h, "hello", 5);
	ck_assert_str_eq(owner.incident, "vsock-packet");
	h.len = UINT32_MAX;
	guest_packet(&g, &h, "hello", 5);
	ck_assert_uint_eq(owner.incidents, 2);
	ck_assert_uint_eq(ready(MV_PORT_STDOUT) & MV_VSOCK_INPUT, 0);
}
END_TEST

START_TEST(a_buffer_shorter_than_a_header_is_an_incident)
{
	guest_desc_set(&g, GUEST_TX, 0, GUEST_TX_DATA, sizeof(struct virtio_vsock_hdr) - 1, 0);
	guest_offer(&g, GUEST_TX, 0);
	guest_notify(&g, GUEST_TX);
	ck_assert_str_eq(owner.incident, "vsock-packet");
	ck_assert(!guest_needs_reset(&g));
}
END_TEST

START_TEST(a_flood_of_requests_waits_for_the_guest_to_take_its_replies)
{
	guest_release(&g);
	guest_init_bare(&g);
	mv_vsock_serve(g.vsock, &ops, &owner);
	for (unsigned i = 0; i < GUEST_QUEUE; i++)
		guest_queue_packet(&g,
				   &(struct virtio_vsock_hdr){.src_cid = MV_CID_GUEST,
							      .dst_cid = MV_CID_HOST,
							      .op = VIRTIO_VSOCK_OP_REQUEST,
							      .type = 1,
							      .dst_port = 99},
				   NULL, 0);
	guest_notify(&g, GUEST_TX);
	uint16_t *used = guest_at(&g, guest_desc(GUEST_TX) + 0x3000);

	/* Sixteen replies are kept; the rest of the queue is not read. */
	ck_assert_uint_eq(used[1], 16);
	unsigned replies = 0;

	for (unsigned i = 0; i < GUEST_QUEUE; i++)
		guest_give(&g, i);
	guest_notify(&g, GUEST_RX);
	while (guest_receive(&g, &packet))
		replies++;
	ck_assert_uint_eq(replies, GUEST_QUEUE);
	ck_assert_uint_eq(used[1], GUEST_QUEUE);
}
END_TEST

START_TEST(a_receive_buffer_too_small_for_a_byte_breaks_the_device)
{
	guest_release(&g);
	guest_init_bare(&g);
	mv_vsock_serve(g.vsock, &ops, &owner);
	guest_desc_set(&g, GUEST_RX, 0, GUEST_RX_DATA, sizeof(struct virtio_vsock_hdr),
		       VRING_DESC_F_WRITE);
	guest_offer(&g, GUEST_RX, 0);
	guest_connect(&g, MV_PORT_CONTROL);
	ck_assert(guest_needs_reset(&g));
	ck_assert_str_eq(owner.incident, "bad-queue");
	ck_assert_uint_eq(ready(MV_PORT_CONTROL), MV_VSOCK_ENDED);
}
END_TEST

START_TEST(a_broken_ring_ends_every_connection)
{
	open_port(MV_PORT_CONTROL);
	open_port(MV_PORT_STDOUT);
	guest_desc_set(&g, GUEST_TX, 0, 0xdead0000, 64, 0);
	guest_offer(&g, GUEST_TX, 0);
	guest_notify(&g, GUEST_TX);
	ck_assert(guest_needs_reset(&g));
	ck_assert_uint_eq(ready(MV_PORT_CONTROL), MV_VSOCK_ENDED);
	ck_assert_uint_eq(ready(MV_PORT_STDOUT), MV_VSOCK_ENDED);
	ck_assert_uint_eq(mv_vsock_write(g.vsock, MV_PORT_CONTROL, "x", 1), 0);
}
END_TEST

START_TEST(a_ring_broken_under_a_write_of_ours_needs_reset_too)
{
	open_port(MV_PORT_STDIN);
	uint16_t *avail = guest_at(&g, guest_desc(GUEST_RX) + 0x2000);

	avail[1] = (uint16_t)(avail[1] + GUEST_QUEUE + 1);
	(void)mv_vsock_write(g.vsock, MV_PORT_STDIN, "x", 1);
	ck_assert(guest_needs_reset(&g));
	ck_assert_str_eq(owner.incident, "bad-queue");
}
END_TEST

START_TEST(a_device_reset_ends_the_connections_for_good)
{
	open_port(MV_PORT_CONTROL);
	guest_write(&g, VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(ready(MV_PORT_CONTROL), MV_VSOCK_ENDED);
	g.avail[0] = g.avail[1] = g.used_seen[0] = 0;
	memset(guest_at(&g, GUEST_GPA), 0, 2 * GUEST_RINGS);
	guest_up(&g);
	for (unsigned i = 0; i < GUEST_QUEUE; i++)
		guest_give(&g, i);
	guest_notify(&g, GUEST_RX);
	guest_connect(&g, MV_PORT_CONTROL);
	expect(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RST);
}
END_TEST

START_TEST(packets_wait_for_receive_buffers)
{
	guest_release(&g);
	guest_init_bare(&g);
	mv_vsock_serve(g.vsock, &ops, &owner);
	guest_connect(&g, MV_PORT_CONTROL);
	expect_nothing();
	guest_give(&g, 0);
	guest_notify(&g, GUEST_RX);
	expect(MV_PORT_CONTROL, VIRTIO_VSOCK_OP_RESPONSE);
}
END_TEST

enum {
	RACE_BYTES = 4 << 20
};

/* The other thread of the race: takes what the guest sends until all has come. */
static void *consume(void *context)
{
	static uint8_t bytes[8192];
	uint32_t *sum = context;
	size_t got = 0;

	while (got < RACE_BYTES) {
		size_t n = mv_vsock_read(g.vsock, MV_PORT_STDOUT, bytes, sizeof(bytes));

		for (size_t i = 0; i < n; i++)
			*sum = *sum * 31 + bytes[i];
		got += n;
	}
	return NULL;
}

START_TEST(two_threads_lose_no_byte)
{
	static uint8_t bytes[3000];
	pthread_t thread;
	uint32_t got = 0;
	uint32_t want = 0;
	uint32_t sent = 0;
	uint32_t taken = 0;

	open_port(MV_PORT_STDOUT);
	ck_assert_int_eq(pthread_create(&thread, NULL, consume, &got), 0);
	while (sent < RACE_BYTES) {
		uint32_t n = RACE_BYTES - sent < sizeof(bytes) ? RACE_BYTES - sent : sizeof(bytes);

		while (guest_receive(&g, &packet))
			taken = packet.h.fwd_cnt;
		guest_notify(&g, GUEST_RX);
		if (MV_VSOCK_BUFFER - (sent - taken) < n)
			continue;
		for (uint32_t i = 0; i < n; i++) {
			bytes[i] = (uint8_t)((sent + i) * 2654435761u >> 24);
			want = want * 31 + bytes[i];
		}
		guest_send(&g, MV_PORT_STDOUT, VIRTIO_VSOCK_OP_RW, bytes, n);
		sent += n;
	}
	pthread_join(thread, NULL);
	ck_assert_uint_eq(got, want);
	ck_assert_uint_eq(owner.incidents, 0);
}
END_TEST

static TCase *connections(void)
{
	TCase *t = tcase_create("connections");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_guest_is_told_its_cid);
	tcase_add_test(t, a_connection_is_answered_with_our_credit);
	tcase_add_test(t, bytes_of_the_guest_can_be_read);
	tcase_add_test(t, bytes_for_the_guest_arrive_in_packets_that_fit_its_buffers);
	tcase_add_test(t, a_refused_port_gets_rst);
	tcase_add_test(t, nobody_to_ask_is_a_refusal);
	tcase_add_loop_test(t, a_port_that_is_not_ours_gets_rst, 0,
			    sizeof(foreign_ports) / sizeof(foreign_ports[0]));
	tcase_add_test(t, another_cid_gets_rst_in_its_own_name);
	tcase_add_test(t, a_false_source_is_an_incident_without_answer);
	tcase_add_test(t, a_seqpacket_request_gets_rst);
	tcase_add_test(t, a_second_connection_to_a_port_gets_rst_and_the_first_lives);
	tcase_add_test(t, a_port_is_connected_once_in_a_life);
	tcase_add_loop_test(t, an_operation_out_of_place_ends_the_connection, 0,
			    sizeof(wrong_ops) / sizeof(wrong_ops[0]));
	tcase_add_test(t, a_packet_to_no_connection_gets_rst_unless_it_is_one);
	tcase_add_test(t, a_length_over_the_buffer_is_an_incident);
	tcase_add_test(t, a_buffer_shorter_than_a_header_is_an_incident);
	return t;
}

static TCase *queues(void)
{
	TCase *t = tcase_create("queues");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_flood_of_requests_waits_for_the_guest_to_take_its_replies);
	tcase_add_test(t, a_receive_buffer_too_small_for_a_byte_breaks_the_device);
	tcase_add_test(t, a_broken_ring_ends_every_connection);
	tcase_add_test(t, a_ring_broken_under_a_write_of_ours_needs_reset_too);
	tcase_add_test(t, a_device_reset_ends_the_connections_for_good);
	tcase_add_test(t, packets_wait_for_receive_buffers);
	tcase_add_test(t, two_threads_lose_no_byte);
	tcase_set_timeout(t, 60);
	return t;
}

int main(void)
{
	return suite_run("microvisor/vsock", connections(), queues());
}
