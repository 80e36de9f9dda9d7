#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/support/suite.h"

#define QUOTE(cap, bytes) log_quote(out, cap, bytes, sizeof(bytes) - 1)

START_TEST(printable_text_stays)
{
	char out[64];

	ck_assert_str_eq(QUOTE(sizeof(out), "a b~!"), "a b~!");
	ck_assert_str_eq(QUOTE(sizeof(out), ""), "");
}
END_TEST

START_TEST(what_could_drive_a_terminal_is_written_out)
{
	char out[64];

	ck_assert_str_eq(QUOTE(sizeof(out), "\x1b[2J\n"), "\\x1b[2J\\x0a");
	ck_assert_str_eq(QUOTE(sizeof(out), "a\0b\x7f\x80"), "a\\x00b\\x7f\\x80");
	ck_assert_str_eq(QUOTE(sizeof(out), "\xe2\x80\xae"), "\\xe2\\x80\\xae");
	ck_assert_str_eq(QUOTE(sizeof(out), "a\"b\\c"), "a\\\"b\\\\c");
}
END_TEST

START_TEST(what_does_not_fit_is_cut_within_the_room)
{
	char bytes[300], out[300];

	memset(bytes, 0x1b, sizeof(bytes));
	for (size_t cap = 8; cap < sizeof(out); cap++) {
		memset(out, '!', sizeof(out));
		log_quote(out, cap, bytes, sizeof(bytes));
		ck_assert_uint_lt(strnlen(out, cap), cap);
		ck_assert_int_eq(out[cap], '!');
		ck_assert_str_eq(out + strlen(out) - 3, "...");
	}
}
END_TEST

/* Runs one log_line() with stderr in a pipe; what came out, terminated. */
static size_t captured(enum log_level level, const char *text, char *out, size_t cap)
{
	int ends[2], saved = dup(STDERR_FILENO);

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	log_line(level, "%s", text);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(ends[1]);
	close(saved);
	ssize_t n = read(ends[0], out, cap - 1);

	ck_assert_int_ge(n, 0);
	close(ends[0]);
	out[n] = '\0';
	return (size_t)n;
}

START_TEST(a_line_has_its_level_and_one_newline)
{
	char out[4096];

	captured(LOG_LEVEL_WARN, "vm: gone id=1", out, sizeof(out));
	ck_assert_str_eq(out, "<4>vm: gone id=1\n");
}
END_TEST

START_TEST(a_line_too_long_is_cut_and_still_a_line)
{
	static char text[5000];
	char out[8192];

	memset(text, 'x', sizeof(text) - 1);
	size_t n = captured(LOG_LEVEL_ERROR, text, out, sizeof(out));

	ck_assert_uint_le(n, 2048);
	ck_assert_int_eq(out[n - 1], '\n');
}
END_TEST

START_TEST(levels_above_the_set_one_are_silent)
{
	char out[64];

	ck_assert_uint_eq(captured(LOG_LEVEL_DEBUG, "x", out, sizeof(out)), 0);
	log_set_level(LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(captured(LOG_LEVEL_DEBUG, "x", out, sizeof(out)), 5);
	log_set_level(LOG_LEVEL_ERROR);
	ck_assert_uint_eq(captured(LOG_LEVEL_WARN, "x", out, sizeof(out)), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("log");

	tcase_add_test(t, printable_text_stays);
	tcase_add_test(t, what_could_drive_a_terminal_is_written_out);
	tcase_add_test(t, what_does_not_fit_is_cut_within_the_room);
	tcase_add_test(t, a_line_has_its_level_and_one_newline);
	tcase_add_test(t, a_line_too_long_is_cut_and_still_a_line);
	tcase_add_test(t, levels_above_the_set_one_are_silent);
	return suite_run("common/log", t);
}
