#include <check.h>
#include <string.h>

#include "microvisor/virtio/fifo.h"
#include "tests/support/suite.h"

static struct mv_fifo f;
static uint8_t bytes[MV_FIFO_BYTES + 1];

static void setup(void)
{
	mv_fifo_clear(&f);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 11);
}

START_TEST(what_goes_in_comes_out)
{
	uint8_t got[100];

	ck_assert_uint_eq(mv_fifo_put(&f, bytes, 100), 100);
	ck_assert_uint_eq(mv_fifo_take(&f, got, 40), 40);
	ck_assert_uint_eq(mv_fifo_take(&f, got + 40, 100), 60);
	ck_assert_mem_eq(got, bytes, 100);
	ck_assert_uint_eq(mv_fifo_take(&f, got, 1), 0);
}
END_TEST

START_TEST(a_full_ring_takes_no_more)
{
	size_t n;

	ck_assert_uint_eq(mv_fifo_put(&f, bytes, sizeof(bytes)), MV_FIFO_BYTES);
	ck_assert_uint_eq(mv_fifo_put(&f, bytes, 1), 0);
	(void)mv_fifo_back(&f, &n);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(bytes_wrap_around_the_end)
{
	uint8_t got[20];
	size_t n;

	ck_assert_uint_eq(mv_fifo_put(&f, bytes, MV_FIFO_BYTES - 5), MV_FIFO_BYTES - 5);
	mv_fifo_drop(&f, MV_FIFO_BYTES - 10);
	ck_assert_uint_eq(mv_fifo_put(&f, bytes, 15), 15);
	(void)mv_fifo_front(&f, &n);
	ck_assert_uint_eq(n, 10);
	ck_assert_uint_eq(mv_fifo_take(&f, got, 20), 20);
	ck_assert_mem_eq(got, bytes + MV_FIFO_BYTES - 10, 5);
	ck_assert_mem_eq(got + 5, bytes, 15);
}
END_TEST

START_TEST(an_empty_ring_starts_at_its_first_page_again)
{
	size_t n;

	ck_assert_uint_eq(mv_fifo_put(&f, bytes, 5000), 5000);
	mv_fifo_drop(&f, 5000);
	ck_assert_ptr_eq(mv_fifo_back(&f, &n), f.bytes);
	ck_assert_uint_eq(n, MV_FIFO_BYTES);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fifo");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, what_goes_in_comes_out);
	tcase_add_test(t, a_full_ring_takes_no_more);
	tcase_add_test(t, bytes_wrap_around_the_end);
	tcase_add_test(t, an_empty_ring_starts_at_its_first_page_again);
	return suite_run("microvisor/fifo", t);
}
