#include <check.h>
#include <errno.h>
#include <pthread.h>

#include "microvisor/virtio/queue.h"
#include "tests/support/ring.h"
#include "tests/support/suite.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE
};

static struct ring ring;
static struct mv_chain chain;

static void setup(void)
{
	ring_init(&ring);
	ck_assert_int_eq(mv_queue_enable(&ring.queue), 0);
}

static void teardown(void)
{
	ring_release(&ring);
}

/* What popping the chain at head 0 gives. */
static int pop(void)
{
	ring_offer(&ring, 0);
	return mv_queue_pop(&ring.queue, &chain);
}

START_TEST(an_empty_ring_has_no_chain)
{
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), 0);
}
END_TEST

START_TEST(a_ring_that_is_not_ready_is_not_read)
{
	mv_queue_reset(&ring.queue);
	ring_avail(&ring, 0, 5);
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), 0);
	ck_assert(!mv_queue_wants_interrupt(&ring.queue));
	mv_queue_push(&ring.queue, 0, 0);
	ck_assert_uint_eq(ring_used_index(&ring), 0);
}
END_TEST

START_TEST(a_chain_is_split_into_readable_and_writable)
{
	ring_desc(&ring, 0, RING_DATA, 3, NEXT, 5);
	ring_desc(&ring, 5, RING_DATA + 0x100, 5, NEXT, 2);
	ring_desc(&ring, 2, RING_DATA + 0x200, 7, NEXT | WRITE, 1);
	ring_desc(&ring, 1, RING_DATA + 0x300, 9, WRITE, 0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.head, 0);
	ck_assert_uint_eq(chain.read_count, 2);
	ck_assert_uint_eq(chain.read_bytes, 8);
	ck_assert_uint_eq(chain.write_count, 2);
	ck_assert_uint_eq(chain.write_bytes, 16);
	ck_assert_ptr_eq(chain.write[1].iov_base, ring_at(&ring, RING_DATA + 0x300, 9));
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), 0);
}
END_TEST

START_TEST(bytes_cross_descriptors)
{
	char bytes[16] = {0};

	ring_desc(&ring, 0, RING_DATA, 3, NEXT, 1);
	ring_desc(&ring, 1, RING_DATA + 0x100, 5, NEXT, 2);
	ring_desc(&ring, 2, RING_DATA + 0x200, 2, NEXT | WRITE, 3);
	ring_desc(&ring, 3, RING_DATA + 0x300, 2, WRITE, 0);
	memcpy(ring_at(&ring, RING_DATA, 3), "abc", 3);
	memcpy(ring_at(&ring, RING_DATA + 0x100, 5), "defgh", 5);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(mv_chain_read(&chain, 1, bytes, sizeof(bytes)), 7);
	ck_assert_str_eq(bytes, "bcdefgh");
	ck_assert_uint_eq(mv_chain_read(&chain, 8, bytes, sizeof(bytes)), 0);
	ck_assert_uint_eq(mv_chain_write(&chain, 1, "XYZW", 4), 3);
	ck_assert_mem_eq(ring_at(&ring, RING_DATA + 0x200, 3), "\0X\0", 3);
	ck_assert_mem_eq(ring_at(&ring, RING_DATA + 0x300, 3), "YZ\0", 3);
	ck_assert_uint_eq(mv_chain_write(&chain, SIZE_MAX, "XYZW", 4), 0);
}
END_TEST

START_TEST(used_elements_follow_in_order_and_wrap)
{
	ring_desc(&ring, 3, RING_DATA, 4, WRITE, 0);
	for (unsigned i = 0; i < 3 * RING_SIZE; i++) {
		ring_offer(&ring, 3);
		ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), 1);
		mv_queue_push(&ring.queue, chain.head, i);
		ck_assert_uint_eq(ring_used_index(&ring), i + 1);
		ck_assert_uint_eq(ring_used(&ring, (uint16_t)i).id, 3);
		ck_assert_uint_eq(ring_used(&ring, (uint16_t)i).len, i);
	}
}
END_TEST

START_TEST(the_index_may_wrap_around_65536)
{
	ring.queue.ring.next_avail = 65535;
	ring_desc(&ring, 0, RING_DATA, 4, 0, 0);
	ring.offered = 65535;
	ring_offer(&ring, 0);
	ring_offer(&ring, 0);
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), 1);
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), 1);
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), 0);
}
END_TEST

START_TEST(an_index_that_jumps_over_the_size_is_refused)
{
	ring_avail(&ring, 0, RING_SIZE + 1);
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), -EBADMSG);
}
END_TEST

START_TEST(an_index_that_goes_back_is_refused)
{
	ring_avail(&ring, 0, 65535);
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), -EBADMSG);
}
END_TEST

START_TEST(a_head_out_of_range_is_refused)
{
	ring_offer(&ring, RING_SIZE);
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), -EBADMSG);
}
END_TEST

START_TEST(a_next_out_of_range_is_refused)
{
	ring_desc(&ring, 0, RING_DATA, 4, NEXT, RING_SIZE);
	ck_assert_int_eq(pop(), -EBADMSG);
}
END_TEST

START_TEST(a_descriptor_that_is_its_own_next_is_refused)
{
	ring_desc(&ring, 0, RING_DATA, 4, NEXT, 0);
	ck_assert_int_eq(pop(), -EBADMSG);
}
END_TEST

START_TEST(a_cycle_of_two_is_refused)
{
	ring_desc(&ring, 0, RING_DATA, 4, NEXT, 1);
	ring_desc(&ring, 1, RING_DATA, 4, NEXT, 0);
	ck_assert_int_eq(pop(), -EBADMSG);
}
END_TEST

START_TEST(a_chain_as_long_as_the_queue_is_taken)
{
	for (uint16_t i = 0; i < RING_SIZE - 1; i++)
		ring_desc(&ring, i, RING_DATA, 4, NEXT, (uint16_t)(i + 1));
	ring_desc(&ring, RING_SIZE - 1, RING_DATA, 4, 0, 0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.read_count, RING_SIZE);
}
END_TEST

START_TEST(an_indirect_descriptor_is_refused)
{
	ring_desc(&ring, 0, RING_DATA, 16, VRING_DESC_F_INDIRECT, 0);
	ck_assert_int_eq(pop(), -EBADMSG);
}
END_TEST

START_TEST(a_readable_buffer_behind_a_writable_one_is_refused)
{
	ring_desc(&ring, 0, RING_DATA, 4, NEXT | WRITE, 1);
	ring_desc(&ring, 1, RING_DATA, 4, 0, 0);
	ck_assert_int_eq(pop(), -EBADMSG);
}
END_TEST

/* {address, length, flags} of buffers that do not lie wholly in memory they may use. */
static const struct {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
} outside[] = {
	{0, 4, 0},
	{RING_GPA - 1, 4, 0},
	{RING_GPA + RING_BYTES - 3, 4, 0},
	{UINT64_MAX - 1, 4, WRITE},
	{RING_DATA, UINT32_MAX, 0},
	{RING_ROOT_GPA, 4, WRITE},
	{RING_ROOT_GPA + RING_ROOT_BYTES, 1, 0},
	{0, 0, 0},
};

START_TEST(a_buffer_outside_memory_is_refused)
{
	ring_desc(&ring, 0, outside[_i].addr, outside[_i].len, outside[_i].flags, 0);
	ck_assert_int_eq(pop(), -EBADMSG);
}
END_TEST

START_TEST(a_buffer_in_the_golden_root_may_be_read)
{
	ring_desc(&ring, 0, RING_ROOT_GPA, RING_ROOT_BYTES, 0, 0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.read_bytes, RING_ROOT_BYTES);
}
END_TEST

START_TEST(an_empty_buffer_is_taken)
{
	ring_desc(&ring, 0, RING_DATA, 0, 0, 0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.read_bytes, 0);
}
END_TEST

START_TEST(a_sum_over_4_gib_is_refused)
{
	/* One region that claims 3 GiB; only its size is used here. */
	ring.mem.regions[1].bytes = 3ull << 30;
	ring_desc(&ring, 0, RING_ROOT_GPA, 3u << 30, NEXT, 1);
	ring_desc(&ring, 1, RING_ROOT_GPA, 3u << 30, 0, 0);
	ck_assert_int_eq(pop(), -EBADMSG);
	ring.mem.regions[1].bytes = RING_ROOT_BYTES;
}
END_TEST

START_TEST(buffers_over_the_rings_hurt_only_the_guest)
{
	ring_desc(&ring, 0, RING_DESC, 0x4000, WRITE, 0);
	ck_assert_int_eq(pop(), 1);
	static const uint8_t garbage[0x4000] = {[0 ... 0x3fff] = 0xa5};

	ck_assert_uint_eq(mv_chain_write(&chain, 0, garbage, sizeof(garbage)), sizeof(garbage));
	mv_queue_push(&ring.queue, chain.head, 1);
	ck_assert_int_eq(mv_queue_pop(&ring.queue, &chain), -EBADMSG);
}
END_TEST

START_TEST(the_driver_may_ask_for_no_interrupt)
{
	ck_assert(mv_queue_wants_interrupt(&ring.queue));
	ring_avail(&ring, VRING_AVAIL_F_NO_INTERRUPT, 0);
	ck_assert(!mv_queue_wants_interrupt(&ring.queue));
}
END_TEST

static const uint16_t bad_sizes[] = {0, 3, 255, MV_QUEUE_SIZE_MAX + 1, 512, 65535};

START_TEST(a_bad_size_is_refused)
{
	mv_queue_reset(&ring.queue);
	ring.queue.ring.desc_gpa = RING_DESC;
	ring.queue.ring.avail_gpa = RING_AVAIL;
	ring.queue.ring.used_gpa = RING_USED;
	ring.queue.ring.size = bad_sizes[_i];
	ck_assert_int_eq(mv_queue_enable(&ring.queue), -EBADMSG);
	ck_assert(!ring.queue.ring.ready);
}
END_TEST

/* {desc, avail, used} that are unaligned, wrap, or do not lie wholly in writable memory. */
static const uint64_t bad_places[][3] = {
	{RING_DESC + 8, RING_AVAIL, RING_USED},
	{RING_DESC, RING_AVAIL + 1, RING_USED},
	{RING_DESC, RING_AVAIL, RING_USED + 2},
	{0, RING_AVAIL, RING_USED},
	{RING_GPA + RING_BYTES - 16 * RING_SIZE + 16, RING_AVAIL, RING_USED},
	{RING_DESC, RING_GPA + RING_BYTES - 2 * RING_SIZE - 2, RING_USED},
	{RING_DESC, RING_AVAIL, RING_GPA + RING_BYTES - 8 * RING_SIZE},
	{UINT64_MAX - 15, RING_AVAIL, RING_USED},
	{RING_DESC, UINT64_MAX - 1, RING_USED},
	{RING_DESC, RING_AVAIL, UINT64_MAX - 3},
	{RING_DESC, RING_AVAIL, RING_ROOT_GPA},
};

START_TEST(rings_out_of_place_are_refused)
{
	mv_queue_reset(&ring.queue);
	ring.queue.ring.size = RING_SIZE;
	ring.queue.ring.desc_gpa = bad_places[_i][0];
	ring.queue.ring.avail_gpa = bad_places[_i][1];
	ring.queue.ring.used_gpa = bad_places[_i][2];
	ck_assert_int_eq(mv_queue_enable(&ring.queue), -EBADMSG);
}
END_TEST

/* Another vCPU of the guest: turns descriptor 0 from good to bad and back, half by half. */
static void *flip(void *stop)
{
	uint64_t *d = ring_at(&ring, RING_DESC, 16);

	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
		__atomic_store_n(&d[0], RING_DATA, __ATOMIC_RELAXED);
		__atomic_store_n(&d[1], 16, __ATOMIC_RELAXED);
		__atomic_store_n(&d[0], UINT64_MAX - 8, __ATOMIC_RELAXED);
		__atomic_store_n(&d[1], UINT64_MAX, __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(a_descriptor_that_changes_while_read_never_leaves_memory)
{
	const void *data = ring_at(&ring, RING_DATA, 16);
	bool stop = false;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, flip, &stop), 0);
	for (unsigned i = 0; i < 200000; i++) {
		ring_offer(&ring, 0);
		if (mv_queue_pop(&ring.queue, &chain) != 1) {
			ring.queue.ring.next_avail = ring.offered;
			continue;
		}
		ck_assert_uint_eq(chain.read_count + chain.write_count, 1);
		ck_assert_ptr_eq(chain.read[0].iov_base, data);
		ck_assert_uint_eq(chain.read[0].iov_len, 16);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
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

	tcase_add_test(use, an_empty_ring_has_no_chain);
	tcase_add_test(use, a_ring_that_is_not_ready_is_not_read);
	tcase_add_test(use, a_chain_is_split_into_readable_and_writable);
	tcase_add_test(use, bytes_cross_descriptors);
	tcase_add_test(use, used_elements_follow_in_order_and_wrap);
	tcase_add_test(use, the_index_may_wrap_around_65536);
	tcase_add_test(use, a_chain_as_long_as_the_queue_is_taken);
	tcase_add_test(use, a_buffer_in_the_golden_root_may_be_read);
	tcase_add_test(use, an_empty_buffer_is_taken);
	tcase_add_test(use, the_driver_may_ask_for_no_interrupt);
	TCase *refusals = fixture("refusals");

	tcase_add_test(refusals, an_index_that_jumps_over_the_size_is_refused);
	tcase_add_test(refusals, an_index_that_goes_back_is_refused);
	tcase_add_test(refusals, a_head_out_of_range_is_refused);
	tcase_add_test(refusals, a_next_out_of_range_is_refused);
	tcase_add_test(refusals, a_descriptor_that_is_its_own_next_is_refused);
	tcase_add_test(refusals, a_cycle_of_two_is_refused);
	tcase_add_test(refusals, an_indirect_descriptor_is_refused);
	tcase_add_test(refusals, a_readable_buffer_behind_a_writable_one_is_refused);
	tcase_add_loop_test(refusals, a_buffer_outside_memory_is_refused, 0,
			    sizeof(outside) / sizeof(outside[0]));
	tcase_add_test(refusals, a_sum_over_4_gib_is_refused);
	tcase_add_test(refusals, buffers_over_the_rings_hurt_only_the_guest);
	tcase_add_loop_test(refusals, a_bad_size_is_refused, 0,
			    sizeof(bad_sizes) / sizeof(bad_sizes[0]));
	tcase_add_loop_test(refusals, rings_out_of_place_are_refused, 0,
			    sizeof(bad_places) / sizeof(bad_places[0]));
	tcase_add_test(refusals, a_descriptor_that_changes_while_read_never_leaves_memory);
	return suite_run("microvisor/queue", use, refusals);
}
