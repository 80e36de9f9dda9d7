/* Roles and groups, between the API's JSON and a terminal: "author:eng,ops viewer:all". One thread. */
#ifndef SERVER_CTL_ROLES_H
#define SERVER_CTL_ROLES_H

#include <jansson.h>
#include <stddef.h>

/* Of a list of {"role", "groups"}; of ["a", "b"] or "all". Both return out. */
const char *ctl_roles_text(char *out, size_t cap, const json_t *roles);
const char *ctl_groups_text(char *out, size_t cap, const json_t *groups);
/* ["a", "b"] of "a,b"; "all" of "all". */
json_t *ctl_groups_json(const char *text);

#endif
