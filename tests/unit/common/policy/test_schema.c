#include <check.h>
#include <stdio.h>

#include "common/fd.h"
#include "common/policy/field.h"
#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

/* docs/policy.schema.json is the field table's: for editors, and for the corpus that tests/policy runs through a
 * validator. With POLICY_DOCS=write in the environment it is written instead of compared. */

#define PAGE "docs/policy.schema.json"
#define ID   "\"type\": \"string\", \"pattern\": \"^[a-z0-9-]{1,63}$\""

static void put(struct buf *out, const char *text)
{
	ck_assert_int_eq(buf_put(out, text, strlen(text)), 0);
}

static const char *kind_name(unsigned kind)
{
	static const char *const names[] = {"", "base", "delta", "exception"};

	return names[kind];
}

/* Tasks and documents differ by kind; all other maps are the same everywhere. */
static void put_name(struct buf *out, enum object object, unsigned kind)
{
	const char *path = field_object_path(object);

	if (object == OBJECT_POLICY || object == OBJECT_TASK)
		put(out, kind_name(kind));
	if (object == OBJECT_TASK)
		put(out, ".");
	for (; *path; path++) {
		if (*path != '[' && *path != ']')
			ck_assert_int_eq(buf_put(out, path, 1), 0);
	}
}

static void put_ref(struct buf *out, enum object object, unsigned kind)
{
	put(out, "\"$ref\": \"#/$defs/");
	put_name(out, object, kind);
	put(out, "\"");
}

static void put_words(struct buf *out, const struct field_word *words)
{
	put(out, "\"enum\": [");
	for (const struct field_word *word = words; word->text; word++)
		ck_assert_int_eq(buf_printf(out, "%s\"%s\"", word == words ? "" : ", ", word->text),
				 0);
	put(out, "]");
}

static void put_range(struct buf *out, const struct field *field)
{
	ck_assert_int_eq(buf_printf(out,
				    "\"type\": \"integer\", \"minimum\": %llu, \"maximum\": %llu",
				    (unsigned long long)field->min, (unsigned long long)field->max),
			 0);
}

static void put_items(struct buf *out, uint64_t max, const char *items)
{
	ck_assert_int_eq(buf_printf(out,
				    "\"type\": \"array\", \"minItems\": 1, \"maxItems\": %llu, "
				    "\"items\": { %s",
				    (unsigned long long)max, items),
			 0);
}

static void put_scalar(struct buf *out, const struct field *field)
{
	static const char *const patterns[FIELD_TYPE_COUNT] = {
		[FIELD_ID] = "^[a-z0-9-]{1,63}$",
		[FIELD_NAME] = "^[A-Za-z0-9._-]{1,63}$",
		[FIELD_ATTACK] = "^T[0-9]{4}([.][0-9]{3})?$",
		[FIELD_DURATION] = "^[0-9]+(ms|s|m|h|d)$",
		[FIELD_TIME] = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
	};

	if (patterns[field->type])
		ck_assert_int_eq(buf_printf(out, "\"type\": \"string\", \"pattern\": \"%s\"",
					    patterns[field->type]),
				 0);
	else if (field->type == FIELD_TEXT)
		ck_assert_int_eq(
			buf_printf(out,
				   "\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
				   "%llu",
				   (unsigned long long)field->max),
			0);
	else if (field->type == FIELD_WORD)
		put_words(out, field->words);
	else if (field->type == FIELD_BOOL)
		put(out, "\"type\": \"boolean\"");
	else if (field->type == FIELD_NUMBER)
		put_range(out, field);
}

static void put_type(struct buf *out, const struct field *field, unsigned kind)
{
	put_scalar(out, field);
	if (field->type == FIELD_SIZE) {
		put(out, "\"anyOf\": [{ ");
		put_range(out, field);
		put(out, " }, { \"type\": \"string\", \"pattern\": \"^[0-9]+(Ki|Mi|Gi)?$\" }]");
	} else if (field->type == FIELD_WORDS) {
		put_items(out, 64, "");
		put_words(out, field->words);
		put(out, " }");
	} else if (field->type == FIELD_TEXTS) {
		put_items(out, field->max, "\"type\": \"string\", \"minLength\": 1 }");
	} else if (field->type == FIELD_NUMBERS) {
		put_items(out, 64, "");
		put_range(out, field);
		put(out, " }");
	} else if (field->type == FIELD_VARS) {
		put(out, "\"type\": \"object\", \"propertyNames\": { \"pattern\": "
			 "\"^[a-z0-9_-]{1,63}$\" }, \"additionalProperties\": { ");
		put_items(out, field->max, "\"type\": \"string\", \"minLength\": 1 }");
		put(out, " }");
	} else if (field->type == FIELD_MAP) {
		put_ref(out, field->of, kind);
	} else if (field->type == FIELD_LIST) {
		put_items(out, field->max, "");
		put_ref(out, field->of, kind);
		put(out, " }");
	} else if (field->type == FIELD_SETS) {
		put(out, "\"type\": \"object\", \"propertyNames\": { " ID
			 " }, \"additionalProperties\": { ");
		put_ref(out, field->of, kind);
		put(out, " }");
	}
}

/* Quotes and backslashes of a description. */
static void put_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			put(out, "\\");
		ck_assert_int_eq(buf_put(out, text, 1), 0);
	}
}

static void put_properties(struct buf *out, enum object object, unsigned kind)
{
	const char *separator = "\n";

	put(out, "      \"properties\": {");
	for (size_t i = 0; i < policy_field_count; i++) {
		const struct field *field = &policy_fields[i];

		if (field->in != object || !field_is_in(field, kind))
			continue;
		ck_assert_int_eq(buf_printf(out, "%s        \"%s\": { \"description\": \"",
					    separator, field->key),
				 0);
		put_text(out, field->help);
		put(out, "\", ");
		if (object == OBJECT_POLICY && !strcmp(field->key, "kind"))
			ck_assert_int_eq(buf_printf(out, "\"const\": \"%s\"", kind_name(kind)), 0);
		else
			put_type(out, field, kind);
		put(out, " }");
		separator = ",\n";
	}
	put(out, "\n      }");
}

static void put_required(struct buf *out, enum object object, unsigned kind)
{
	const char *separator = "";

	put(out, ",\n      \"required\": [");
	for (size_t i = 0; i < policy_field_count; i++) {
		const struct field *field = &policy_fields[i];

		if (field->in != object || !field_is_in(field, kind) ||
		    field->need == FIELD_OPTIONAL ||
		    (field->need == FIELD_REQUIRED_IN_BASE && kind != POLICY_KIND_BASE))
			continue;
		ck_assert_int_eq(buf_printf(out, "%s\"%s\"", separator, field->key), 0);
		separator = ", ";
	}
	put(out, "]");
}

static void put_object(struct buf *out, enum object object, unsigned kind, const char *separator)
{
	put(out, separator);
	put(out, "    \"");
	put_name(out, object, kind);
	put(out, "\": {\n      \"type\": \"object\",\n      \"additionalProperties\": false,\n");
	put_properties(out, object, kind);
	put_required(out, object, kind);
	put(out, "\n    }");
}

static void put_schema(struct buf *out)
{
	const char *separator = "";

	put(out, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
		 "  \"title\": \"A document of an Ampoule policy\",\n"
		 "  \"type\": \"object\",\n  \"required\": [\"kind\"],\n  \"oneOf\": [\n");
	for (unsigned kind = POLICY_KIND_BASE; kind <= POLICY_KIND_EXCEPTION; kind++) {
		put(out, separator);
		put(out, "    { ");
		put_ref(out, OBJECT_POLICY, kind);
		put(out, " }");
		separator = ",\n";
	}
	put(out, "\n  ],\n  \"$defs\": {\n");
	separator = "";
	for (enum object object = 0; object < OBJECT_COUNT; object++) {
		bool differs = object == OBJECT_POLICY || object == OBJECT_TASK;

		for (unsigned kind = POLICY_KIND_BASE;
		     kind <= (differs ? POLICY_KIND_EXCEPTION : POLICY_KIND_BASE); kind++) {
			put_object(out, object, kind, separator);
			separator = ",\n";
		}
	}
	put(out, "\n  }\n}\n");
}

START_TEST(the_schema_is_the_field_table)
{
	cleanup_buf struct buf page = {0}, wanted = {0};
	const char *mode = getenv("POLICY_DOCS");

	put_schema(&wanted);
	if (mode && !strcmp(mode, "write")) {
		ck_assert_int_eq(fd_replace_file(PAGE, wanted.data, wanted.len, 0644), 0);
		return;
	}
	ck_assert_int_eq(buf_read_file(&page, PAGE, 1 << 20), 0);
	ck_assert_msg(wanted.len == page.len && !memcmp(wanted.data, page.data, wanted.len),
		      PAGE ": run this test with POLICY_DOCS=write");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("schema");

	tcase_add_test(t, the_schema_is_the_field_table);
	return suite_run("common/policy/schema", t);
}
