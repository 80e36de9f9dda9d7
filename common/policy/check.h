/* What must hold across a document's parts. Internal to common/policy. */
#ifndef COMMON_POLICY_CHECK_H
#define COMMON_POLICY_CHECK_H

#include "common/policy/document.h"

/* Reports names that are used twice or not defined, patterns that cannot match, and rules that contradict
 * themselves. The policy must have been laid (merge.h) without an error. */
void policy_check(struct policy_errors *errors, const struct policy *policy);
/* The value of a key, or the map when it is not there: where a finding about it points. */
const struct node *policy_key_of(const struct node *map, const char *key);
/* The index of a task, or the number of tasks when there is none. */
size_t policy_find_task(const struct policy *policy, const char *id);

/* The key of a test's target. */
const char *policy_target_word(enum test_target target);

#endif
