#include <check.h>
#include <signal.h>
#include <string.h>

#include "microvisor/virtio/fifo.h"
#include "tests/support/suite.h"

static struct mv_fifo f;
static uint8_t bytes[MV_FIFO_BYTES];

static void setup(void)
{
	memset(&f, 0, sizeof(f));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 11);
}

static void put(size_t from, size_t n)
{
	memcpy(mv_fifo_grow(&f, n), bytes + from, n);
}

static void expect(size_t from, size_t n)
{
	ck_assert_uint_eq(f.count, n);
	ck_assert_mem_eq(f.bytes + f.first, bytes + from, n);
}

START_TEST(what_goes_in_comes_out)
{
	put(0, 40);
	put(40, 60);
	expect(0, 100);
	mv_fifo_drop(&f, 40);
	expect(40, 60);
	mv_fifo_drop(&f, 60);
	expect(0, 0);
}
END_TEST

START_TEST(a_full_store_takes_no_more)
{
	put(0, MV_FIFO_BYTES);
	expect(0, MV_FIFO_BYTES);
	(void)mv_fifo_grow(&f, 1);
}
END_TEST

START_TEST(no_more_is_forgotten_than_is_there)
{
	put(0, 10);
	mv_fifo_drop(&f, 11);
}
END_TEST

START_TEST(bytes_stay_in_one_piece_at_the_end)
{
	put(0, MV_FIFO_BYTES - 5);
	mv_fifo_drop(&f, MV_FIFO_BYTES - 15);
	put(MV_FIFO_BYTES - 5, 5);
	expect(MV_FIFO_BYTES - 15, 15);
	memcpy(mv_fifo_grow(&f, MV_FIFO_BYTES - 15), bytes, MV_FIFO_BYTES - 15);
	ck_assert_uint_eq(f.count, MV_FIFO_BYTES);
	ck_assert_mem_eq(f.bytes, bytes + MV_FIFO_BYTES - 15, 15);
	ck_assert_mem_eq(f.bytes + 15, bytes, MV_FIFO_BYTES - 15);
}
END_TEST

START_TEST(an_empty_store_starts_at_its_first_page_again)
{
	put(0, 5000);
	mv_fifo_drop(&f, 5000);
	ck_assert_ptr_eq(mv_fifo_grow(&f, 1), f.bytes);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fifo");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, what_goes_in_comes_out);
	tcase_add_test_raise_signal(t, a_full_store_takes_no_more, SIGILL);
	tcase_add_test_raise_signal(t, no_more_is_forgotten_than_is_there, SIGILL);
	tcase_add_test(t, bytes_stay_in_one_piece_at_the_end);
	tcase_add_test(t, an_empty_store_starts_at_its_first_page_again);
	return suite_run("microvisor/fifo", t);
}
