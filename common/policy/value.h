/* Reads what a key takes, but for maps and lists of maps: one function per type of the field table. Internal
 * to common/policy. */
#ifndef COMMON_POLICY_VALUE_H
#define COMMON_POLICY_VALUE_H

#include "common/policy/field.h"
#include "common/policy/node.h"

struct reading {
	struct arena *arena;          /* borrowed */
	struct policy_errors *errors; /* borrowed */
	struct policy_errors *notes;  /* borrowed */
	unsigned kind;                /* of the document: enum policy_kind */
};

/* Reads one value into its slot; reports what is wrong with it. */
typedef void reader(struct reading *r, const struct field *field, const struct node *node,
		    void *slot);
/* NULL for maps and lists of maps. */
reader *value_reader(enum field_type type);
/* Whether the node is a list or a map, as wanted; reports when it is not. */
bool value_is_kind(struct reading *r, const struct node *node, enum node_kind kind);
/* Whether the node is a list of 1 to max items; reports when it is not. */
bool value_is_list(struct reading *r, const struct node *node, size_t max);

#endif
