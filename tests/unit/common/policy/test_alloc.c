#include <check.h>
#include <errno.h>

#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

/* Our own allocations fail, one after the other (tests/support/fail_alloc.c); libyaml's are its own. */
extern long fail_alloc_at;

enum {
	ALLOCATIONS_MAX = 1000
};

START_TEST(parsing_without_memory_says_so)
{
	struct buf text = {0};
	struct policy_errors errors;
	struct policy *policy = NULL;
	long n = 0;

	ck_assert_int_eq(buf_read_file(&text, "tests/story/policy.yaml", 1 << 20), 0);
	for (; n < ALLOCATIONS_MAX && !policy; n++) {
		fail_alloc_at = n;
		policy = policy_parse(text.data, text.len, &errors);
		fail_alloc_at = -1;
		ck_assert(policy || strstr(errors.list[0].text, "out of memory"));
	}
	ck_assert_int_gt(n, 2);
	ck_assert_int_lt(n, ALLOCATIONS_MAX);
	policy_free(policy);
	buf_release(&text);
}
END_TEST

START_TEST(compiling_without_memory_leaves_the_buffer_as_it_was)
{
	struct policy *policy = parse_file("tests/story/policy.yaml");
	struct policy_request request = {
		.user = "u", .home = "/home/u", .file_count = 1, .files = {"/home/u/a.py"}};
	struct buf out = {0};
	int r = -ENOMEM;
	long n = 0;

	for (; n < ALLOCATIONS_MAX && r < 0; n++) {
		fail_alloc_at = n;
		r = policy_compile(policy, 1, &request, 1, &out);
		fail_alloc_at = -1;
		ck_assert(r == 0 || (r == -ENOMEM && out.len == 0));
	}
	ck_assert_int_gt(n, 3);
	ck_assert_int_eq(r, 0);
	buf_release(&out);
	policy_free(policy);
}
END_TEST

START_TEST(tests_without_memory_are_not_passed)
{
	struct policy *policy = parse_file("tests/story/policy.yaml");
	struct buf out = {0};
	int r = -ENOMEM;
	long n = 0;

	for (; n < ALLOCATIONS_MAX && r < 0; n++) {
		fail_alloc_at = n;
		r = policy_run_tests(policy, &out);
		fail_alloc_at = -1;
		ck_assert(r == 0 || r == -ENOMEM);
	}
	ck_assert_int_gt(n, 3);
	ck_assert_int_eq(r, 0);
	buf_release(&out);
	policy_free(policy);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("alloc");

	tcase_add_test(t, parsing_without_memory_says_so);
	tcase_add_test(t, compiling_without_memory_leaves_the_buffer_as_it_was);
	tcase_add_test(t, tests_without_memory_are_not_passed);
	return suite_run("common/policy/alloc", t);
}
