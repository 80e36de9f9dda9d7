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
