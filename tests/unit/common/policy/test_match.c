#include <check.h>

#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

#define MATCHING(match) \
	HEAD "tasks:\n- id: t\n  match: " match "\n  run: { image: i, level: untrusted }\n"

static bool matches(const char *text, const char *program, const char *file)
{
	struct policy *policy = parse_text(text);
	struct policy_request request = {
		.user = "u", .home = "/home/u", .program = program, .files = {file}};

	request.file_count = file ? 1 : 0;
	bool yes = policy_task_matches(policy, 0, &request);

	policy_free(policy);
	return yes;
}

static const struct {
	const char *pattern;
	const char *file;
	bool yes;
} files[] = {
	{"*.pdf", "/home/u/deep/.a.pdf", true},
	{"*.pdf", "/home/u/a.pdf/b.txt", false},
	{"*.pdf", "/home/u/a.PDF", false},
	{"a?.pdf", "/home/u/a1.pdf", true},
	{"a.pdf", "/srv/a.pdf", true},
	{"a.pdf", "/srv/aa.pdf", false},
	{"~/in/*.pdf", "/home/u/in/a.pdf", true},
	{"~/in/*.pdf", "/home/v/in/a.pdf", false},
	{"~/in/", "/home/u/in/x/a.pdf", true},
	{"~/in/", "/home/u/inn/a.pdf", false},
	{"/srv/**.pdf", "/srv/x/a.pdf", true},
	{"${work}", "/srv/work/a.pdf", true},
	{"${work}", "/home/u/work/a.pdf", true},
	{"${work}", "/home/u/a.pdf", false},
};

START_TEST(files_match_by_last_component_or_by_path)
{
	char text[1024];

	snprintf(text, sizeof(text), MATCHING("{ program: [/bin/t], file: [\"%s\"] }"),
		 files[_i].pattern);
	ck_assert_int_eq(matches(text, "/bin/t", files[_i].file), files[_i].yes);
}
END_TEST

START_TEST(programs_match_as_globs)
{
	const char *text = MATCHING("{ program: [/bin/cat, /usr/bin/python3*] }");

	ck_assert(matches(text, "/bin/cat", NULL));
	ck_assert(matches(text, "/usr/bin/python3.11", "/home/u/x"));
	ck_assert(!matches(text, "/usr/bin/python2", NULL));
	ck_assert(!matches(text, "/usr/local/bin/cat", NULL));
	ck_assert(!matches(text, NULL, NULL));
}
END_TEST

START_TEST(a_task_for_files_needs_one)
{
	ck_assert(!matches(MATCHING("{ program: [/bin/t], file: [\"*\"] }"), "/bin/t", NULL));
}
END_TEST

START_TEST(every_file_must_match)
{
	struct policy *policy = parse_text(MATCHING("{ program: [/bin/t], file: [\"*.pdf\"] }"));
	struct policy_request request = {.user = "u",
					 .home = "/home/u",
					 .program = "/bin/t",
					 .file_count = 2,
					 .files = {"/home/u/a.pdf", "/home/u/b.pdf"}};

	ck_assert(policy_task_matches(policy, 0, &request));
	request.files[1] = "/home/u/b.txt";
	ck_assert(!policy_task_matches(policy, 0, &request));
	ck_assert(!policy_task_matches(policy, 1, &request));
	policy_free(policy);
}
END_TEST

START_TEST(the_story_has_a_task_for_each_program)
{
	struct policy *policy = parse_file("tests/story/policy.yaml");
	struct policy_request pdf = {.user = "user1",
				     .home = "/home/user1",
				     .program = "/usr/bin/mutool",
				     .file_count = 1,
				     .files = {"/home/user1/report.pdf"}};
	struct policy_request script = {.user = "user1",
					.home = "/home/user1",
					.program = "/usr/bin/python3.11",
					.file_count = 1,
					.files = {"/home/user1/hostile.py"}};

	ck_assert(policy_task_matches(policy, 0, &pdf));
	ck_assert(!policy_task_matches(policy, 1, &pdf));
	ck_assert(!policy_task_matches(policy, 0, &script));
	ck_assert(policy_task_matches(policy, 1, &script));
	policy_free(policy);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("match");

	tcase_add_loop_test(t, files_match_by_last_component_or_by_path, 0,
			    sizeof(files) / sizeof(files[0]));
	tcase_add_test(t, programs_match_as_globs);
	tcase_add_test(t, a_task_for_files_needs_one);
	tcase_add_test(t, every_file_must_match);
	tcase_add_test(t, the_story_has_a_task_for_each_program);
	return suite_run("common/policy/match", t);
}
