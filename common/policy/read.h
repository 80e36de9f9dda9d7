/* Fills the structs of document.h from the tree, as the field table says. Internal to common/policy. */
#ifndef COMMON_POLICY_READ_H
#define COMMON_POLICY_READ_H

#include "common/policy/document.h"

/* Reads a document and all below it into out (zeroed). What is wrong goes to errors; out is whole only when
 * nothing was. What is accepted and not enforced yet goes to notes. */
void read_layer(struct arena *arena, struct policy_errors *errors, struct policy_errors *notes,
		const struct node *root, struct layer *out);
/* Whether the word may name a rule, task, policy or level: [a-z0-9-], 1 to 63 bytes. */
bool is_policy_id(const char *text);

#endif
