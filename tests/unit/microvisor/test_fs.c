#include <check.h>
#include <errno.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>

#include "microvisor/virtio/devices.h"
#include "tests/support/driver.h"
#include "tests/support/fuse.h"
#include "tests/support/suite.h"

static const struct table_rule rules[] = {
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
	{0},
};

enum {
	REQUEST = RING_DATA,
	REPLY = RING_DATA + 0x10000
};

static struct guest guest;
static struct ring ring;
static struct mv_device *dev;

static void setup(void)
{
	guest_init(&guest, rules);
	ring_init(&ring);
	dev = mv_fs_new(&ring.mem, guest.view, &guest.from);
	driver_bring_up(dev, 1);
}

static void teardown(void)
{
	mv_device_free(dev);
	ring_release(&ring);
	guest_release(&guest);
}

/* Sends n bytes at REQUEST with room for a reply; the used length. */
static uint32_t send(uint32_t n, uint32_t room)
{
	uint16_t before = ring_used_index(&ring);

	ring_desc(&ring, 0, REQUEST, n, room ? VRING_DESC_F_NEXT : 0, 1);
	ring_desc(&ring, 1, REPLY, room, VRING_DESC_F_WRITE, 0);
	ring_offer(&ring, 0);
	driver_notify(dev, 1);
	ck_assert_uint_eq(ring_used_index(&ring), (uint16_t)(before + 1));
	return ring_used(&ring, before).len;
}

static uint32_t ask(uint32_t opcode, uint64_t node, const void *in, size_t n, uint32_t room)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + n),
					.opcode = opcode,
					.nodeid = node,
					.unique = 9};

	memcpy(ring_at(&ring, REQUEST, sizeof(header)), &header, sizeof(header));
	if (n)
		memcpy(ring_at(&ring, REQUEST + sizeof(header), n), in, n);
	return send(header.len, room);
}

static struct fuse_out_header reply(void)
{
	struct fuse_out_header out;

	memcpy(&out, ring_at(&ring, REPLY, sizeof(out)), sizeof(out));
	return out;
}

static void mount(void)
{
	struct fuse_init_in in = {.major = 7, .minor = 37};

	ck_assert_uint_eq(ask(FUSE_INIT, 0, &in, sizeof(in), 4096),
			  16 + sizeof(struct fuse_init_out));
	ck_assert_int_eq(reply().error, 0);
}

START_TEST(it_says_what_it_is)
{
	struct virtio_fs_config config;

	for (unsigned i = 0; i < sizeof(config) / 4; i++) {
		uint32_t word = driver_read(dev, VIRTIO_MMIO_CONFIG + 4 * i);

		memcpy((uint8_t *)&config + 4 * i, &word, 4);
	}
	ck_assert_uint_eq(driver_read(dev, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_FS);
	ck_assert_mem_eq(config.tag, "view\0\0", 6);
	ck_assert_uint_eq(config.num_request_queues, 1);
}
END_TEST

START_TEST(a_request_is_answered_and_the_used_length_is_the_replys)
{
	mount();
	uint32_t used = ask(FUSE_LOOKUP, 1, "home", 5, 4096);

	ck_assert_uint_eq(used, sizeof(struct fuse_out_header) + sizeof(struct fuse_entry_out));
	ck_assert_uint_eq(reply().len, used);
	ck_assert_uint_eq(reply().unique, 9);
	used = ask(FUSE_LOOKUP, 1, "etc", 4, 4096);
	ck_assert_uint_eq(used, sizeof(struct fuse_out_header));
	ck_assert_int_eq(reply().error, -ENOENT);
}
END_TEST

START_TEST(a_request_without_room_or_header_uses_nothing)
{
	mount();
	ck_assert_uint_eq(ask(FUSE_LOOKUP, 1, "home", 5, 0), 0);
	ck_assert_uint_eq(ask(FUSE_LOOKUP, 1, "home", 5, 15), 0);
	ck_assert_uint_eq(send(39, 4096), 0);
	ck_assert_uint_eq(send(0, 4096), 0);
	ck_assert(!driver_sees_broken(dev));
}
END_TEST

START_TEST(a_request_longer_than_the_limit_is_refused)
{
	static const uint8_t zeroes[MV_FUSE_REQUEST_MAX];

	mount();
	ck_assert_uint_eq(ask(FUSE_STATFS, 1, zeroes, sizeof(zeroes), 4096), 16);
	ck_assert_int_eq(reply().error, -EINVAL);
}
END_TEST

START_TEST(a_forget_on_the_first_queue_needs_no_reply)
{
	struct fuse_forget_in in = {.nlookup = 1};

	driver_bring_up(dev, 0);
	struct fuse_in_header header = {
		.len = sizeof(header) + sizeof(in), .opcode = FUSE_FORGET, .nodeid = 1};

	ring.offered = 0;
	memset(ring_at(&ring, RING_AVAIL, 0x2000), 0, 0x2000);
	memcpy(ring_at(&ring, REQUEST, sizeof(header)), &header, sizeof(header));
	memcpy(ring_at(&ring, REQUEST + sizeof(header), sizeof(in)), &in, sizeof(in));
	ring_desc(&ring, 0, REQUEST, header.len, 0, 0);
	ring_offer(&ring, 0);
	driver_notify(dev, 0);
	ck_assert_uint_eq(ring_used_index(&ring), 1);
	ck_assert_uint_eq(ring_used(&ring, 0).len, 0);
}
END_TEST

START_TEST(a_reset_forgets_the_session)
{
	mount();
	memset(ring_at(&ring, RING_AVAIL, 0x2000), 0, 0x2000);
	ring.offered = 0;
	driver_bring_up(dev, 1);
	(void)ask(FUSE_LOOKUP, 1, "home", 5, 4096);
	ck_assert_int_eq(reply().error, -EIO);
	mount();
}
END_TEST

START_TEST(a_broken_ring_breaks_the_device_only)
{
	mount();
	ring_avail(&ring, 0, 1000);
	driver_notify(dev, 1);
	ck_assert(driver_sees_broken(dev));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fs");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, it_says_what_it_is);
	tcase_add_test(t, a_request_is_answered_and_the_used_length_is_the_replys);
	tcase_add_test(t, a_request_without_room_or_header_uses_nothing);
	tcase_add_test(t, a_request_longer_than_the_limit_is_refused);
	tcase_add_test(t, a_forget_on_the_first_queue_needs_no_reply);
	tcase_add_test(t, a_reset_forgets_the_session);
	tcase_add_test(t, a_broken_ring_breaks_the_device_only);
	return suite_run("microvisor/fs", t);
}
