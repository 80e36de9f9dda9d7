#include <check.h>

#include "microvisor/arbiter/access.h"
#include "tests/support/suite.h"

START_TEST(every_number_in_range_has_a_word)
{
	for (unsigned i = 1; i < MV_CLASS_COUNT; i++)
		ck_assert_ptr_nonnull(mv_class_name(i));
	for (unsigned i = 1; i < MV_OP_COUNT; i++)
		ck_assert_ptr_nonnull(mv_op_name(i));
	for (unsigned i = 1; i < MV_VERDICT_COUNT; i++)
		ck_assert_ptr_nonnull(mv_verdict_name(i));
	for (unsigned i = 1; i <= MV_CRITICAL; i++)
		ck_assert_ptr_nonnull(mv_severity_name(i));
	ck_assert_str_eq(mv_class_name(MV_CLASS_FILE), "file");
	ck_assert_str_eq(mv_op_name(MV_OP_OPEN), "open");
	ck_assert_str_eq(mv_verdict_name(MV_DENY), "deny");
	ck_assert_str_eq(mv_severity_name(MV_HIGH), "high");
}
END_TEST

START_TEST(a_number_out_of_range_has_none)
{
	ck_assert_ptr_null(mv_class_name(0));
	ck_assert_ptr_null(mv_class_name(MV_CLASS_COUNT));
	ck_assert_ptr_null(mv_op_name(0));
	ck_assert_ptr_null(mv_op_name(MV_OP_COUNT));
	ck_assert_ptr_null(mv_verdict_name(0));
	ck_assert_ptr_null(mv_verdict_name(255));
	ck_assert_ptr_null(mv_severity_name(0));
	ck_assert_ptr_null(mv_severity_name(MV_CRITICAL + 1));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("words");

	tcase_add_test(t, every_number_in_range_has_a_word);
	tcase_add_test(t, a_number_out_of_range_has_none);
	return suite_run("microvisor/words", t);
}
