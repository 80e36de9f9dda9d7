#include "common/policy/node.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "common/log.h"
#include "common/policy/report.h"

/* libyaml speaks YAML 1.1, but only its events are used: which plain scalar means what is decided in
 * scalar.c, by the core schema of YAML 1.2. The first finding ends the reading: after it the text has no
 * shape to go on with. */

struct reader {
	yaml_parser_t parser;
	struct arena *arena;          /* borrowed */
	struct policy_errors *errors; /* borrowed */
	const struct policy_layer *source;
	struct node *root;
	struct node *open; /* the innermost list or map */
	struct node *key;  /* read, its value not yet */
	unsigned depth;
	unsigned nodes;
	bool ended;
};

static bool refuse(struct reader *r, const yaml_event_t *event, const char *text)
{
	report_at(r->errors, r->source, (int)event->start_mark.line + 1,
		  (int)event->start_mark.column + 1, "%s", text);
	return false;
}

static struct node *new_node(struct reader *r, const yaml_event_t *event, enum node_kind kind)
{
	if (++r->nodes > NODE_COUNT_MAX) {
		(void)refuse(r, event, "the document has too many values");
		return NULL;
	}
	struct node *node = arena_alloc(r->arena, sizeof(*node));

	if (!node) {
		(void)refuse(r, event, "out of memory");
		return NULL;
	}
	node->kind = kind;
	node->line = (int)event->start_mark.line + 1;
	node->column = (int)event->start_mark.column + 1;
	return node;
}

static bool take_key(struct reader *r, const yaml_event_t *event, struct node *node)
{
	char quoted[64];

	if (r->open->count == NODE_KEYS_MAX)
		return refuse(r, event, "too many keys in one map");
	const struct node *twin = node_find(r->open, node->text);

	if (twin) {
		report_at(r->errors, r->source, node->line, node->column,
			  "duplicate key '%s': it is already on line %d",
			  log_quote(quoted, sizeof(quoted), node->text, strlen(node->text)),
			  twin->key_line);
		return false;
	}
	r->key = node;
	return true;
}

static void append(struct node *parent, struct node *node)
{
	node->parent = parent;
	node->index = parent->count++;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
}

/* Hangs a node into the tree, as root, list item, key or value. */
static bool place(struct reader *r, const yaml_event_t *event, struct node *node)
{
	if (!r->open) {
		r->root = node;
		return true;
	}
	if (r->open->kind == NODE_MAP && !r->key) {
		if (node->kind != NODE_SCALAR)
			return refuse(r, event, "a key must be a word, not a list or a map");
		return take_key(r, event, node);
	}
	if (r->key) {
		node->key = r->key->text;
		node->key_line = r->key->line;
		node->key_column = r->key->column;
		r->key = NULL;
	}
	append(r->open, node);
	return true;
}

static bool on_scalar(struct reader *r, const yaml_event_t *event)
{
	if (event->data.scalar.anchor)
		return refuse(r, event, "anchors are not part of the language; use vars:");
	if (event->data.scalar.tag)
		return refuse(r, event, "tags are not part of the language");
	if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
		return refuse(r, event, "a NUL byte is not allowed");
	struct node *node = new_node(r, event, NODE_SCALAR);

	if (!node)
		return false;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_copy(r->arena, event->data.scalar.value, event->data.scalar.length);
	if (!node->text)
		return refuse(r, event, "out of memory");
	return place(r, event, node);
}

static bool on_open(struct reader *r, const yaml_event_t *event, enum node_kind kind,
		    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return refuse(r, event, "anchors are not part of the language; use vars:");
	if (tag)
		return refuse(r, event, "tags are not part of the language");
	if (r->depth == NODE_DEPTH_MAX)
		return refuse(r, event, "nested too deep");
	struct node *node = new_node(r, event, kind);

	if (!node || !place(r, event, node))
		return false;
	r->open = node;
	r->depth++;
	return true;
}

static bool on_close(struct reader *r)
{
	r->open = r->open->parent;
	r->depth--;
	return true;
}

static bool on_document(struct reader *r, const yaml_event_t *event)
{
	if (r->root)
		return refuse(r, event, "one document only: a second one begins here");
	if (event->data.document_start.version_directive ||
	    event->data.document_start.tag_directives.start !=
		    event->data.document_start.tag_directives.end)
		return refuse(r, event, "directives (%YAML, %TAG) are not part of the language");
	return true;
}

static bool on_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(r, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(r, event, NODE_LIST, event->data.sequence_start.anchor,
			       event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_open(r, event, NODE_MAP, event->data.mapping_start.anchor,
			       event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(r);
	case YAML_ALIAS_EVENT:
		return refuse(r, event, "aliases are not part of the language; use vars:");
	case YAML_STREAM_END_EVENT:
		r->ended = true;
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return true;
}

/* The reader's own complaints (bytes that are no UTF-8) have an offset, but no line. */
static void report_bytes(struct reader *r, const char *yaml, size_t n)
{
	size_t at = r->parser.problem_offset < n ? r->parser.problem_offset : n;
	int line = 1, column = 1;

	for (size_t i = 0; i < at; i++) {
		column++;
		if (yaml[i] == '\n') {
			line++;
			column = 1;
		}
	}
	report_at(r->errors, r->source, line, column, "not UTF-8 text: %s", r->parser.problem);
}

static void report_syntax(struct reader *r, const char *yaml, size_t n)
{
	const yaml_mark_t *mark = &r->parser.problem_mark;

	if (r->parser.error == YAML_MEMORY_ERROR || !r->parser.problem)
		report_at(r->errors, r->source, 0, 0, "out of memory");
	else if (r->parser.error == YAML_READER_ERROR)
		report_bytes(r, yaml, n);
	else
		report_at(r->errors, r->source, (int)mark->line + 1, (int)mark->column + 1,
			  "not YAML: %s%s%s", r->parser.problem, r->parser.context ? " " : "",
			  r->parser.context ? r->parser.context : "");
}

static bool read_all(struct reader *r, const void *yaml, size_t n)
{
	while (!r->ended) {
		yaml_event_t event;

		if (!yaml_parser_parse(&r->parser, &event)) {
			report_syntax(r, yaml, n);
			return false;
		}
		bool good = on_event(r, &event);

		yaml_event_delete(&event);
		if (!good)
			return false;
	}
	return true;
}

struct node *node_parse(struct arena *arena, const struct policy_layer *source,
			struct policy_errors *errors)
{
	struct reader r = {.arena = arena, .errors = errors, .source = source};

	if (!yaml_parser_initialize(&r.parser)) {
		report_at(errors, source, 0, 0, "out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)source->yaml, source->n);
	bool good = read_all(&r, source->yaml, source->n);

	yaml_parser_delete(&r.parser);
	if (good && !r.root)
		report_at(errors, source, 1, 1, "the document is empty");
	if (!good || !r.root)
		return NULL;
	r.root->source = source;
	return r.root;
}

const struct node *node_find(const struct node *map, const char *key)
{
	for (const struct node *child = map->first; child; child = child->next) {
		if (child->key && !strcmp(child->key, key))
			return child;
	}
	return NULL;
}
