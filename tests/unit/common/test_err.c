#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "tests/support/suite.h"

START_TEST(the_code_is_returned_and_the_text_kept)
{
	struct err err = {0};

	ck_assert_int_eq(err_set(&err, -EINVAL, "disk '%s': bad", "a"), -EINVAL);
	ck_assert_int_eq(err.code, -EINVAL);
	ck_assert_str_eq(err.text, "disk 'a': bad");
}
END_TEST

START_TEST(nobody_needs_to_listen)
{
	ck_assert_int_eq(err_set(NULL, -EIO, "unheard"), -EIO);
	ck_assert_int_eq(err_prefix(NULL, "unheard"), 0);
}
END_TEST

START_TEST(a_prefix_stands_in_front)
{
	struct err err = {0};

	ck_assert_int_eq(err_set(&err, -ENOENT, "no such key"), -ENOENT);
	ck_assert_int_eq(err_prefix(&err, "file %d", 7), -ENOENT);
	ck_assert_str_eq(err.text, "file 7: no such key");
}
END_TEST

START_TEST(long_texts_are_cut)
{
	struct err err = {0};

	ck_assert_int_eq(err_set(&err, -EINVAL, "%*s", 2000, "x"), -EINVAL);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
	ck_assert_int_eq(err_prefix(&err, "%*s", 2000, "y"), -EINVAL);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("err");

	tcase_add_test(t, the_code_is_returned_and_the_text_kept);
	tcase_add_test(t, nobody_needs_to_listen);
	tcase_add_test(t, a_prefix_stands_in_front);
	tcase_add_test(t, long_texts_are_cut);
	return suite_run("common/err", t);
}
