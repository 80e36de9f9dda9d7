/* Puts the items of variables in the place of "${name}". Internal to common/policy. */
#ifndef COMMON_POLICY_RESOLVE_H
#define COMMON_POLICY_RESOLVE_H

#include "common/policy/document.h"

/* Resolves every list of the merged tasks by the variables in force: the leaf's word counts. Final rules keep
 * the base's variables, so that no delta edits them by a variable. Reports a variable that is not there,
 * and more patterns than a policy may have. */
void policy_resolve(struct policy_errors *errors, struct policy *policy);

#endif
