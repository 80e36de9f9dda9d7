#include <check.h>
#include <string.h>

#include "common/filter.h"
#include "tests/support/suite.h"

/* What goes in, and what the terminal gets. */
static const struct {
	const char *in, *out;
} cases[] = {
	/* text */
	{"hello, world\n", "hello, world\n"},
	{"a\tb\r\n", "a\tb\r\n"},
	{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
	{"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac",
	 "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac"},
	/* colours */
	{"\033[1;31mred\033[0m", "\033[1;31mred\033[0m"},
	{"\033[38;2;10;20;30mx\033[m", "\033[38;2;10;20;30mx\033[m"},
	{"\033[8mhidden", "^[[8mhidden"},
	{"\033[1;8mhidden", "^[[1;8mhidden"},
	{"\033[08mhidden", "^[[08mhidden"},
	{"\033[1;1;1;1;1;1;1;1;1;1;1;1m", "^[[1;1;1;1;1;1;1;1;1;1;1;1m"},
	{"\033[?25l", "^[[?25l"},
	{"\033[1:2m", "^[[1:2m"},
	{"\033[>4m", "^[[>4m"},
	/* commands to the terminal */
	{"\033[2J", "^[[2J"},
	{"\033[1A\033[2K", "^[[1A^[[2K"},
	{"\033[6n", "^[[6n"},
	{"\033[21t", "^[[21t"},
	{"\033]0;title\007", "^[]0;title^G"},
	{"\033]52;c;ZXZpbA==\033\\", "^[]52;c;ZXZpbA==^[\\"},
	{"\033P$q\"p\033\\", "^[P$q\"p^[\\"},
	{"\033c", "^[c"},
	{"\033(0", "^[(0"},
	{"\033\033[31mx\033[m", "^[\033[31mx\033[m"},
	{"\033[\033[31mx\033[m", "^[[\033[31mx\033[m"},
	{"a\bb", "a^Hb"},
	{"\x0e\x0f\x05\x7f", "^N^O^E^?"},
	/* C1, raw and as characters */
	{"\x9b"
	 "2J",
	 "\\x9b2J"},
	{"\xc2\x9b"
	 "2J",
	 "<U+009B>2J"},
	{"\xc2\x9d"
	 "0;t\xc2\x9c",
	 "<U+009D>0;t<U+009C>"},
	/* order and invisibility */
	{"a\xe2\x80\xae"
	 "cod.exe",
	 "a<U+202E>cod.exe"},
	{"\xe2\x81\xa6x\xe2\x81\xa9", "<U+2066>x<U+2069>"},
	{"\xe2\x80\x8b\xef\xbb\xbf", "<U+200B><U+FEFF>"},
	{"\xf3\xa0\x81\x81", "<U+E0041>"},
	{"\xe2\x80\xa8", "<U+2028>"},
	/* no UTF-8 */
	{"\xff\xfe", "\\xff\\xfe"},
	{"\x80", "\\x80"},
	{"\xc3(", "\\xc3("},
	{"\xc0\x9b", "\\xc0\\x9b"},
	{"\xe0\x82\x9b", "\\xe0\\x82\\x9b"},
	{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	{"\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b"},
	{"\xe2\x82\033[2J", "\\xe2\\x82^[[2J"},
	/* an end in the middle */
	{"x\033", "x^["},
	{"x\033[31", "x^[[31"},
	{"x\xe2\x82", "x\\xe2\\x82"},
	{"\033[31mleft on", "\033[31mleft on\033[m"},
};

enum {
	CASES = sizeof(cases) / sizeof(cases[0])
};

/* Filters in pieces of `step` bytes; the result is terminated. */
static void filter(const char *in, size_t n, size_t step, char *out)
{
	struct filter f = {0};
	size_t at = 0;

	for (size_t i = 0; i < n; i += step) {
		size_t part = n - i < step ? n - i : step;
		size_t made = filter_put(&f, in + i, part, (uint8_t *)out + at);

		ck_assert_uint_le(made, FILTER_ROOM(part));
		at += made;
	}
	at += filter_end(&f, (uint8_t *)out + at);
	out[at] = 0;
}

START_TEST(bytes_become_what_the_table_says)
{
	char out[1024];

	filter(cases[_i].in, strlen(cases[_i].in), 1000, out);
	ck_assert_str_eq(out, cases[_i].out);
}
END_TEST

START_TEST(it_is_the_same_when_cut_anywhere)
{
	char out[1024];

	for (size_t step = 1; step < 5; step++) {
		filter(cases[_i].in, strlen(cases[_i].in), step, out);
		ck_assert_str_eq(out, cases[_i].out);
	}
}
END_TEST

START_TEST(a_nul_is_shown)
{
	char out[64];

	filter("a\0b", 3, 3, out);
	ck_assert_str_eq(out, "a^@b");
}
END_TEST

/* No single or double byte after ESC may get through with its ESC, save the start of a colour. */
START_TEST(no_escape_of_two_bytes_passes)
{
	char out[64];

	for (int a = 0; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			char in[3] = {0x1b, (char)a, (char)b};

			filter(in, 3, 3, out);
			if (a == '[' && b == 'm')
				ck_assert_str_eq(out, "\033[m");
			else
				ck_assert_ptr_null(strchr(out, 0x1b));
		}
	}
}
END_TEST

START_TEST(nothing_grows_beyond_the_room)
{
	static uint8_t in[4096];
	static uint8_t out[FILTER_ROOM(4096)];
	static const uint8_t worst[] = {0xff, 0x1b, 0x9b, 0x00, 0xc2};

	for (size_t k = 0; k < sizeof(worst); k++) {
		struct filter f = {0};

		memset(in, worst[k], sizeof(in));
		size_t n = filter_put(&f, in, sizeof(in), out);

		ck_assert_uint_le(n, FILTER_GROWTH * (sizeof(in) + FILTER_HELD_MAX));
		ck_assert_uint_le(filter_end(&f, out), FILTER_ROOM(0));
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("filter");

	tcase_add_loop_test(t, bytes_become_what_the_table_says, 0, CASES);
	tcase_add_loop_test(t, it_is_the_same_when_cut_anywhere, 0, CASES);
	tcase_add_test(t, a_nul_is_shown);
	tcase_add_test(t, no_escape_of_two_bytes_passes);
	tcase_add_test(t, nothing_grows_beyond_the_room);
	return suite_run("common/filter", t);
}
