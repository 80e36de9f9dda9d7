/* A YAML document as a small tree, each node with its place in the text.
 *
 * What the language leaves out of YAML 1.2 is refused while the tree is built: anchors, aliases, tags,
 * directives, a second document, keys that are not words, duplicate keys, NUL, anything but UTF-8.
 * Depth, nodes and keys per map are bounded. */
#ifndef COMMON_POLICY_NODE_H
#define COMMON_POLICY_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/policy/arena.h"
#include "common/policy/policy.h"

enum {
	NODE_DEPTH_MAX = 16,
	NODE_COUNT_MAX = 131072,
	NODE_KEYS_MAX = 256 /* in one map */
};

enum node_kind {
	NODE_SCALAR = 1,
	NODE_LIST,
	NODE_MAP
};

struct node {
	enum node_kind kind;
	int line, column;         /* of the value, from 1 */
	int key_line, key_column; /* of the key, in a map */
	const char *key;          /* in a map */
	size_t index;             /* in a list */
	const char *text;         /* of a scalar: terminated, without NUL */
	bool quoted;              /* a scalar that is text whatever it looks like */
	size_t count;             /* of children */
	struct node *parent, *first, *last, *next;
	const struct policy_layer *source; /* of a root: the text it was read from */
};

/* Parses one document. NULL, and an error in *errors, when it is refused or memory runs out. The tree lives
 * in the arena and points at source, which must live as long; its text is not kept. */
struct node *node_parse(struct arena *arena, const struct policy_layer *source,
			struct policy_errors *errors);
/* The child with that key, or NULL. */
const struct node *node_find(const struct node *map, const char *key);

#endif
