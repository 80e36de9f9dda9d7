/* Rules and tasks that can never decide. Internal to common/policy. */
#ifndef COMMON_POLICY_SHADOW_H
#define COMMON_POLICY_SHADOW_H

#include "common/policy/document.h"

/* Notes each rule of which every object is selected by rules of its own document, or final ones, that are
 * tried before it, and each task that comes behind another one of the same programs. That a layer decides
 * before the layers below it is what layers are for, and no note. */
void policy_find_shadows(struct policy *policy);

#endif
