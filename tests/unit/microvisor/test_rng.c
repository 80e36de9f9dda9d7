#include <check.h>

#include "microvisor/virtio/devices.h"
#include "tests/support/driver.h"
#include "tests/support/suite.h"

static struct ring ring;
static struct mv_device *dev;
static void setup(void)
{
	ring_init(&ring);
	dev = mv_rng_new(&ring.mem);
	driver_bring_up(dev, 0);
}

static void teardown(void)
{
	mv_device_free(dev);
	ring_release(&ring);
}

/* A request with room for n bytes; how many came. */
static uint32_t ask(uint32_t n)
{
	uint16_t before = ring_used_index(&ring);

	ring_desc(&ring, 0, RING_DATA, n, VRING_DESC_F_WRITE, 0);
	ring_offer(&ring, 0);
	driver_notify(dev, 0);
	ck_assert_uint_eq(ring_used_index(&ring), before + 1);
	return ring_used(&ring, before).len;
}

START_TEST(a_request_is_filled)
{
	ck_assert_uint_eq(ask(16), 16);
	ck_assert_mem_eq(ring_at(&ring, RING_DATA + 16, 1), "\0", 1);
	ck_assert_mem_ne(ring_at(&ring, RING_DATA, 16), "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}
END_TEST

START_TEST(a_large_request_gets_only_a_part)
{
	ck_assert_uint_eq(ask(RING_BYTES - 0x4000), MV_RNG_REQUEST_MAX);
	ck_assert_mem_eq(ring_at(&ring, RING_DATA + MV_RNG_REQUEST_MAX, 1), "\0", 1);
}
END_TEST

START_TEST(a_request_without_room_gets_nothing)
{
	ck_assert_uint_eq(ask(0), 0);
	ring_desc(&ring, 0, RING_DATA, 8, 0, 0);
	ring_offer(&ring, 0);
	driver_notify(dev, 0);
	ck_assert_uint_eq(ring_used(&ring, 1).len, 0);
	ck_assert(!driver_sees_broken(dev));
}
END_TEST

START_TEST(the_system_gives_different_bytes)
{
	struct mv_device *real = mv_rng_new(&ring.mem);

	ring_desc(&ring, 0, RING_DATA, 32, VRING_DESC_F_WRITE, 0);
	ring_desc(&ring, 1, RING_DATA + 32, 32, VRING_DESC_F_WRITE, 0);
	ring_offer(&ring, 0);
	ring_offer(&ring, 1);
	driver_bring_up(real, 0);
	driver_notify(real, 0);
	ck_assert_uint_eq(ring_used_index(&ring), 2);
	ck_assert_mem_ne(ring_at(&ring, RING_DATA, 32), ring_at(&ring, RING_DATA + 32, 32), 32);
	mv_device_free(real);
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
	TCase *t = tcase_create("rng");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_request_is_filled);
	tcase_add_test(t, a_large_request_gets_only_a_part);
	tcase_add_test(t, a_request_without_room_gets_nothing);
	tcase_add_test(t, the_system_gives_different_bytes);
	tcase_add_test(t, a_broken_ring_breaks_the_device);
	return suite_run("microvisor/rng", t);
}
