#include <check.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "microvisor/virtio/device.h"
#include "tests/support/ring.h"
#include "tests/support/suite.h"

enum {
	FEATURE_0 = 1,
	ACK = VIRTIO_CONFIG_S_ACKNOWLEDGE,
	DRIVER = ACK | VIRTIO_CONFIG_S_DRIVER,
	FEATURES = DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
	DRIVER_OK = FEATURES | VIRTIO_CONFIG_S_DRIVER_OK
};

/* A device of two queues that counts what the transport tells it. */
struct counter {
	struct mv_device device;
	unsigned notified[2];
	unsigned resets;
	unsigned raised;
	int answer;
};

static struct ring ring;
static struct counter *counter;
static struct mv_device *dev;

static const uint8_t config[] = {0x10, 0x11, 0x12, 0x13};

static int notify(struct mv_device *device, unsigned queue)
{
	struct counter *c = (struct counter *)device;

	c->notified[queue]++;
	return c->answer;
}

static void reset(struct mv_device *device)
{
	((struct counter *)device)->resets++;
}

static void raised(void *machine, unsigned gsi)
{
	(void)gsi;
	((struct counter *)machine)->raised++;
}

static const struct mv_device_ops ops = {
	.id = 42, .features = FEATURE_0, .queue_count = 2, .notify = notify, .reset = reset};

static void write32(uint64_t offset, uint32_t v)
{
	mv_device_write(dev, offset, &v, sizeof(v));
}

static uint32_t read32(uint64_t offset)
{
	uint32_t v;

	mv_device_read(dev, offset, &v, sizeof(v));
	return v;
}

static void setup(void)
{
	ring_init(&ring);
	counter = mv_device_new(sizeof(*counter), &ops, &ring.mem);
	dev = &counter->device;
	dev->config = config;
	dev->config_bytes = sizeof(config);
	dev->raise = raised;
	dev->machine = counter;
}

static void teardown(void)
{
	mv_device_free(dev);
	ring_release(&ring);
}

/* Up to FEATURES_OK with VIRTIO_F_VERSION_1. */
static void negotiate(void)
{
	write32(VIRTIO_MMIO_STATUS, ACK);
	write32(VIRTIO_MMIO_STATUS, DRIVER);
	write32(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	write32(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	write32(VIRTIO_MMIO_STATUS, FEATURES);
}

static void set_up_queue(uint32_t index, uint32_t size, uint64_t desc)
{
	write32(VIRTIO_MMIO_QUEUE_SEL, index);
	write32(VIRTIO_MMIO_QUEUE_NUM, size);
	write32(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)desc);
	write32(VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(desc >> 32));
	write32(VIRTIO_MMIO_QUEUE_AVAIL_LOW, RING_AVAIL);
	write32(VIRTIO_MMIO_QUEUE_USED_LOW, RING_USED);
	write32(VIRTIO_MMIO_QUEUE_READY, 1);
}

static void bring_up(void)
{
	negotiate();
	set_up_queue(1, RING_SIZE, RING_DESC);
	write32(VIRTIO_MMIO_STATUS, DRIVER_OK);
}

static int take(struct mv_device *device)
{
	(void)device;
	return 0;
}

static int refuse(struct mv_device *device)
{
	(void)device;
	return -EBADMSG;
}

static bool never(const struct mv_device *device)
{
	(void)device;
	return false;
}

/* Offers one chain on queue 1 and has it answered. */
static int serve(bool (*may)(const struct mv_device *), int (*answer)(struct mv_device *))
{
	ring_desc(&ring, 0, RING_DATA, 8, 0, 0);
	ring_offer(&ring, 0);
	return mv_device_serve(dev, 1, RING_SIZE, may, answer);
}

START_TEST(the_identity_is_readable)
{
	ck_assert_uint_eq(read32(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_VERSION), 2);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_DEVICE_ID), 42);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_QUEUE_NUM_MAX), MV_QUEUE_SIZE_MAX);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_SHM_LEN_LOW), UINT32_MAX);
}
END_TEST

START_TEST(features_are_offered_by_halves)
{
	ck_assert_uint_eq(read32(VIRTIO_MMIO_DEVICE_FEATURES), FEATURE_0);
	write32(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_DEVICE_FEATURES), 1);
	write32(VIRTIO_MMIO_DEVICE_FEATURES_SEL, UINT32_MAX);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_DEVICE_FEATURES), 0);
}
END_TEST

START_TEST(a_driver_comes_up_and_notifies)
{
	bring_up();
	ck_assert_uint_eq(read32(VIRTIO_MMIO_STATUS), DRIVER_OK);
	ck_assert(dev->queues[1].ring.ready);
	write32(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	ck_assert_uint_eq(counter->notified[1], 1);
}
END_TEST

START_TEST(no_notify_before_driver_ok)
{
	negotiate();
	set_up_queue(1, RING_SIZE, RING_DESC);
	write32(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	ck_assert_uint_eq(counter->notified[1], 0);
}
END_TEST

START_TEST(no_notify_of_a_queue_that_is_not_there)
{
	bring_up();
	write32(VIRTIO_MMIO_QUEUE_NOTIFY, 0); /* not ready */
	write32(VIRTIO_MMIO_QUEUE_NOTIFY, 2);
	write32(VIRTIO_MMIO_QUEUE_NOTIFY, UINT32_MAX);
	ck_assert_uint_eq(counter->notified[0] + counter->notified[1], 0);
}
END_TEST

START_TEST(a_queue_that_does_not_exist_has_no_registers)
{
	negotiate();
	set_up_queue(UINT32_MAX, RING_SIZE, RING_DESC);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_QUEUE_READY), 0);
	set_up_queue(2, RING_SIZE, RING_DESC);
	ck_assert(!dev->queues[2].ring.ready);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_STATUS), FEATURES);
}
END_TEST

static const uint32_t bad_sizes[] = {0, 3, 257, 512, 0x10008, UINT32_MAX};

START_TEST(a_bad_queue_size_breaks_the_device)
{
	negotiate();
	set_up_queue(1, bad_sizes[_i], RING_DESC);
	ck_assert(!dev->queues[1].ring.ready);
	ck_assert(read32(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
}
END_TEST

START_TEST(rings_outside_memory_break_the_device)
{
	negotiate();
	set_up_queue(1, RING_SIZE, 0xfffffffffffffff0);
	ck_assert(read32(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	write32(VIRTIO_MMIO_STATUS, DRIVER_OK);
	ck_assert(read32(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_assert_int_eq(serve(NULL, take), 0);
}
END_TEST

START_TEST(no_queue_before_features_ok)
{
	write32(VIRTIO_MMIO_STATUS, ACK);
	write32(VIRTIO_MMIO_STATUS, DRIVER);
	set_up_queue(1, RING_SIZE, RING_DESC);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_QUEUE_READY), 0);
	ck_assert_uint_eq(dev->queues[1].ring.size, 0);
}
END_TEST

START_TEST(a_running_queue_does_not_change)
{
	struct mv_queue before;

	bring_up();
	before = dev->queues[1];
	set_up_queue(1, 64, RING_DESC + 0x1000);
	ck_assert_mem_eq(&dev->queues[1], &before, sizeof(before));
	set_up_queue(0, RING_SIZE, RING_DESC); /* after DRIVER_OK, any queue */
	ck_assert(!dev->queues[0].ring.ready);
}
END_TEST

START_TEST(features_that_were_not_offered_are_refused)
{
	write32(VIRTIO_MMIO_STATUS, DRIVER);
	write32(VIRTIO_MMIO_DRIVER_FEATURES, 0x80);
	write32(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	write32(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	write32(VIRTIO_MMIO_STATUS, FEATURES);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_STATUS), DRIVER);
}
END_TEST

START_TEST(a_legacy_driver_is_refused)
{
	write32(VIRTIO_MMIO_STATUS, DRIVER);
	write32(VIRTIO_MMIO_DRIVER_FEATURES, FEATURE_0);
	write32(VIRTIO_MMIO_STATUS, FEATURES);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_STATUS), DRIVER);
}
END_TEST

START_TEST(features_are_fixed_after_features_ok)
{
	negotiate();
	write32(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	write32(VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	write32(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 7);
	write32(VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	ck_assert_uint_eq(dev->regs.driver_features, 1ull << VIRTIO_F_VERSION_1);
}
END_TEST

/* Status values that skip a step, each tried on a fresh device. */
static const uint32_t skips[] = {VIRTIO_CONFIG_S_DRIVER, ACK | VIRTIO_CONFIG_S_FEATURES_OK,
				 DRIVER | VIRTIO_CONFIG_S_DRIVER_OK, 0x40, 0xffffff00};

START_TEST(a_status_that_skips_a_step_is_ignored)
{
	write32(VIRTIO_MMIO_STATUS, skips[_i]);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_STATUS), 0);
}
END_TEST

START_TEST(a_status_bit_is_cleared_by_reset_only)
{
	bring_up();
	write32(VIRTIO_MMIO_STATUS, DRIVER);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_STATUS), DRIVER_OK);
	write32(VIRTIO_MMIO_STATUS, 0);
	write32(VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_STATUS), 0);
	ck_assert_uint_eq(counter->resets, 2);
	ck_assert(!dev->queues[1].ring.ready);
	ck_assert_ptr_eq(dev->queues[1].mem, &ring.mem);
	bring_up();
	ck_assert_int_eq(serve(NULL, take), 1);
}
END_TEST

START_TEST(a_failed_driver_is_not_served)
{
	bring_up();
	write32(VIRTIO_MMIO_STATUS, DRIVER_OK | VIRTIO_CONFIG_S_FAILED);
	write32(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	ck_assert_uint_eq(counter->notified[1], 0);
}
END_TEST

START_TEST(a_broken_ring_stops_the_device_until_reset)
{
	const uint32_t one = 1;

	counter->answer = -EBADMSG;
	bring_up();
	ck_assert(mv_device_write(dev, VIRTIO_MMIO_QUEUE_NOTIFY, &one, sizeof(one)));
	ck_assert(!mv_device_write(dev, VIRTIO_MMIO_QUEUE_NOTIFY, &one, sizeof(one)));
	ck_assert_uint_eq(counter->notified[1], 1);
	ck_assert_uint_eq(counter->raised, 1);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_CONFIG_GENERATION), 1);
	counter->answer = 0;
	write32(VIRTIO_MMIO_STATUS, 0);
	bring_up();
	write32(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	ck_assert_uint_eq(counter->notified[1], 2);
}
END_TEST

START_TEST(interrupts_are_raised_and_acknowledged)
{
	bring_up();
	ck_assert_int_eq(serve(NULL, take), 1);
	ck_assert_uint_eq(ring_used_index(&ring), 1);
	ck_assert_uint_eq(counter->raised, 1);
	write32(VIRTIO_MMIO_INTERRUPT_ACK, 0xfffffffe);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	write32(VIRTIO_MMIO_INTERRUPT_ACK, 1);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}
END_TEST

START_TEST(what_is_not_served_is_not_given_back)
{
	ck_assert_int_eq(serve(NULL, take), 0);
	bring_up();
	ck_assert_int_eq(serve(never, take), 0);
	ck_assert_int_eq(serve(NULL, refuse), -EBADMSG);
	write32(VIRTIO_MMIO_STATUS, DRIVER_OK | VIRTIO_CONFIG_S_FAILED);
	ck_assert_int_eq(serve(NULL, take), 0);
	ck_assert_uint_eq(ring_used_index(&ring), 0);
	ck_assert_uint_eq(counter->raised, 0);
}
END_TEST

/* {offset, bytes}: not an aligned 32-bit access to a register. */
static const struct {
	uint64_t offset;
	size_t n;
} odd[] = {{VIRTIO_MMIO_STATUS, 1}, {VIRTIO_MMIO_STATUS, 2},
	   {VIRTIO_MMIO_STATUS, 8}, {VIRTIO_MMIO_STATUS + 1, 4},
	   {VIRTIO_MMIO_STATUS, 3}, {0xfff, 4},
	   {UINT64_MAX - 3, 4},     {0xffe, 8}};

START_TEST(an_access_of_an_odd_shape_does_nothing)
{
	uint8_t bytes[8] = {1, 1, 1, 1, 1, 1, 1, 1};

	mv_device_write(dev, odd[_i].offset, bytes, odd[_i].n);
	ck_assert_uint_eq(dev->regs.status, 0);
	mv_device_read(dev, odd[_i].offset, bytes, odd[_i].n);
	ck_assert_uint_eq(bytes[0], 0);
	ck_assert_uint_eq(bytes[odd[_i].n - 1], 0);
}
END_TEST

START_TEST(configuration_past_its_end_is_zero)
{
	uint8_t bytes[8];

	mv_device_read(dev, VIRTIO_MMIO_CONFIG + 2, bytes, 8);
	ck_assert_mem_eq(bytes, "\x12\x13\0\0\0\0\0\0", 8);
	mv_device_read(dev, VIRTIO_MMIO_CONFIG + 0xeff, bytes, 1);
	ck_assert_uint_eq(bytes[0], 0);
}
END_TEST

START_TEST(write_only_registers_read_as_zero)
{
	bring_up();
	ck_assert_uint_eq(read32(VIRTIO_MMIO_QUEUE_NUM), 0);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_QUEUE_DESC_LOW), 0);
	ck_assert_uint_eq(read32(VIRTIO_MMIO_QUEUE_NOTIFY), 0);
}
END_TEST

static TCase *fixture(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	return t;
}

int main(void)
{
	TCase *use = fixture("use");

	tcase_add_test(use, the_identity_is_readable);
	tcase_add_test(use, features_are_offered_by_halves);
	tcase_add_test(use, a_driver_comes_up_and_notifies);
	tcase_add_test(use, interrupts_are_raised_and_acknowledged);
	tcase_add_test(use, what_is_not_served_is_not_given_back);
	tcase_add_test(use, configuration_past_its_end_is_zero);
	tcase_add_test(use, write_only_registers_read_as_zero);
	TCase *order = fixture("order");

	tcase_add_test(order, no_notify_before_driver_ok);
	tcase_add_test(order, no_notify_of_a_queue_that_is_not_there);
	tcase_add_test(order, a_queue_that_does_not_exist_has_no_registers);
	tcase_add_test(order, no_queue_before_features_ok);
	tcase_add_test(order, a_running_queue_does_not_change);
	tcase_add_test(order, features_are_fixed_after_features_ok);
	tcase_add_loop_test(order, a_status_that_skips_a_step_is_ignored, 0,
			    sizeof(skips) / sizeof(skips[0]));
	tcase_add_test(order, a_status_bit_is_cleared_by_reset_only);
	tcase_add_test(order, a_failed_driver_is_not_served);
	TCase *refusals = fixture("refusals");

	tcase_add_loop_test(refusals, a_bad_queue_size_breaks_the_device, 0,
			    sizeof(bad_sizes) / sizeof(bad_sizes[0]));
	tcase_add_test(refusals, rings_outside_memory_break_the_device);
	tcase_add_test(refusals, features_that_were_not_offered_are_refused);
	tcase_add_test(refusals, a_legacy_driver_is_refused);
	tcase_add_test(refusals, a_broken_ring_stops_the_device_until_reset);
	tcase_add_loop_test(refusals, an_access_of_an_odd_shape_does_nothing, 0,
			    sizeof(odd) / sizeof(odd[0]));
	return suite_run("microvisor/device", use, order, refusals);
}
