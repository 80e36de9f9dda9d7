/* What is wrong with policies, and what changes between two, as JSON. For the thread that holds the request. */
#ifndef SERVER_REST_FINDINGS_H
#define SERVER_REST_FINDINGS_H

#include <jansson.h>

#include "common/policy/policy.h"
#include "server/rest/route.h"

/* Each appends to list {"line", "column", "path", "text"}, and "document" for a document of a name; -ENOMEM. */
int srv_findings_add(json_t *list, const struct policy_error *error) must_check;
int srv_findings_add_all(json_t *list, const struct policy_errors *errors) must_check;
/* Runs the policy's tests: one finding for each that fails. */
int srv_findings_add_tests(json_t *list, const struct policy *policy) must_check;
/* One for each image that the server does not have. As srv_query(). */
int srv_findings_add_images(struct srv_call *call, const struct policy *policy, json_t *list,
			    struct err *err) must_check;

/* [{"change", "task", "class", "id", "before", "after", "document", "line"}]; NULL when out of memory. */
json_t *srv_changes_json(const struct policy *old, const struct policy *new);
/* The same keys for one thing that is in force, without "change" and "before"; "after" is its "text". */
json_t *srv_item_json(const struct policy_item *item);

#endif
