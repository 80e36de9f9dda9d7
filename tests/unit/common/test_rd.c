#include <check.h>

#include "common/rd.h"
#include "tests/support/suite.h"

START_TEST(numbers_are_read_in_their_order)
{
	struct rd r = rd_of("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
			    "\x10\x11\x12\x13",
			    19);

	ck_assert_uint_eq(rd_u8(&r), 0x01);
	ck_assert_uint_eq(rd_u16le(&r), 0x0302);
	ck_assert_uint_eq(rd_u32le(&r), 0x07060504);
	ck_assert_uint_eq(rd_u32be(&r), 0x08090a0b);
	ck_assert_uint_eq(rd_u64le(&r), 0x131211100f0e0d0cU);
	ck_assert_uint_eq(rd_left(&r), 0);
	ck_assert(!r.bad);
}
END_TEST

START_TEST(high_bits_are_kept)
{
	struct rd r = rd_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);

	ck_assert_uint_eq(rd_u64le(&r), UINT64_MAX);
	ck_assert_uint_eq(rd_u32le(&r), UINT32_MAX);
}
END_TEST

START_TEST(a_short_read_is_bad_for_ever)
{
	struct rd r = rd_of("\x01\x02\x03", 3);

	ck_assert_uint_eq(rd_u32le(&r), 0);
	ck_assert(r.bad);
	ck_assert_uint_eq(rd_left(&r), 0);
	ck_assert_uint_eq(rd_u8(&r), 0);
	ck_assert_ptr_null(rd_bytes(&r, 0));
}
END_TEST

START_TEST(half_of_a_long_number_is_no_number)
{
	struct rd r = rd_of("\x01\x02\x03\x04\x05\x06\x07", 7);

	(void)rd_u64le(&r); /* what it gives does not count */
	ck_assert(r.bad);
}
END_TEST

START_TEST(lengths_that_would_wrap_are_refused)
{
	struct rd r = rd_of("abc", 3);

	ck_assert_ptr_null(rd_bytes(&r, SIZE_MAX));
	ck_assert(r.bad);
}
END_TEST

START_TEST(nothing_can_be_read_from_nothing)
{
	struct rd r = rd_of(NULL, 0);

	ck_assert_uint_eq(rd_left(&r), 0);
	ck_assert_uint_eq(rd_u8(&r), 0);
	ck_assert(r.bad);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("rd");

	tcase_add_test(t, numbers_are_read_in_their_order);
	tcase_add_test(t, high_bits_are_kept);
	tcase_add_test(t, a_short_read_is_bad_for_ever);
	tcase_add_test(t, half_of_a_long_number_is_no_number);
	tcase_add_test(t, lengths_that_would_wrap_are_refused);
	tcase_add_test(t, nothing_can_be_read_from_nothing);
	return suite_run("common/rd", t);
}
