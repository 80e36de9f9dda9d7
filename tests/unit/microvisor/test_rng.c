#include <check.h>

#include "microvisor/virtio/rng.h"
#include "tests/support/driver.h"
#include "tests/support/suite.h"

static struct ring ring;
static struct mv_device *dev;
static uint64_t now;

static void fill(void *bytes, size_t n)
{
	memset(bytes, 0x77, n);
}

static uint64_t now_ns(void)
{
	return now;
}

static void setup(void)
{
	ring_init(&ring);
	now = 0;
	dev = mv_rng_new(&ring.mem, fill, now_ns);
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
	ck_assert_mem_eq(ring_at(&ring, RING_DATA + 14, 3), "\x77\x77\0", 3);
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

static void exhaust(void)
{
	for (unsigned i = 0; i < MV_RNG_BURST / MV_RNG_REQUEST_MAX; i++)
		ck_assert_uint_eq(ask(MV_RNG_REQUEST_MAX), MV_RNG_REQUEST_MAX);
}

START_TEST(a_flood_gets_one_byte_each)
{
	exhaust();
	ck_assert_uint_eq(ask(MV_RNG_REQUEST_MAX), 1);
	ck_assert_uint_eq(ask(MV_RNG_REQUEST_MAX), 1);
}
END_TEST

START_TEST(patience_is_rewarded)
{
	exhaust();
	now += UINT64_C(10000000); /* 10 ms: 40 bytes */
	ck_assert_uint_eq(ask(MV_RNG_REQUEST_MAX), MV_RNG_PER_SECOND / 100);
	now = UINT64_MAX / 2;
	exhaust();
	ck_assert_uint_eq(ask(MV_RNG_REQUEST_MAX), 1);
}
END_TEST

START_TEST(the_system_gives_different_bytes)
{
	struct mv_device *real = mv_rng_new(&ring.mem, NULL, NULL);

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
	tcase_add_test(t, a_flood_gets_one_byte_each);
	tcase_add_test(t, patience_is_rewarded);
	tcase_add_test(t, the_system_gives_different_bytes);
	tcase_add_test(t, a_broken_ring_breaks_the_device);
	return suite_run("microvisor/rng", t);
}
