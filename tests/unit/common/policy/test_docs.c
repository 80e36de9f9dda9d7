#include <check.h>
#include <stdio.h>

#include "common/fd.h"
#include "common/policy/field.h"
#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

/* The tables under "## Keys" of docs/policy.md are the field table's. With POLICY_DOCS=write in the
 * environment they are written instead of compared. */

#define PAGE  "docs/policy.md"
#define START "its default is in the fourth column.\n"

static void put(struct buf *out, const char *text)
{
	ck_assert_int_eq(buf_put(out, text, strlen(text)), 0);
}

static void put_type(struct buf *out, const struct field *field)
{
	const char *separator = "";

	if (!field->words) {
		put(out, field_type_name(field->type));
		return;
	}
	for (const struct field_word *word = field->words; word->text; word++) {
		if (word->value & WORD_RESERVED)
			continue;
		ck_assert_int_eq(buf_printf(out, "%s`%s`", separator, word->text), 0);
		separator = ", ";
	}
}

static void put_row(struct buf *out, const struct field *field)
{
	ck_assert_int_eq(buf_printf(out, "| `%s` | ", field->key), 0);
	put_type(out, field);
	put(out, field->need == FIELD_REQUIRED ? " | *required* | " : " | | ");
	if (field->fallback)
		ck_assert_int_eq(buf_printf(out, "`%s`", field->fallback), 0);
	ck_assert_int_eq(buf_printf(out, " | %s%s%s | %s |\n", field->example ? "`" : "",
				    field->example ? field->example : "", field->example ? "`" : "",
				    field->help),
			 0);
}

static void put_object(struct buf *out, enum object object)
{
	const char *path = field_object_path(object);

	if (path[0])
		ck_assert_int_eq(buf_printf(out, "\n### `%s`\n\n", path), 0);
	else
		put(out, "\n### The document\n\n");
	put(out, "| Key | Type | | Default | Example | Meaning |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < policy_field_count; i++) {
		if (policy_fields[i].in == object && policy_fields[i].need != FIELD_RESERVED)
			put_row(out, &policy_fields[i]);
	}
}

START_TEST(the_page_lists_every_key)
{
	cleanup_buf struct buf page = {0}, wanted = {0};

	ck_assert_int_eq(buf_read_file(&page, PAGE, 1 << 20), 0);
	ck_assert_int_eq(buf_put_u8(&page, 0), 0);
	const char *start = strstr((const char *)page.data, START);

	ck_assert_ptr_nonnull(start);
	start += strlen(START);
	ck_assert_int_eq(buf_put(&wanted, page.data, (size_t)(start - (const char *)page.data)), 0);
	for (enum object object = 0; object < OBJECT_COUNT; object++)
		put_object(&wanted, object);
	const char *mode = getenv("POLICY_DOCS");

	if (mode && !strcmp(mode, "write"))
		ck_assert_int_eq(fd_replace_file(PAGE, wanted.data, wanted.len, 0644), 0);
	else
		ck_assert_msg(wanted.len == page.len - 1 &&
				      !memcmp(wanted.data, page.data, wanted.len),
			      PAGE ": run this test with POLICY_DOCS=write");
}
END_TEST

START_TEST(the_table_is_whole)
{
	const struct field *field = &policy_fields[_i];

	ck_assert_ptr_nonnull(field->help);
	ck_assert_uint_ge(field->since, 1);
	ck_assert_ptr_eq(field_find(field->in, field->key), field); /* no key twice */
	if (field->type == FIELD_WORD)
		ck_assert_ptr_nonnull(field->words);
	if (field->need != FIELD_RESERVED && field->type != FIELD_MAP && field->type != FIELD_LIST)
		ck_assert_ptr_nonnull(field->example);
	/* the node stands first in every struct, and no member overwrites it */
	if (field->need != FIELD_RESERVED)
		ck_assert_uint_ge(field->offset, sizeof(void *));
	ck_assert_uint_lt(field->offset, field_object_size(field->in));
}
END_TEST

START_TEST(misspelt_keys_have_a_neighbour)
{
	ck_assert_str_eq(field_nearest(OBJECT_RUN, "memroy"), "memory");
	ck_assert_str_eq(field_nearest(OBJECT_POLICY, "task"), "tasks");
	ck_assert_ptr_null(field_nearest(OBJECT_RUN, "network"));
	ck_assert_ptr_null(field_nearest(OBJECT_RUN, "x"));
	ck_assert_ptr_null(field_nearest(OBJECT_POLICY, "grop")); /* not to a reserved one */
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("docs");

	tcase_add_test(t, the_page_lists_every_key);
	tcase_add_loop_test(t, the_table_is_whole, 0, (int)policy_field_count);
	tcase_add_test(t, misspelt_keys_have_a_neighbour);
	return suite_run("common/policy/docs", t);
}
