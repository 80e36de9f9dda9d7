/* Fills the structs of document.h from the tree, as the field table says. Internal to common/policy. */
#ifndef COMMON_POLICY_READ_H
#define COMMON_POLICY_READ_H

#include "common/policy/arena.h"
#include "common/policy/field.h"
#include "common/policy/node.h"

/* Reads one map into out, a struct of that object (zeroed, field_object_size() bytes), and all below it.
 * What is wrong goes to errors; out is whole only when nothing was. */
void read_object(struct arena *arena, struct policy_errors *errors, enum object object,
		 const struct node *map, void *out);
/* Whether the word may name a rule, task, policy or level: [a-z0-9-], 1 to 63 bytes. */
bool is_policy_id(const char *text);

#endif
