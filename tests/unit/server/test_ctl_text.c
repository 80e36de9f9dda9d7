#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/ctl/diff.h"
#include "server/ctl/text.h"
#include "tests/support/suite.h"

static char out[65536];

static void finish_table(struct ctl_table *table)
{
	FILE *f = fmemopen(out, sizeof(out), "w");

	ctl_table_finish(table, f);
	fclose(f);
}

START_TEST(columns_are_as_wide_as_their_widest_cell)
{
	static const char *const head[] = {"A", "LONG", NULL};
	struct ctl_table table;

	ctl_table_start(&table, head);
	ctl_table_cell(&table, "wide");
	ctl_table_cell(&table, "x");
	ctl_table_cell(&table, "");
	ctl_table_cell(&table, "y");
	finish_table(&table);
	ck_assert_str_eq(out, "A     LONG\nwide  x\n-     y\n");
}
END_TEST

START_TEST(members_become_text_safe_for_a_terminal)
{
	json_t *json = json_loads(
		"{\"a\": {\"b\": \"x\\u001b[2J\", \"n\": -5, \"t\": true, \"z\": null}}", 0, NULL);
	char cell[64];

	ck_assert_str_eq(ctl_text(cell, sizeof(cell), json, "a.b"), "x\\x1b[2J");
	ck_assert_str_eq(ctl_text(cell, sizeof(cell), json, "a.n"), "-5");
	ck_assert_str_eq(ctl_text(cell, sizeof(cell), json, "a.t"), "yes");
	ck_assert_str_eq(ctl_text(cell, sizeof(cell), json, "a.z"), "");
	ck_assert_str_eq(ctl_text(cell, sizeof(cell), json, "a.none.deeper"), "");
	ck_assert_str_eq(ctl_text(cell, sizeof(cell), NULL, "a"), "");
	json_decref(json);
}
END_TEST

START_TEST(times_are_local)
{
	json_t *json = json_loads("{\"t\": \"2026-06-30T23:30:00.123Z\", \"u\": \"soon\\u0007\"}",
				  0, NULL);
	char cell[64];

	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	ck_assert_str_eq(ctl_time(cell, sizeof(cell), json, "t"), "2026-07-01 01:30:00");
	ck_assert_str_eq(ctl_time(cell, sizeof(cell), json, "u"), "soon\\x07");
	json_decref(json);
}
END_TEST

static long diff(const char *a, const char *b)
{
	memset(out, 0, sizeof(out));
	FILE *f = fmemopen(out, sizeof(out), "w");
	long n = ctl_diff(a, strlen(a), b, strlen(b), f);

	fclose(f);
	return n;
}

START_TEST(a_difference_names_the_lines)
{
	ck_assert_int_eq(diff("a\nb\nc\n", "a\nx\nc\n"), 2);
	ck_assert_str_eq(out, "    2 - b\n    2 + x\n");
	ck_assert_int_eq(diff("a\nb\nc\nd\n", "a\nc\nd\ne\n"), 2);
	ck_assert_str_eq(out, "    2 - b\n    4 + e\n");
}
END_TEST

START_TEST(equal_documents_do_not_differ)
{
	ck_assert_int_eq(diff("a\nb\n", "a\nb\n"), 0);
	ck_assert_int_eq(diff("", ""), 0);
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(an_empty_side_is_all_change)
{
	ck_assert_int_eq(diff("", "a\nb"), 2);
	ck_assert_str_eq(out, "    1 + a\n    2 + b\n");
	ck_assert_int_eq(diff("a\nb\n", ""), 2);
	ck_assert_str_eq(out, "    1 - a\n    2 - b\n");
}
END_TEST

START_TEST(lines_are_quoted)
{
	ck_assert_int_eq(diff("", "\x1b[31m\n"), 1);
	ck_assert_str_eq(out, "    1 + \\x1b[31m\n");
}
END_TEST

/* The differences applied to the old document give the new one: counted, not printed. */
START_TEST(random_documents_differ_by_as_many_lines_as_printed)
{
	char a[200] = "", b[200] = "";
	long printed = 0;

	srand((unsigned)_i);
	for (int i = 0; i < 30; i++) {
		strcat(rand() % 3 ? a : b, rand() % 2 ? "x\n" : "y\n");
		strcat(rand() % 3 ? b : a, rand() % 2 ? "x\n" : "y\n");
	}
	long n = diff(a, b);

	for (const char *at = out; *at; at++)
		printed += *at == '\n';
	ck_assert_int_eq(n, printed);
}
END_TEST

START_TEST(a_difference_too_large_to_show_is_counted)
{
	size_t n = CTL_DIFF_LINES_MAX + 10;
	char *a = calloc(n, 2), *b = calloc(n, 2);

	for (size_t i = 0; i < n; i++) {
		memcpy(a + 2 * i, "a\n", 2);
		memcpy(b + 2 * i, "b\n", 2);
	}
	FILE *f = fmemopen(out, sizeof(out), "w");

	ck_assert_int_eq(ctl_diff(a, 2 * n, b, 2 * n, f), (long)(2 * n));
	ck_assert_int_eq(ftell(f), 0);
	fclose(f);
	free(a);
	free(b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("text");

	tcase_add_test(t, columns_are_as_wide_as_their_widest_cell);
	tcase_add_test(t, members_become_text_safe_for_a_terminal);
	tcase_add_test(t, times_are_local);
	tcase_add_test(t, a_difference_names_the_lines);
	tcase_add_test(t, equal_documents_do_not_differ);
	tcase_add_test(t, an_empty_side_is_all_change);
	tcase_add_test(t, lines_are_quoted);
	tcase_add_loop_test(t, random_documents_differ_by_as_many_lines_as_printed, 0, 20);
	tcase_add_test(t, a_difference_too_large_to_show_is_counted);
	return suite_run("server/ctl/text", t);
}
