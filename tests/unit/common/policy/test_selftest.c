#include <check.h>

#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

#define RULES                                                               \
	"  file:\n  - { id: doc, path: [\"{file}\"], do: read }\n"          \
	"  - { id: keys, path: [\"~/.ssh/\"], do: deny, severity: high }\n" \
	"  on_deny: { at_least: high, do: terminate }\n"                    \
	"  net: [ { id: web, host: [a.example], port: [443], do: allow } ]\n"

static int run(const char *tests, struct buf *out)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s%s%stests:\n%s", HEAD, TASK, RULES, tests);
	struct policy *policy = parse_text(text);
	int failed = policy_run_tests(policy, out);

	policy_free(policy);
	ck_assert_int_eq(buf_put_u8(out, 0), 0);
	return failed;
}

#define GIVEN "- { task: t, given: { user: u, file: \"~/a\" }, "

START_TEST(tests_that_hold_say_nothing)
{
	struct buf out = {0};

	ck_assert_int_eq(run(GIVEN
			     "open: \"~/a\", expect: { do: read, rule: doc } }\n" GIVEN
			     "write: \"~/a\", expect: { do: deny, rule: doc } }\n" GIVEN
			     "list: \"~/.ssh/\", expect: { do: terminate } }\n" GIVEN
			     "read: /home/v/a, expect: { do: hide } }\n" GIVEN
			     "connect: \"tcp:a.example:443\", expect: { do: allow } }\n"
			     "- { task: t, given: { user: u, home: /srv/h }, stat: \"~/.ssh\", "
			     "expect: { do: terminate } }\n",
			     &out),
			 0);
	ck_assert_uint_eq(out.len, 1);
	buf_release(&out);
}
END_TEST

START_TEST(tests_that_fail_say_what_came_instead)
{
	struct buf out = {0};

	ck_assert_int_eq(run(GIVEN "open: \"~/a\", expect: { do: deny } }\n" GIVEN
				   "open: \"~/a\", expect: { do: read, rule: keys } }\n" GIVEN
				   "open: \"~/b\", expect: { do: read } }\n",
			     &out),
			 3);
	ck_assert_str_eq(
		(char *)out.data,
		"p: line 16: task t: open /home/u/a: expected deny, got allow by doc\n"
		"p: line 17: task t: open /home/u/a: expected allow by keys, got allow by doc\n"
		"p: line 18: task t: open /home/u/b: expected allow, got hide by no rule\n");
	buf_release(&out);
}
END_TEST

START_TEST(a_policy_without_tests_holds)
{
	struct policy *policy = parse_text(HEAD TASK);
	struct buf out = {0};

	ck_assert_int_eq(policy_run_tests(policy, &out), 0);
	policy_free(policy);
}
END_TEST

START_TEST(the_story_holds)
{
	const char *const paths[] = {"tests/story/policy.yaml", "tests/story/policy-2.yaml"};
	struct policy *policy = parse_file(paths[_i]);
	struct buf out = {0};

	ck_assert_int_eq(policy_run_tests(policy, &out), 0);
	policy_free(policy);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("selftest");

	tcase_add_test(t, tests_that_hold_say_nothing);
	tcase_add_test(t, tests_that_fail_say_what_came_instead);
	tcase_add_test(t, a_policy_without_tests_holds);
	tcase_add_loop_test(t, the_story_holds, 0, 2);
	return suite_run("common/policy/selftest", t);
}
