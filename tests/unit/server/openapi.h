/* For tests: docs/openapi.yaml as JSON, and the part of JSON Schema that it uses. */
#ifndef TESTS_UNIT_SERVER_OPENAPI_H
#define TESTS_UNIT_SERVER_OPENAPI_H

#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

static inline json_t *openapi_scalar(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;
	char *end;
	long long n = strtoll(text, &end, 10);

	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return json_string(text);
	if (*text && !*end)
		return json_integer(n);
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return json_boolean(text[0] == 't');
	return strcmp(text, "null") ? json_string(text) : json_null();
}

static inline json_t *openapi_node(yaml_document_t *doc, int index)
{
	yaml_node_t *node = yaml_document_get_node(doc, index);
	json_t *json;

	ck_assert_ptr_nonnull(node);
	if (node->type == YAML_SEQUENCE_NODE) {
		json = json_array();
		for (int *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
		     i++)
			json_array_append_new(json, openapi_node(doc, *i));
		return json;
	}
	if (node->type != YAML_MAPPING_NODE)
		return openapi_scalar(node);
	json = json_object();
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *key = yaml_document_get_node(doc, p->key);
		const char *name = (const char *)key->data.scalar.value;

		ck_assert_msg(!json_object_get(json, name), "key %s twice", name);
		json_object_set_new(json, name, openapi_node(doc, p->value));
	}
	return json;
}

/* The whole file; the tests run in the top folder. */
static inline json_t *openapi_load(void)
{
	FILE *f = fopen("docs/openapi.yaml", "re");
	yaml_parser_t parser;
	yaml_document_t doc;

	ck_assert_ptr_nonnull(f);
	ck_assert(yaml_parser_initialize(&parser));
	yaml_parser_set_input_file(&parser, f);
	ck_assert_msg(yaml_parser_load(&parser, &doc), "line %zu: %s", parser.problem_mark.line + 1,
		      parser.problem ? parser.problem : "?");
	json_t *json = openapi_node(&doc, 1);

	yaml_document_delete(&doc);
	yaml_parser_delete(&parser);
	fclose(f);
	return json;
}

/* Follows "$ref": "#/a/b/c", once or more. Borrowed. */
static inline json_t *openapi_deref(json_t *root, json_t *at)
{
	const char *ref;

	while ((ref = json_string_value(json_object_get(at, "$ref")))) {
		char name[80];

		ck_assert(!strncmp(ref, "#/", 2));
		at = root;
		for (ref += 2; *ref; ref += strcspn(ref, "/"), ref += *ref == '/') {
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(ref, "/"), ref);
			at = json_object_get(at, name);
		}
		ck_assert_ptr_nonnull(at);
	}
	return at;
}

static inline bool openapi_is_type(const json_t *value, const char *type)
{
	if (!strcmp(type, "object"))
		return json_is_object(value);
	if (!strcmp(type, "array"))
		return json_is_array(value);
	if (!strcmp(type, "string"))
		return json_is_string(value);
	if (!strcmp(type, "integer"))
		return json_is_integer(value);
	if (!strcmp(type, "boolean"))
		return json_is_boolean(value);
	ck_assert_str_eq(type, "null");
	return json_is_null(value);
}

static inline bool openapi_is_listed(const json_t *list, const char *text)
{
	const json_t *word;
	size_t i;

	json_array_foreach(list, i, word)
	{
		if (!strcmp(json_string_value(word), text))
			return true;
	}
	return false;
}

static inline void openapi_check_type(json_t *schema, const json_t *value, const char *where)
{
	const json_t *type = json_object_get(schema, "type"), *word;
	bool fits = json_is_string(type) && openapi_is_type(value, json_string_value(type));
	size_t i;

	json_array_foreach(type, i, word) fits |= openapi_is_type(value, json_string_value(word));
	ck_assert_msg(fits, "%s: wrong type", where);
}

/* Fails the test unless value fits schema: type, properties, required, additionalProperties, items, enum. */
static inline void openapi_check(json_t *root, json_t *schema, json_t *value, const char *where)
{
	const json_t *words, *word;
	const char *name;
	json_t *member;
	char deeper[300];
	size_t i;

	schema = openapi_deref(root, schema);
	if (!json_object_get(schema, "type")) /* anything */
		return;
	openapi_check_type(schema, value, where);
	words = json_object_get(schema, "enum");
	if (words && json_is_string(value))
		ck_assert_msg(openapi_is_listed(words, json_string_value(value)), "%s: %s", where,
			      json_string_value(value));
	if (json_is_object(value)) {
		json_array_foreach(json_object_get(schema, "required"), i, word)
			ck_assert_msg(json_object_get(value, json_string_value(word)) != NULL,
				      "%s: no %s", where, json_string_value(word));
	}
	json_object_foreach(value, name, member)
	{
		json_t *known = json_object_get(json_object_get(schema, "properties"), name);

		snprintf(deeper, sizeof(deeper), "%s.%s", where, name);
		ck_assert_msg(known != NULL, "%s: is not in docs/openapi.yaml", deeper);
		openapi_check(root, known, member, deeper);
	}
	json_array_foreach(value, i, member)
	{
		snprintf(deeper, sizeof(deeper), "%s[%zu]", where, i);
		openapi_check(root, json_object_get(schema, "items"), member, deeper);
	}
}

#endif
