#include <errno.h>
#include <string.h>

#include "server/rest/fields.h"
#include "server/store/events.h"
#include "tests/support/suite.h"

enum {
	NAME,
	KIND,
	COUNT
};
static const struct srv_field fields[] = {
	[NAME] = {"name", SRV_FIELD_TEXT, true, 2, 5},
	[KIND] = {"kind", SRV_FIELD_TEXT, .max = 10, .words = "one|two"},
	[COUNT] = {"count", SRV_FIELD_NUMBER, .min = -3, .max = 7},
	{NULL},
};

static struct srv_value values[SRV_FIELDS_MAX];
static struct err err;

static int read_text(const char *text)
{
	json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);

	memset(values, 0, sizeof(values));
	int r = srv_fields_read(fields, json, values, &err);

	json_decref(json);
	return r;
}

START_TEST(fields_are_read_by_their_place)
{
	json_t *json = json_loads("{\"count\": -3, \"name\": \"abc\", \"kind\": \"two\"}", 0, NULL);

	memset(values, 0, sizeof(values));
	ck_assert_int_eq(srv_fields_read(fields, json, values, &err), 0);
	ck_assert_str_eq(values[NAME].text, "abc");
	ck_assert_uint_eq(values[NAME].bytes, 3);
	ck_assert_str_eq(values[KIND].text, "two");
	ck_assert_int_eq(values[COUNT].number, -3);
	json_decref(json);
}
END_TEST

START_TEST(what_is_not_required_may_be_absent)
{
	ck_assert_int_eq(read_text("{\"name\": \"abc\"}"), 0);
	ck_assert(values[NAME].given && !values[KIND].given && !values[COUNT].given);
}
END_TEST

static const struct {
	const char *json;
	int code;
	const char *text;
} refusals[] = {
	{"[]", -EINVAL, "not a JSON object"},
	{"3", -EINVAL, "not a JSON object"},
	{"{}", -ERANGE, "name: is missing"},
	{"{\"name\": 3}", -ERANGE, "name: is not a text"},
	{"{\"name\": null}", -ERANGE, "name: is not a text"},
	{"{\"name\": \"a\"}", -ERANGE, "name: shorter than 2"},
	{"{\"name\": \"abcdef\"}", -ERANGE, "name: longer than 5"},
	{"{\"name\": \"a\\u0000c\"}", -ERANGE, "NUL"},
	{"{\"name\": \"abc\", \"kind\": \"on\"}", -ERANGE, "one|two"},
	{"{\"name\": \"abc\", \"kind\": \"one|two\"}", -ERANGE, "one|two"},
	{"{\"name\": \"abc\", \"kind\": \"\"}", -ERANGE, "one|two"},
	{"{\"name\": \"abc\", \"count\": \"3\"}", -ERANGE, "count: is not a whole number"},
	{"{\"name\": \"abc\", \"count\": 1.5}", -ERANGE, "count: is not a whole number"},
	{"{\"name\": \"abc\", \"count\": 8}", -ERANGE, "count: is not between -3 and 7"},
	{"{\"name\": \"abc\", \"count\": -4}", -ERANGE, "count: is not between"},
	{"{\"name\": \"abc\", \"Count\": 1}", -EPERM, "unknown field 'Count'"},
	{"{\"\\u001b[31m\": 1}", -EPERM, "unknown field '\\x1b[31m'"},
};

START_TEST(a_wrong_field_is_refused_by_name)
{
	ck_assert_int_eq(read_text(refusals[_i].json), refusals[_i].code);
	ck_assert_msg(strstr(err.text, refusals[_i].text) != NULL, "%s", err.text);
}
END_TEST

START_TEST(parameters_are_read_like_fields)
{
	memset(values, 0, sizeof(values));
	ck_assert_int_eq(srv_fields_read_query(fields, "count", "7", values, &err), 0);
	ck_assert_int_eq(values[COUNT].number, 7);
	ck_assert_int_eq(srv_fields_read_query(fields, "count", "7", values, &err), -EEXIST);
	ck_assert_int_eq(srv_fields_read_query(fields, "name", "a", values, &err), -ERANGE);
	ck_assert_int_eq(srv_fields_read_query(fields, "none", "a", values, &err), -EPERM);
	ck_assert_int_eq(srv_fields_read_query(NULL, "name", "abc", values, &err), -EPERM);
}
END_TEST

START_TEST(a_number_with_anything_around_it_is_refused)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "+1", "0x1", "1e0", "-", "1.0", "99999999999999999999"};

	memset(values, 0, sizeof(values));
	ck_assert_int_eq(srv_fields_read_query(fields, "count", bad[_i], values, &err), -ERANGE);
	ck_assert(!values[COUNT].given);
}
END_TEST

START_TEST(cursors_go_both_ways)
{
	struct srv_cursor cursor;
	char text[SRV_CURSOR_TEXT];

	ck_assert_int_eq(
		srv_cursor_parse("9223372036854775807-18446744073709551615-9223372036854775807",
				 &cursor),
		0);
	srv_cursor_put(&cursor, text);
	ck_assert_str_eq(text, "9223372036854775807-18446744073709551615-9223372036854775807");
}
END_TEST

START_TEST(what_is_no_cursor_is_refused)
{
	static const char *const bad[] = {"",
					  "-",
					  "1",
					  "1-1",
					  "-1-1",
					  " 1-1-1",
					  "1-1-1 ",
					  "1--1-1",
					  "1-1-1-1",
					  "a-1-1",
					  "0x1-1-1",
					  "1-18446744073709551616-1",
					  "1-1-9223372036854775808"};
	struct srv_cursor cursor;

	ck_assert_int_eq(srv_cursor_parse(bad[_i], &cursor), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fields");

	tcase_add_test(t, fields_are_read_by_their_place);
	tcase_add_test(t, what_is_not_required_may_be_absent);
	tcase_add_loop_test(t, a_wrong_field_is_refused_by_name, 0, 17);
	tcase_add_test(t, parameters_are_read_like_fields);
	tcase_add_loop_test(t, a_number_with_anything_around_it_is_refused, 0, 9);
	tcase_add_test(t, cursors_go_both_ways);
	tcase_add_loop_test(t, what_is_no_cursor_is_refused, 0, 13);
	return suite_run("server/rest/fields", t);
}
