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
	if (field->type == FIELD_WORDS)
		put(out, "list of ");
	for (const struct field_word *word = field->words; word->text; word++) {
		ck_assert_int_eq(buf_printf(out, "%s`%s`%s", separator, word->text,
					    word->value & WORD_LATER ? " (later)" : ""),
				 0);
		separator = ", ";
	}
}

/* Which documents have it, and whether they must. */
static void put_need(struct buf *out, const struct field *field)
{
	static const char *const names[] = {"base", "delta", "exception"};
	unsigned kinds = field->kinds ? field->kinds : IN_ALL;
	const char *separator = "";

	if (field->need == FIELD_REQUIRED)
		put(out, "*required*");
	else if (field->need == FIELD_REQUIRED_IN_BASE)
		put(out, "*required* in base");
	if (kinds != IN_ALL) {
		separator = field->need == FIELD_OPTIONAL ? "" : "; ";
		put(out, separator);
		put(out, "only in ");
		separator = "";
		for (unsigned i = 0; i < 3; i++) {
			if (!(kinds & (1U << (POLICY_KIND_BASE + i))))
				continue;
			put(out, separator);
			put(out, names[i]);
			separator = ", ";
		}
	}
}

static void put_row(struct buf *out, const struct field *field)
{
	ck_assert_int_eq(buf_printf(out, "| `%s` | ", field->key), 0);
	put_type(out, field);
	put(out, " | ");
	put_need(out, field);
	put(out, " | ");
	if (field->fallback)
		ck_assert_int_eq(buf_printf(out, "`%s`", field->fallback), 0);
	ck_assert_int_eq(buf_printf(out, " | %s%s%s | %s%s |\n", field->example ? "`" : "",
				    field->example ? field->example : "", field->example ? "`" : "",
				    field->later ? "(later) " : "", field->help),
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
		if (policy_fields[i].in == object)
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
	ck_assert_ptr_eq(field_find(field->in, field->key), field); /* no key twice */
	if (field->type == FIELD_WORD)
		ck_assert_ptr_nonnull(field->words);
	if (field->type != FIELD_MAP && field->type != FIELD_LIST && field->type != FIELD_SETS)
		ck_assert_ptr_nonnull(field->example);
	/* the node stands first in every struct, and no member overwrites it */
	ck_assert_uint_ge(field->offset, sizeof(void *));
	ck_assert_uint_lt(field->offset, field_object_size(field->in));
}
END_TEST

START_TEST(misspelt_keys_have_a_neighbour)
{
	ck_assert_str_eq(field_nearest(OBJECT_RUN, POLICY_KIND_BASE, "memroy"), "memory");
	ck_assert_str_eq(field_nearest(OBJECT_POLICY, POLICY_KIND_BASE, "task"), "tasks");
	ck_assert_ptr_null(field_nearest(OBJECT_RUN, POLICY_KIND_BASE, "network"));
	ck_assert_ptr_null(field_nearest(OBJECT_RUN, POLICY_KIND_BASE, "x"));
	/* not to a key that such a document does not have */
	ck_assert_ptr_null(field_nearest(OBJECT_POLICY, POLICY_KIND_BASE, "grop"));
	ck_assert_str_eq(field_nearest(OBJECT_POLICY, POLICY_KIND_DELTA, "grop"), "group");
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
