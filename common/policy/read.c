#include "common/policy/read.h"

#include <string.h>

#include "common/log.h"
#include "common/policy/document.h"
#include "common/policy/field.h"
#include "common/policy/report.h"
#include "common/policy/value.h"

enum {
	QUOTED = 80
};

static void read_into(struct reading *r, enum object object, const struct node *map, void *out);

static const char *quote(char out[QUOTED], const char *text)
{
	return log_quote(out, QUOTED, text, strlen(text));
}

static void read_map(struct reading *r, const struct field *field, const struct node *node,
		     void *slot)
{
	if (!value_is_kind(r, node, NODE_MAP))
		return;
	void *object = arena_alloc(r->arena, field_object_size(field->of));

	if (!object) {
		report(r->errors, node, "out of memory");
		return;
	}
	read_into(r, field->of, node, object);
	memcpy(slot, &object, sizeof(void *));
}

static void read_list(struct reading *r, const struct field *field, const struct node *node,
		      void *slot)
{
	size_t size = field_object_size(field->of);

	if (!value_is_list(r, node, field->max))
		return;
	struct object_list list = {.items = arena_alloc(r->arena, node->count * size),
				   .count = node->count};

	if (!list.items) {
		report(r->errors, node, "out of memory");
		return;
	}
	for (const struct node *item = node->first; item; item = item->next) {
		if (value_is_kind(r, item, NODE_MAP))
			read_into(r, field->of, item, (char *)list.items + item->index * size);
	}
	memcpy(slot, &list, sizeof(list));
}

static void read_sets(struct reading *r, const struct field *field, const struct node *node,
		      void *slot)
{
	size_t size = field_object_size(field->of);
	char quoted[QUOTED];

	if (!value_is_kind(r, node, NODE_MAP) || !node->count)
		return;
	struct object_list list = {.items = arena_alloc(r->arena, node->count * size),
				   .count = node->count};

	if (!list.items) {
		report(r->errors, node, "out of memory");
		return;
	}
	for (const struct node *item = node->first; item; item = item->next) {
		if (!is_policy_id(item->key))
			report_key(r->errors, item, "\"%s\" is no id: 1 to 63 of a-z, 0-9 and -",
				   quote(quoted, item->key));
		if (value_is_kind(r, item, NODE_MAP))
			read_into(r, field->of, item, (char *)list.items + item->index * size);
	}
	memcpy(slot, &list, sizeof(list));
}

static reader *reader_of(enum field_type type)
{
	if (type == FIELD_MAP)
		return read_map;
	if (type == FIELD_LIST)
		return read_list;
	return type == FIELD_SETS ? read_sets : value_reader(type);
}

static const char *kind_name(unsigned kind)
{
	static const char *const names[] = {[POLICY_KIND_BASE] = "base",
					    [POLICY_KIND_DELTA] = "delta",
					    [POLICY_KIND_EXCEPTION] = "exception"};

	return names[kind];
}

static void refuse_key(struct reading *r, enum object object, const struct node *node)
{
	const char *nearest = field_nearest(object, r->kind, node->key);
	char quoted[QUOTED];

	if (field_find(object, node->key))
		report_key(r->errors, node, "'%s' is no key of a document of kind %s", node->key,
			   kind_name(r->kind));
	else if (nearest)
		report_key(r->errors, node, "unknown key '%s'; did you mean '%s'?",
			   quote(quoted, node->key), nearest);
	else
		report_key(r->errors, node, "unknown key '%s'", quote(quoted, node->key));
}

static void check_keys(struct reading *r, enum object object, const struct node *map)
{
	for (const struct node *child = map->first; child; child = child->next) {
		const struct field *field = field_find(object, child->key);

		if (!field || !field_is_in(field, r->kind))
			refuse_key(r, object, child);
		else if (field->later)
			report_key(r->notes, child,
				   "'%s' is accepted, and not enforced by this version",
				   field->key);
	}
}

static bool is_required(const struct reading *r, const struct field *field)
{
	return field->need == FIELD_REQUIRED ||
	       (field->need == FIELD_REQUIRED_IN_BASE && r->kind == POLICY_KIND_BASE);
}

/* What a layer does not say stays as another one says it: only a base has the defaults of the document's
 * own keys. */
static bool has_fallback(const struct reading *r, const struct field *field)
{
	return field->fallback && (field->in != OBJECT_POLICY || r->kind == POLICY_KIND_BASE);
}

static void read_field(struct reading *r, const struct field *field, const struct node *map,
		       void *out)
{
	const struct node *node = node_find(map, field->key);
	struct node fallback = {.kind = NODE_SCALAR, .text = field->fallback};

	if (!node && is_required(r, field))
		report(r->errors, map, "'%s' is missing", field->key);
	if (!node && !has_fallback(r, field))
		return;
	reader_of(field->type)(r, field, node ? node : &fallback, (char *)out + field->offset);
}

static void read_into(struct reading *r, enum object object, const struct node *map, void *out)
{
	/* Every struct of document.h begins with its node. */
	memcpy(out, &map, sizeof(void *));
	check_keys(r, object, map);
	for (size_t i = 0; i < policy_field_count; i++) {
		const struct field *field = &policy_fields[i];

		if (field->in == object && field_is_in(field, r->kind))
			read_field(r, field, map, out);
	}
}

/* Which keys a document has depends on its kind; one that does not say is read as a base, and told. */
static unsigned kind_of(const struct node *root)
{
	const struct node *kind = node_find(root, "kind");

	if (kind && kind->kind == NODE_SCALAR && !strcmp(kind->text, "delta"))
		return POLICY_KIND_DELTA;
	if (kind && kind->kind == NODE_SCALAR && !strcmp(kind->text, "exception"))
		return POLICY_KIND_EXCEPTION;
	return POLICY_KIND_BASE;
}

void read_layer(struct arena *arena, struct policy_errors *errors, struct policy_errors *notes,
		const struct node *root, struct layer *out)
{
	struct reading r = {
		.arena = arena, .errors = errors, .notes = notes, .kind = kind_of(root)};

	read_into(&r, OBJECT_POLICY, root, out);
}
