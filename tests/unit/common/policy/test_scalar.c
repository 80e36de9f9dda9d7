#include <check.h>

#include "common/policy/scalar.h"
#include "tests/support/suite.h"

static const struct {
	const char *text;
	enum scalar_kind kind;
} plain[] = {
	{"", SCALAR_NULL},      {"~", SCALAR_NULL},     {"null", SCALAR_NULL},
	{"NULL", SCALAR_NULL},  {"nUll", SCALAR_TEXT},  {"true", SCALAR_BOOL},
	{"False", SCALAR_BOOL}, {"yes", SCALAR_TEXT},   {"on", SCALAR_TEXT},
	{"0", SCALAR_INT},      {"-12", SCALAR_INT},    {"+7", SCALAR_INT},
	{"007", SCALAR_INT},    {"0o17", SCALAR_INT},   {"0o18", SCALAR_TEXT},
	{"0x1F", SCALAR_INT},   {"0xg", SCALAR_TEXT},   {"0x", SCALAR_TEXT},
	{"1_000", SCALAR_TEXT}, {"1:30", SCALAR_TEXT},  {"1.5", SCALAR_FLOAT},
	{".5", SCALAR_FLOAT},   {"1.", SCALAR_FLOAT},   {"1e9", SCALAR_FLOAT},
	{"1e", SCALAR_TEXT},    {".", SCALAR_TEXT},     {"-", SCALAR_TEXT},
	{".inf", SCALAR_FLOAT}, {".nan", SCALAR_FLOAT}, {"-.INF", SCALAR_FLOAT},
	{"1h", SCALAR_TEXT},    {"256Mi", SCALAR_TEXT}, {"~/x", SCALAR_TEXT},
	{"1.2.3", SCALAR_TEXT},
};

START_TEST(plain_scalars_follow_the_core_schema)
{
	struct node node = {.kind = NODE_SCALAR, .text = plain[_i].text};

	ck_assert_msg(scalar_kind(&node) == plain[_i].kind, "%s is %s", plain[_i].text,
		      scalar_kind_name(scalar_kind(&node)));
	node.quoted = true;
	ck_assert_int_eq(scalar_kind(&node), SCALAR_TEXT);
}
END_TEST

typedef bool parser(const char *text, uint64_t *ret_value);

static const struct {
	parser *parse;
	const char *text;
	uint64_t value;
} good[] = {
	{scalar_number, "0", 0},
	{scalar_number, "+12", 12},
	{scalar_number, "0x1f", 31},
	{scalar_number, "0o17", 15},
	{scalar_number, "9223372036854775807", INT64_MAX},
	{scalar_size, "0", 0},
	{scalar_size, "64Ki", 65536},
	{scalar_size, "256Mi", 256 << 20},
	{scalar_size, "8Gi", UINT64_C(8) << 30},
	{scalar_duration, "250ms", 250},
	{scalar_duration, "90s", 90000},
	{scalar_duration, "30m", 1800000},
	{scalar_duration, "1h", 3600000},
	{scalar_duration, "7d", 604800000},
};

START_TEST(values_are_read)
{
	uint64_t value = 1;

	ck_assert(good[_i].parse(good[_i].text, &value));
	ck_assert_uint_eq(value, good[_i].value);
}
END_TEST

static const struct {
	parser *parse;
	const char *text;
} bad[] = {
	{scalar_number, ""},
	{scalar_number, "-1"},
	{scalar_number, "+"},
	{scalar_number, "1 "},
	{scalar_number, " 1"},
	{scalar_number, "12a"},
	{scalar_number, "0x"},
	{scalar_number, "9223372036854775808"},
	{scalar_number, "18446744073709551617"},
	{scalar_size, ""},
	{scalar_size, "Mi"},
	{scalar_size, "1M"},
	{scalar_size, "1 Mi"},
	{scalar_size, "1mi"},
	{scalar_size, "-1Mi"},
	{scalar_size, "1.5Gi"},
	{scalar_size, "9007199254740992Gi"},
	{scalar_duration, ""},
	{scalar_duration, "10"},
	{scalar_duration, "1h30m"},
	{scalar_duration, "1H"},
	{scalar_duration, "106751991168d"},
};

START_TEST(what_is_no_value_is_refused)
{
	uint64_t value = 77;

	ck_assert_msg(!bad[_i].parse(bad[_i].text, &value), "%s", bad[_i].text);
	ck_assert_uint_eq(value, 77);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("scalar");

	tcase_add_loop_test(t, plain_scalars_follow_the_core_schema, 0,
			    sizeof(plain) / sizeof(plain[0]));
	tcase_add_loop_test(t, values_are_read, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(t, what_is_no_value_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
	return suite_run("common/policy/scalar", t);
}
