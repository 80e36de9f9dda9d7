#include <check.h>

#include "common/policy/words.h"
#include "microvisor/arbiter/access.h"
#include "tests/support/suite.h"

START_TEST(every_number_in_range_has_a_word)
{
	for (unsigned i = 1; i < MV_CLASS_COUNT; i++)
		ck_assert_ptr_nonnull(words_class(i));
	for (unsigned i = 1; i < MV_OP_COUNT; i++)
		ck_assert_ptr_nonnull(words_op(i));
	for (unsigned i = 1; i < MV_VERDICT_COUNT; i++)
		ck_assert_ptr_nonnull(words_verdict(i));
	for (unsigned i = 1; i <= MV_CRITICAL; i++)
		ck_assert_ptr_nonnull(words_severity(i));
	ck_assert_str_eq(words_class(MV_CLASS_FILE), "file");
	ck_assert_str_eq(words_op(MV_OP_OPEN), "open");
	ck_assert_str_eq(words_verdict(MV_DENY), "deny");
	ck_assert_str_eq(words_severity(MV_HIGH), "high");
}
END_TEST

START_TEST(a_number_out_of_range_has_none)
{
	ck_assert_ptr_null(words_class(0));
	ck_assert_ptr_null(words_class(MV_CLASS_COUNT));
	ck_assert_ptr_null(words_op(0));
	ck_assert_ptr_null(words_op(MV_OP_COUNT));
	ck_assert_ptr_null(words_verdict(0));
	ck_assert_ptr_null(words_verdict(255));
	ck_assert_ptr_null(words_severity(0));
	ck_assert_ptr_null(words_severity(MV_CRITICAL + 1));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("words");

	tcase_add_test(t, every_number_in_range_has_a_word);
	tcase_add_test(t, a_number_out_of_range_has_none);
	return suite_run("common/policy/words", t);
}
