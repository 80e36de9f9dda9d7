#include <check.h>

#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

static const struct policy_request request = {
	.user = "u", .home = "/home/u", .file_count = 1, .files = {"/home/u/in/a.pdf"}};

static struct policy_place places[8];

static size_t find_places(const char *paths, size_t max)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s%s  file: [ { id: a, path: [%s], do: read } ]\n", HEAD,
		 TASK, paths);
	struct policy *policy = parse_text(text);
	size_t n = policy_places(policy, 0, &request, places, max);

	policy_free(policy);
	return n;
}

static void expect_place(size_t i, const char *path, bool folder, bool given)
{
	ck_assert_str_eq(places[i].path, path);
	ck_assert_int_eq(places[i].folder, folder);
	ck_assert_int_eq(places[i].given, given);
}

START_TEST(each_kind_of_pattern_opens_its_place)
{
	ck_assert_uint_eq(find_places("\"{file}\", \"~/b\", \"/srv/c/\", \"/mnt/d/e*/f\"", 8), 4);
	expect_place(0, "/home/u/in/a.pdf", false, true);
	expect_place(1, "/home/u/b", false, false);
	expect_place(2, "/srv/c", true, false);
	expect_place(3, "/mnt/d", true, false);
}
END_TEST

START_TEST(a_folder_stands_for_what_lies_in_it)
{
	ck_assert_uint_eq(
		find_places("\"{file}\", \"~/in/b\", \"~/in/\", \"~/in/c/\", \"~/in/d\"", 8), 1);
	expect_place(0, "/home/u/in", true, false);
	ck_assert_uint_eq(find_places("\"~/in/\", \"~/inn\", \"{file}\"", 8), 2);
	expect_place(1, "/home/u/inn", false, false);
	ck_assert_uint_eq(find_places("\"~/**.pdf\", \"{file}\"", 8), 1);
	expect_place(0, "/home/u", true, false);
}
END_TEST

START_TEST(the_same_place_is_told_once)
{
	ck_assert_uint_eq(find_places("\"~/b\", \"{file}\", \"~/b\", \"~/in/a.pdf\"", 8), 2);
	expect_place(1, "/home/u/in/a.pdf", false, true);
}
END_TEST

START_TEST(what_does_not_fit_is_counted)
{
	ck_assert_uint_eq(find_places("\"~/a\", \"~/b\", \"~/c\"", 2), 3);
	expect_place(1, "/home/u/b", false, false);
	ck_assert_uint_eq(find_places("\"~/a\"", 0), 1);
}
END_TEST

START_TEST(denied_places_are_not_opened)
{
	struct policy *policy = parse_file("tests/story/policy-2.yaml");

	ck_assert_uint_eq(policy_places(policy, 1, &request, places, 8), 1);
	expect_place(0, "/home/u/in/a.pdf", false, true);
	ck_assert_uint_eq(policy_places(policy, 2, &request, places, 8), 0); /* no such task */
	policy_free(policy);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("places");

	tcase_add_test(t, each_kind_of_pattern_opens_its_place);
	tcase_add_test(t, a_folder_stands_for_what_lies_in_it);
	tcase_add_test(t, the_same_place_is_told_once);
	tcase_add_test(t, what_does_not_fit_is_counted);
	tcase_add_test(t, denied_places_are_not_opened);
	return suite_run("common/policy/places", t);
}
