#include <check.h>
#include <string.h>

#include "common/policy/report.h"
#include "tests/support/suite.h"

START_TEST(a_path_too_long_is_cut)
{
	static char key[70];
	struct policy_errors errors = {0};
	struct node nodes[4] = {{.kind = NODE_MAP}};

	memset(key, 'k', sizeof(key) - 1);
	for (size_t i = 1; i < 4; i++)
		nodes[i] = (struct node){.key = key, .parent = &nodes[i - 1], .line = 3};
	report(&errors, &nodes[3], "wrong");
	ck_assert_uint_eq(strlen(errors.list[0].path), sizeof(errors.list[0].path) - 1);
	ck_assert_str_eq(errors.list[0].text, "wrong");
}
END_TEST

START_TEST(a_text_too_long_is_cut)
{
	struct policy_errors errors = {0};

	report_at(&errors, NULL, 1, 1, "%*s", 400, "x");
	ck_assert_uint_eq(strlen(errors.list[0].text), sizeof(errors.list[0].text) - 1);
}
END_TEST

START_TEST(the_same_finding_counts_once)
{
	struct policy_errors errors = {0};

	report_at(&errors, NULL, 1, 2, "wrong");
	report_at(&errors, NULL, 1, 2, "wrong");
	report_at(&errors, NULL, 1, 3, "wrong");
	ck_assert_uint_eq(errors.count, 2);
}
END_TEST

START_TEST(findings_are_sorted_by_place)
{
	struct policy_errors errors = {0};

	report_at(&errors, NULL, 2, 1, "c");
	report_at(&errors, NULL, 1, 9, "b");
	report_at(&errors, NULL, 1, 2, "a");
	report_sort(&errors);
	ck_assert_str_eq(errors.list[0].text, "a");
	ck_assert_str_eq(errors.list[1].text, "b");
	ck_assert_str_eq(errors.list[2].text, "c");
}
END_TEST

START_TEST(distance_counts_letters)
{
	ck_assert_uint_eq(report_distance("", ""), 0);
	ck_assert_uint_eq(report_distance("", "abc"), 3);
	ck_assert_uint_eq(report_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(report_distance("image", "imgae"), 2);
	ck_assert_uint_ge(report_distance("0123456789012345678901234567890123456789", "a"), 32);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("report");

	tcase_add_test(t, a_path_too_long_is_cut);
	tcase_add_test(t, a_text_too_long_is_cut);
	tcase_add_test(t, the_same_finding_counts_once);
	tcase_add_test(t, findings_are_sorted_by_place);
	tcase_add_test(t, distance_counts_letters);
	return suite_run("common/policy/report", t);
}
