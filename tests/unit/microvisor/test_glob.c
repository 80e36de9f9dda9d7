#include <check.h>
#include <string.h>

#include "microvisor/arbiter/access.h"
#include "microvisor/arbiter/glob.h"
#include "microvisor/arbiter/path.h"
#include "tests/support/suite.h"

static const struct {
	const char *pattern;
	const char *text;
	bool matches;
} globs[] = {
	{"/a/*.pdf", "/a/b.pdf", true},
	{"/a/*.pdf", "/a/.pdf", true},
	{"/a/*.pdf", "/a/.hidden.pdf", true},
	{"/a/*.pdf", "/a/b/c.pdf", false},
	{"/a/*.pdf", "/a/b.pdf.exe", false},
	{"/a/*.pdf", "/a/b.PDF", false},
	{"/a/*", "/a/", true},
	{"/a/*", "/a", false},
	{"/a/*", "/a/b/c", false},
	{"/a/**", "/a/b/c", true},
	{"/a/**", "/a", false},
	{"/a/**.pdf", "/a/b/c.pdf", true},
	{"/a/**/c", "/a/b/c", true},
	{"/a/**/c", "/a/b/d/e/c", true},
	{"/a/**/c", "/a/c", true},
	{"/a/**/c", "/ac", false},
	{"/a/**/c", "/a/xc", false},
	{"/a/**/**/c", "/a/c", true},
	{"/a/**/b/**/c", "/a/b/c", true},
	{"/a/***/c", "/a/c", true},
	{"**", "", true},
	{"*", "", true},
	{"?", "", false},
	{"?", "/", false},
	{"/?/b", "/a/b", true},
	{"/?/b", "//b", false},
	{"/a?b", "/a/b", false},
	{"/a?", "/a\xff", true},
	{"/\xff*", "/\xff\xfe", true},
	{"/\xc3*\xa4", "/\xc3\xa4", true},
	{"*a*b*c", "xaybzc", true},
	{"*a*b*c", "xcybza", false},
	{"/*b*/c", "/xbyb/c", true},
	{"/*b*/c", "/xb/yb/c", false},
	{"**a*b", "/a/ab", true},
	{"**a*b", "/ab/a", false},
	{"**/x*y/z", "/xa/xby/z", true},
	{"/a/[b]", "/a/b", false},
	{"/a/\\*", "/a/*", false},
	{"*.x.org", "a.b.x.org", true},
	{"*.x.org", "x.org", false},
	{"/a", "/a", true},
	{"/a", "/ab", false},
	{"/ab", "/a", false},
};

START_TEST(a_glob_selects_what_the_language_says)
{
	ck_assert_msg(mv_glob_matches(globs[_i].pattern, strlen(globs[_i].pattern), globs[_i].text,
				      strlen(globs[_i].text)) == globs[_i].matches,
		      "%s against %s", globs[_i].pattern, globs[_i].text);
}
END_TEST

static const struct {
	const char *pattern;
	const char *folder;
	bool holds;
} folders[] = {
	{"/a/*.pdf", "/a", true},        {"/a/*.pdf", "/", true},
	{"/a/*.pdf", "/a/b", false},     {"/a/*.pdf", "/b", false},
	{"/a/**.pdf", "/a/b/c", true},   {"/a/*/c/d", "/a/b", true},
	{"/a/*/c/d", "/a/b/c", true},    {"/a/*/c/d", "/a/b/d", false},
	{"/a/*/c/d", "/a/b/c/d", false}, {"/a/**", "/a", true},
	{"/a/*", "/a/b", false},         {"/a/**/", "/a", true},
};

START_TEST(a_folder_may_hold_a_match_or_not)
{
	ck_assert_msg(mv_glob_may_hold(folders[_i].pattern, strlen(folders[_i].pattern),
				       folders[_i].folder,
				       strlen(folders[_i].folder)) == folders[_i].holds,
		      "%s below %s", folders[_i].pattern, folders[_i].folder);
}
END_TEST

START_TEST(no_pattern_takes_exponential_time)
{
	static char pattern[MV_PATH_MAX + 1];
	static char text[MV_PATH_MAX + 1];

	for (int i = 0; i + 3 < MV_PATH_MAX; i += 3)
		memcpy(pattern + i, "**a", 3);
	memset(text, 'a', MV_PATH_MAX);
	text[MV_PATH_MAX - 1] = 'b';

	/* An exponential one would outlive any time limit of the test. */
	ck_assert(!mv_glob_matches(pattern, strlen(pattern), text, MV_PATH_MAX));
	for (int i = 0; i + 3 < MV_PATH_MAX; i += 3)
		memcpy(pattern + i, "/**", 3);
	for (int i = 0; i < MV_PATH_MAX - 1; i += 2)
		memcpy(text + i, "/x", 2);
	(void)mv_glob_matches(pattern, strlen(pattern), text, MV_PATH_MAX);
}
END_TEST

START_TEST(what_is_too_long_never_matches)
{
	static char pattern[MV_PATH_MAX + 2] = "*";
	static char text[MV_PATH_MAX + 2];

	memset(text, 'a', MV_PATH_MAX + 1);
	ck_assert(mv_glob_matches(pattern, 1, text, MV_PATH_MAX));
	ck_assert(!mv_glob_matches(pattern, 1, text, MV_PATH_MAX + 1));
	memset(pattern, '*', MV_PATH_MAX + 1);
	ck_assert(mv_glob_matches(pattern, MV_PATH_MAX, text, 1));
	ck_assert(!mv_glob_matches(pattern, MV_PATH_MAX + 1, text, 1));
	ck_assert(!mv_glob_may_hold(pattern, 1, text, MV_PATH_MAX));
}
END_TEST

static const struct {
	const char *path;
	size_t n;
	bool canonical;
} paths[] = {
	{"/", 1, true},      {"/a", 2, true},   {"/a/b", 4, true},     {"/.a/..b", 7, true},
	{"/\xff", 2, true},  {"/...", 4, true}, {"", 0, false},        {"a", 1, false},
	{"//", 2, false},    {"/a/", 3, false}, {"/a//b", 5, false},   {"/a/./b", 6, false},
	{"/.", 2, false},    {"/..", 3, false}, {"/a/../b", 7, false}, {"/a\0b", 4, false},
	{"/a/..", 5, false},
};

START_TEST(only_canonical_paths_are_paths)
{
	ck_assert_msg(mv_path_is_canonical(paths[_i].path, paths[_i].n) == paths[_i].canonical,
		      "%s", paths[_i].path);
}
END_TEST

START_TEST(a_path_is_in_a_folder_by_components)
{
	ck_assert(mv_path_is_in("/a/b", 4, "/a", 2));
	ck_assert(mv_path_is_in("/a", 2, "/a", 2));
	ck_assert(!mv_path_is_in("/ab", 3, "/a", 2));
	ck_assert(!mv_path_is_in("/", 1, "/a", 2));
	ck_assert(mv_path_is_in("/a", 2, "/", 1));
	ck_assert(mv_path_is_in("/a", 2, "", 0));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("glob");

	tcase_add_loop_test(t, a_glob_selects_what_the_language_says, 0,
			    sizeof(globs) / sizeof(globs[0]));
	tcase_add_loop_test(t, a_folder_may_hold_a_match_or_not, 0,
			    sizeof(folders) / sizeof(folders[0]));
	tcase_add_test(t, no_pattern_takes_exponential_time);
	tcase_add_test(t, what_is_too_long_never_matches);
	tcase_add_loop_test(t, only_canonical_paths_are_paths, 0, sizeof(paths) / sizeof(paths[0]));
	tcase_add_test(t, a_path_is_in_a_folder_by_components);
	return suite_run("microvisor/glob", t);
}
