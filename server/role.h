/* Roles, and the device groups that a holder's roles reach. Pure; any thread.
 *
 * A set of groups is the text of a PostgreSQL array, "{a,b}", or "{*}" for every group: names have no
 * character that would need quoting there (schema 1), so one text serves C and SQL alike. store/scope.h
 * puts it into queries. */
#ifndef SERVER_ROLE_H
#define SERVER_ROLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

enum {
	SRV_ROLES = 7,
	SRV_GRANT_GROUPS_MAX = 32,
	SRV_GROUPS_TEXT = SRV_GRANT_GROUPS_MAX * 64 + 2,
	SRV_SCOPE_TEXT = SRV_ROLES * SRV_GROUPS_TEXT
};

/* Bits, so that a route names all that may use it. */
enum srv_role {
	SRV_ROLE_NONE = 0, /* nobody need be signed in */
	SRV_ROLE_VIEWER = 1 << 0,
	SRV_ROLE_ANALYST = 1 << 1,
	SRV_ROLE_AUTHOR = 1 << 2,
	SRV_ROLE_APPROVER = 1 << 3,
	SRV_ROLE_ADMIN = 1 << 4,
	SRV_ROLE_GITOPS = 1 << 5,
	SRV_ROLE_AUDITOR = 1 << 6,
	SRV_ROLE_ANY = (1 << SRV_ROLES) - 1,
	SRV_SIGNED_IN = 1 << SRV_ROLES /* whoever is signed in, with or without a role */
};

#define SRV_GROUPS_ALL "{*}"
#define SRV_ROLE_WORDS "viewer|analyst|author|approver|admin|gitops|auditor"

/* The name of one role. */
const char *srv_role_name(unsigned role);
/* The role of a name; -EINVAL. */
int srv_role_parse(const char *name, unsigned *ret_role) must_check;

struct srv_grant {
	unsigned role;
	char groups[SRV_GROUPS_TEXT];
};

/* What somebody may do; at most one grant for each role. */
struct srv_grants {
	size_t count;
	struct srv_grant list[SRV_ROLES];
};

/* Adds a grant. -EINVAL: an unknown role, a set that is none, or a role that is there already. */
int srv_grants_add(struct srv_grants *grants, const char *role, const char *groups) must_check;
/* The union of what the roles of a set reach: "{}" when none of them is held. */
void srv_grants_scope(const struct srv_grants *grants, unsigned roles, char out[SRV_SCOPE_TEXT]);
/* Which roles are held. */
unsigned srv_grants_roles(const struct srv_grants *grants);

/* Whether a set has the group. */
bool srv_groups_has(const char *groups, const char *name);
/* Whether all of want is in have. */
bool srv_groups_covers(const char *have, const char *want);
/* What is in both, as a set; out may have the room of either. */
void srv_groups_intersect(const char *a, const char *b, char *out, size_t cap);
/* The roles whose holders may hand out this one: its own, admin, and for viewer any. */
unsigned srv_role_givers(unsigned role);

#endif
