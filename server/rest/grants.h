/* Roles as JSON: [{"role": "author", "groups": ["a", "b"]}, {"role": "viewer", "groups": "all"}]. */
#ifndef SERVER_REST_GRANTS_H
#define SERVER_REST_GRANTS_H

#include <jansson.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/role.h"

json_t *srv_grants_json(const struct srv_grants *grants);
/* ["a", "b"] or "all" of a set, and back; -EINVAL with what is wrong, the field's name in front. */
json_t *srv_groups_json(const char *groups);
int srv_groups_read(const char *field, const json_t *json, char out[SRV_GROUPS_TEXT],
		    struct err *err) must_check;
/* -EINVAL with what is wrong: another field, an unknown role, one named twice, no group. */
int srv_grants_read(json_t *list, struct srv_grants *out, struct err *err) must_check;

#endif
