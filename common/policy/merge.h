/* Lays the documents of a policy on each other. Internal to common/policy. */
#ifndef COMMON_POLICY_MERGE_H
#define COMMON_POLICY_MERGE_H

#include "common/policy/document.h"

/* Fills what is effective from policy->layers: tasks with the rules of all layers in their order, settings
 * applied, variables resolved. Reports what does not fit together. The layers must have been read without
 * an error. */
void policy_lay(struct policy_errors *errors, struct policy *policy);
/* Whether the layer's rules hold for the request: those of an exception only for some, and until its end. */
bool policy_layer_applies(const struct layer *layer, const struct policy_request *request);

#endif
