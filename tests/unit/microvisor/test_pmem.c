#include <check.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pmem.h>

#include "microvisor/virtio/devices.h"
#include "tests/support/driver.h"
#include "tests/support/suite.h"

static struct ring ring;
static struct mv_device *dev;

static void setup(void)
{
	ring_init(&ring);
	dev = mv_pmem_new(&ring.mem, 0x100000000, 0x400000);
	driver_bring_up(dev, 0);
}

static void teardown(void)
{
	mv_device_free(dev);
	ring_release(&ring);
}

/* A request of `asked` bytes of type, with room for `room` bytes of answer; what the answer says. */
static uint32_t ask(uint32_t type, uint32_t asked, uint32_t room)
{
	uint32_t answer = 0xdeadbeef;

	memcpy(ring_at(&ring, RING_DATA, 4), &type, sizeof(type));
	memcpy(ring_at(&ring, RING_DATA + 0x100, 4), &answer, sizeof(answer));
	ring_desc(&ring, 0, RING_DATA, asked, VRING_DESC_F_NEXT, 1);
	ring_desc(&ring, 1, RING_DATA + 0x100, room, VRING_DESC_F_WRITE, 0);
	ring_offer(&ring, 0);
	driver_notify(dev, 0);
	memcpy(&answer, ring_at(&ring, RING_DATA + 0x100, 4), sizeof(answer));
	return answer;
}

START_TEST(the_configuration_tells_where_the_root_lies)
{
	uint64_t config[2];

	mv_device_read(dev, VIRTIO_MMIO_CONFIG, &config[0], 8);
	mv_device_read(dev, VIRTIO_MMIO_CONFIG + 8, &config[1], 8);
	ck_assert_uint_eq(config[0], 0x100000000);
	ck_assert_uint_eq(config[1], 0x400000);
	mv_device_read(dev, VIRTIO_MMIO_CONFIG + 12, &config[0], 8);
	ck_assert_uint_eq(config[0], 0);
	mv_device_read(dev, VIRTIO_MMIO_CONFIG + 0xe00, &config[0], 8);
	ck_assert_uint_eq(config[0], 0);
}
END_TEST

START_TEST(a_flush_is_answered_at_once)
{
	ck_assert_uint_eq(ask(VIRTIO_PMEM_REQ_TYPE_FLUSH, 4, 4), 0);
	ck_assert_uint_eq(ring_used(&ring, 0).len, 4);
}
END_TEST

START_TEST(another_request_is_refused)
{
	ck_assert_uint_eq(ask(7, 4, 4), 1);
}
END_TEST

START_TEST(a_short_request_is_refused)
{
	ck_assert_uint_eq(ask(VIRTIO_PMEM_REQ_TYPE_FLUSH, 3, 4), 1);
}
END_TEST

START_TEST(an_answer_never_exceeds_its_room)
{
	ck_assert_uint_eq(ask(VIRTIO_PMEM_REQ_TYPE_FLUSH, 4, 2), 0xdead0000);
	ck_assert_uint_eq(ring_used(&ring, 0).len, 2);
}
END_TEST

START_TEST(a_request_without_room_is_given_back)
{
	ring_desc(&ring, 0, RING_DATA, 4, 0, 0);
	ring_offer(&ring, 0);
	driver_notify(dev, 0);
	ck_assert_uint_eq(ring_used_index(&ring), 1);
	ck_assert_uint_eq(ring_used(&ring, 0).len, 0);
}
END_TEST

START_TEST(a_broken_ring_breaks_the_device)
{
	ring_avail(&ring, 0, RING_SIZE + 1);
	driver_notify(dev, 0);
	ck_assert(driver_sees_broken(dev));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pmem");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_configuration_tells_where_the_root_lies);
	tcase_add_test(t, a_flush_is_answered_at_once);
	tcase_add_test(t, another_request_is_refused);
	tcase_add_test(t, a_short_request_is_refused);
	tcase_add_test(t, an_answer_never_exceeds_its_room);
	tcase_add_test(t, a_request_without_room_is_given_back);
	tcase_add_test(t, a_broken_ring_breaks_the_device);
	return suite_run("microvisor/pmem", t);
}
