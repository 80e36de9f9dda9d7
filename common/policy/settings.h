/* Applies the set: of deltas. Internal to common/policy. */
#ifndef COMMON_POLICY_SETTINGS_H
#define COMMON_POLICY_SETTINGS_H

#include "common/policy/document.h"

/* Changes the rules of the merged tasks as the deltas say, from the root to the leaf, so that the leaf has the
 * last word. Reports a setting of a rule that is final, an exception's, or not there. */
void policy_settle(struct policy_errors *errors, struct policy *policy);

#endif
