#include "common/policy/scalar.h"

#include <string.h>

static bool is_word(const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (!strcmp(text, *words))
			return true;
	}
	return false;
}

static size_t digits_at(const char *text, const char *set)
{
	return strspn(text, set);
}

static bool looks_int(const char *text)
{
	const char *t = text;

	if (!strncmp(t, "0o", 2))
		return t[2] && !t[2 + digits_at(t + 2, "01234567")];
	if (!strncmp(t, "0x", 2))
		return t[2] && !t[2 + digits_at(t + 2, "0123456789abcdefABCDEF")];
	if (*t == '-' || *t == '+')
		t++;
	return *t && !t[digits_at(t, "0123456789")];
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool looks_float(const char *text)
{
	static const char *const words[] = {".inf",  ".Inf",  ".INF",  "-.inf", "-.Inf",
					    "-.INF", "+.inf", "+.Inf", "+.INF", ".nan",
					    ".NaN",  ".NAN",  NULL};
	const char *t = text;

	if (is_word(text, words))
		return true;
	if (*t == '-' || *t == '+')
		t++;
	size_t whole = digits_at(t, "0123456789"), part = 0;

	t += whole;
	if (*t == '.') {
		part = digits_at(t + 1, "0123456789");
		t += 1 + part;
	}
	if (!whole && !part)
		return false;
	if (*t == 'e' || *t == 'E') {
		t++;
		if (*t == '-' || *t == '+')
			t++;
		if (!digits_at(t, "0123456789"))
			return false;
		t += digits_at(t, "0123456789");
	}
	return !*t;
}

enum scalar_kind scalar_kind(const struct node *scalar)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const bools[] = {"true",  "True",  "TRUE", "false",
					    "False", "FALSE", NULL};

	if (scalar->quoted)
		return SCALAR_TEXT;
	if (is_word(scalar->text, nulls))
		return SCALAR_NULL;
	if (is_word(scalar->text, bools))
		return SCALAR_BOOL;
	if (looks_int(scalar->text))
		return SCALAR_INT;
	return looks_float(scalar->text) ? SCALAR_FLOAT : SCALAR_TEXT;
}

const char *scalar_kind_name(enum scalar_kind kind)
{
	static const char *const names[] = {
		[SCALAR_TEXT] = "text",          [SCALAR_NULL] = "nothing",
		[SCALAR_BOOL] = "true or false", [SCALAR_INT] = "a number",
		[SCALAR_FLOAT] = "a fraction",
	};

	return names[kind];
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* The number at the front of *text; *text is left behind it. */
static bool leading_number(const char **text, unsigned base, uint64_t *ret_value)
{
	const char *t = *text;
	uint64_t value = 0;

	for (; digit_of(*t) < (int)base; t++) {
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit_of(*t), &value))
			return false;
	}
	if (t == *text || value > INT64_MAX)
		return false;
	*text = t;
	*ret_value = value;
	return true;
}

bool scalar_number(const char *text, uint64_t *ret_value)
{
	const char *t = text;
	unsigned base = 10;
	uint64_t value;

	if (!strncmp(t, "0o", 2) || !strncmp(t, "0x", 2)) {
		base = t[1] == 'o' ? 8 : 16;
		t += 2;
	} else if (*t == '+') {
		t++;
	}
	if (!leading_number(&t, base, &value) || *t)
		return false;
	*ret_value = value;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static bool with_unit(const char *text, const struct unit *units, uint64_t *ret_value)
{
	uint64_t value;

	if (!leading_number(&text, 10, &value))
		return false;
	for (; units->name; units++) {
		if (strcmp(text, units->name) != 0)
			continue;
		if (__builtin_mul_overflow(value, units->factor, &value) || value > INT64_MAX)
			return false;
		*ret_value = value;
		return true;
	}
	return false;
}

bool scalar_size(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{"", 1}, {"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {NULL, 0}};

	return with_unit(text, units, ret_bytes);
}

bool scalar_duration(const char *text, uint64_t *ret_ms)
{
	static const struct unit units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
					    {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

	return with_unit(text, units, ret_ms);
}

/* Two digits, or four. */
static bool digits(const char *text, size_t n, unsigned *ret_value)
{
	*ret_value = 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret_value = *ret_value * 10 + (unsigned)(text[i] - '0');
	}
	return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static uint64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
	static const unsigned before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	uint64_t y = year - 1;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162 + before[month - 1] +
	       (leap && month > 2) + day - 1;
}

static bool is_date(unsigned year, unsigned month, unsigned day)
{
	static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= lengths[month - 1] + (leap && month == 2);
}

bool scalar_time(const char *text, uint64_t *ret_seconds)
{
	unsigned year, month, day, hour, minute, second;

	if (strlen(text) != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
	    text[13] != ':' || text[16] != ':' || text[19] != 'Z')
		return false;
	if (!digits(text, 4, &year) || !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day) ||
	    !digits(text + 11, 2, &hour) || !digits(text + 14, 2, &minute) ||
	    !digits(text + 17, 2, &second))
		return false;
	if (!is_date(year, month, day) || hour > 23 || minute > 59 || second > 59)
		return false;
	*ret_seconds =
		days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}
