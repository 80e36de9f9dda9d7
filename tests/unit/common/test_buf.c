#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/buf.h"
#include "tests/support/suite.h"

START_TEST(numbers_are_little_endian)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_put_u16le(&b, 0x1234), 0);
	ck_assert_int_eq(buf_put_u32le(&b, 0x89abcdef), 0);
	ck_assert_mem_eq(b.data, "\x34\x12\xef\xcd\xab\x89", 6);
	buf_release(&b);
}
END_TEST

START_TEST(consume_keeps_the_rest)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_printf(&b, "%s-%d", "abc", 7), 0);
	buf_consume(&b, 4);
	ck_assert_uint_eq(b.len, 1);
	ck_assert_int_eq(b.data[0], '7');
	buf_release(&b);
}
END_TEST

START_TEST(a_length_that_overflows_is_refused)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_put_u8(&b, 1), 0);
	ck_assert_int_eq(buf_put(&b, "", SIZE_MAX), -ENOMEM);
	ck_assert_uint_eq(b.len, 1);
	buf_release(&b);
}
END_TEST

START_TEST(a_file_over_the_limit_is_refused)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_read_file(&b, "/dev/zero", 100000), -EFBIG);
	ck_assert_uint_le(b.len, 100000);
	buf_release(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("buf");

	tcase_add_test(t, numbers_are_little_endian);
	tcase_add_test(t, consume_keeps_the_rest);
	tcase_add_test(t, a_length_that_overflows_is_refused);
	tcase_add_test(t, a_file_over_the_limit_is_refused);
	return suite_run("common/buf", t);
}
