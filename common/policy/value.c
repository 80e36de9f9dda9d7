#include "common/policy/value.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/policy/document.h"
#include "common/policy/read.h"
#include "common/policy/report.h"
#include "common/policy/scalar.h"

enum {
	QUOTED = 80,
	WORDS_TEXT = 160
};

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char *quote(char out[QUOTED], const char *text)
{
	return log_quote(out, QUOTED, text, strlen(text));
}

static const char *name_of(const struct node *node)
{
	if (node->kind == NODE_LIST)
		return "a list";
	if (node->kind == NODE_MAP)
		return "a map";
	return scalar_kind_name(scalar_kind(node));
}

static bool is_scalar(struct reading *r, const struct node *node, enum scalar_kind kind)
{
	if (node->kind == NODE_SCALAR && scalar_kind(node) == kind)
		return true;
	const char *hint = "";

	if (node->kind == NODE_SCALAR && kind == SCALAR_TEXT)
		hint = "; put it in quotes if text is meant";
	else if (node->kind == NODE_SCALAR && node->quoted)
		hint = "; write it without quotes";
	report(r->errors, node, "must be %s, not %s%s", scalar_kind_name(kind), name_of(node),
	       hint);
	return false;
}

bool value_is_kind(struct reading *r, const struct node *node, enum node_kind kind)
{
	if (node->kind == kind)
		return true;
	report(r->errors, node, "must be %s, not %s", kind == NODE_LIST ? "a list" : "a map",
	       name_of(node));
	return false;
}

static bool is_made_of(const char *text, const char *letters)
{
	size_t n = strlen(text);

	return n >= 1 && n < MV_NAME_MAX && strspn(text, letters) == n;
}

bool is_policy_id(const char *text)
{
	return is_made_of(text, LOWER DIGITS "-");
}

static void set_text(void *slot, const char *text)
{
	memcpy(slot, &text, sizeof(text));
}

static void read_id(struct reading *r, const struct field *field, const struct node *node,
		    void *slot)
{
	char quoted[QUOTED];

	(void)field;
	if (!is_scalar(r, node, SCALAR_TEXT))
		return;
	if (!is_policy_id(node->text))
		report(r->errors, node, "\"%s\" is no id: 1 to 63 of a-z, 0-9 and -",
		       quote(quoted, node->text));
	set_text(slot, node->text);
}

static void read_name(struct reading *r, const struct field *field, const struct node *node,
		      void *slot)
{
	char quoted[QUOTED];

	(void)field;
	if (!is_scalar(r, node, SCALAR_TEXT))
		return;
	if (!is_made_of(node->text, LOWER UPPER DIGITS "._-"))
		report(r->errors, node, "\"%s\" is no name: 1 to 63 letters, digits, . _ and -",
		       quote(quoted, node->text));
	set_text(slot, node->text);
}

static bool is_text(struct reading *r, const struct node *node, size_t max)
{
	if (!is_scalar(r, node, SCALAR_TEXT))
		return false;
	size_t n = strlen(node->text);

	if (n == 0)
		report(r->errors, node, "must not be empty");
	else if (n > max)
		report(r->errors, node, "too long: at most %zu bytes", max);
	return n > 0 && n <= max;
}

static void read_text(struct reading *r, const struct field *field, const struct node *node,
		      void *slot)
{
	if (is_text(r, node, field->max))
		set_text(slot, node->text);
}

static void read_attack(struct reading *r, const struct field *field, const struct node *node,
			void *slot)
{
	char quoted[QUOTED];

	(void)field;
	if (!is_scalar(r, node, SCALAR_TEXT))
		return;
	const char *t = node->text;
	size_t n = strlen(t);
	bool good = n >= 5 && t[0] == 'T' && strspn(t + 1, DIGITS) == 4 &&
		    (n == 5 || (n == 9 && t[5] == '.' && strspn(t + 6, DIGITS) == 3));

	if (!good)
		report(r->errors, node, "\"%s\" is no technique of ATT&CK: T1234 or T1234.567",
		       quote(quoted, t));
	set_text(slot, t);
}

/* "read, copy, deny" */
static void list_words(char out[WORDS_TEXT], const struct field_word *words)
{
	size_t at = 0;

	out[0] = '\0';
	for (; words->text && at < WORDS_TEXT; words++)
		at += (size_t)snprintf(out + at, WORDS_TEXT - at, "%s%s", at ? ", " : "",
				       words->text);
}

/* The word's row, or NULL after a report. */
static const struct field_word *find_word(struct reading *r, const struct field *field,
					  const struct node *node)
{
	char quoted[QUOTED], words[WORDS_TEXT];

	if (!is_scalar(r, node, SCALAR_TEXT))
		return NULL;
	for (const struct field_word *word = field->words; word->text; word++) {
		if (!strcmp(word->text, node->text))
			return word;
	}
	list_words(words, field->words);
	report(r->errors, node, "\"%s\" is unknown here; one of: %s", quote(quoted, node->text),
	       words);
	return NULL;
}

static void read_word(struct reading *r, const struct field *field, const struct node *node,
		      void *slot)
{
	const struct field_word *word = find_word(r, field, node);

	if (!word)
		return;
	unsigned value = word->value & WORD_MASK;

	if (word->value & WORD_LATER)
		report(r->notes, node, "\"%s\" is accepted, and not enforced by this version",
		       word->text);
	memcpy(slot, &value, sizeof(value));
}

static void read_bool(struct reading *r, const struct field *field, const struct node *node,
		      void *slot)
{
	(void)field;
	if (!is_scalar(r, node, SCALAR_BOOL))
		return;
	bool value = node->text[0] == 't' || node->text[0] == 'T';

	memcpy(slot, &value, sizeof(value));
}

static bool in_range(struct reading *r, const struct field *field, const struct node *node,
		     uint64_t value)
{
	if (value >= field->min && value <= field->max)
		return true;
	if (field->type == FIELD_SIZE && field->min >= 1 << 20)
		report(r->errors, node, "out of range: %lluMi to %lluMi",
		       (unsigned long long)field->min >> 20, (unsigned long long)field->max >> 20);
	else if (field->type == FIELD_DURATION)
		report(r->errors, node, "out of range: %llus to %llus",
		       (unsigned long long)field->min / 1000,
		       (unsigned long long)field->max / 1000);
	else
		report(r->errors, node, "out of range: %llu to %llu",
		       (unsigned long long)field->min, (unsigned long long)field->max);
	return false;
}

static bool is_number(struct reading *r, const struct field *field, const struct node *node,
		      uint64_t *ret_value)
{
	if (!is_scalar(r, node, SCALAR_INT))
		return false;
	/* What looks like a number but is none of ours is negative, or larger than any range. */
	if (!scalar_number(node->text, ret_value))
		*ret_value = UINT64_MAX;
	return in_range(r, field, node, *ret_value);
}

static void read_number(struct reading *r, const struct field *field, const struct node *node,
			void *slot)
{
	uint64_t value;

	if (is_number(r, field, node, &value))
		memcpy(slot, &value, sizeof(value));
}

/* A size or duration may be written bare, as a number of bytes or not at all. */
static void read_quantity(struct reading *r, const struct field *field, const struct node *node,
			  void *slot)
{
	bool size = field->type == FIELD_SIZE;
	char quoted[QUOTED];
	uint64_t value;

	if (node->kind != NODE_SCALAR) {
		report(r->errors, node, "must be a %s, not %s", field_type_name(field->type),
		       name_of(node));
		return;
	}
	if (!(size ? scalar_size : scalar_duration)(node->text, &value))
		report(r->errors, node, "\"%s\" is no %s: %s", quote(quoted, node->text),
		       field_type_name(field->type),
		       size ? "a number with Ki, Mi or Gi" : "a number with ms, s, m, h or d");
	else if (in_range(r, field, node, value))
		memcpy(slot, &value, sizeof(value));
}

static void read_time(struct reading *r, const struct field *field, const struct node *node,
		      void *slot)
{
	char quoted[QUOTED];
	uint64_t value;

	(void)field;
	if (!is_scalar(r, node, SCALAR_TEXT))
		return;
	if (scalar_time(node->text, &value))
		memcpy(slot, &value, sizeof(value));
	else
		report(r->errors, node, "\"%s\" is no time: 2026-12-24T00:00:00Z",
		       quote(quoted, node->text));
}

bool value_is_list(struct reading *r, const struct node *node, size_t max)
{
	if (!value_is_kind(r, node, NODE_LIST))
		return false;
	if (node->count == 0)
		report(r->errors, node, "must not be empty");
	else if (node->count > max)
		report(r->errors, node, "too many items: at most %zu", max);
	return node->count > 0 && node->count <= max;
}

static bool are_texts(struct reading *r, const struct node *node, size_t max)
{
	bool good = value_is_list(r, node, max);

	for (const struct node *item = node->first; good && item; item = item->next)
		(void)is_text(r, item, MV_PATH_MAX - 1); /* each bad one is reported */
	return good;
}

static void read_texts(struct reading *r, const struct field *field, const struct node *node,
		       void *slot)
{
	if (are_texts(r, node, field->max))
		memcpy(slot, &node, sizeof(void *));
}

static void read_words(struct reading *r, const struct field *field, const struct node *node,
		       void *slot)
{
	if (!value_is_list(r, node, 64))
		return;
	for (const struct node *item = node->first; item; item = item->next)
		(void)find_word(r, field, item); /* each bad one is reported */
	memcpy(slot, &node, sizeof(void *));
}

static void read_numbers(struct reading *r, const struct field *field, const struct node *node,
			 void *slot)
{
	uint64_t value;

	if (!value_is_list(r, node, 64))
		return;
	for (const struct node *item = node->first; item; item = item->next)
		(void)is_number(r, field, item, &value); /* each bad one is reported */
	memcpy(slot, &node, sizeof(void *));
}

static void read_vars(struct reading *r, const struct field *field, const struct node *node,
		      void *slot)
{
	char quoted[QUOTED];

	if (!value_is_kind(r, node, NODE_MAP))
		return;
	for (const struct node *var = node->first; var; var = var->next) {
		if (!is_made_of(var->key, LOWER DIGITS "_-"))
			report_key(r->errors, var, "\"%s\" is no variable: a-z, 0-9, _ and -",
				   quote(quoted, var->key));
		(void)are_texts(r, var, field->max); /* each bad one is reported */
	}
	memcpy(slot, &node, sizeof(void *));
}

static reader *const readers[FIELD_TYPE_COUNT] = {
	[FIELD_ID] = read_id,
	[FIELD_NAME] = read_name,
	[FIELD_TEXT] = read_text,
	[FIELD_ATTACK] = read_attack,
	[FIELD_WORD] = read_word,
	[FIELD_BOOL] = read_bool,
	[FIELD_NUMBER] = read_number,
	[FIELD_SIZE] = read_quantity,
	[FIELD_DURATION] = read_quantity,
	[FIELD_TIME] = read_time,
	[FIELD_WORDS] = read_words,
	[FIELD_TEXTS] = read_texts,
	[FIELD_NUMBERS] = read_numbers,
	[FIELD_VARS] = read_vars,
};

reader *value_reader(enum field_type type)
{
	return readers[type];
}
