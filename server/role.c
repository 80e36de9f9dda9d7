#include "server/role.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[SRV_ROLES] = {"viewer", "analyst", "author", "approver",
					     "admin",  "gitops",  "auditor"};

const char *srv_role_name(unsigned role)
{
	for (unsigned i = 0; i < SRV_ROLES; i++) {
		if (role == 1U << i)
			return names[i];
	}
	return role == SRV_SIGNED_IN ? "signed-in" : "none";
}

int srv_role_parse(const char *name, unsigned *ret_role)
{
	for (unsigned i = 0; i < SRV_ROLES; i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		*ret_role = 1U << i;
		return 0;
	}
	return -EINVAL;
}

unsigned srv_role_givers(unsigned role)
{
	return role == SRV_ROLE_VIEWER ? SRV_ROLE_ANY : role | SRV_ROLE_ADMIN;
}

/* The next name of a set: *at goes from its "{" to its "}". False at the end. */
static bool next_name(const char **at, const char **ret_name, size_t *ret_n)
{
	if (**at == '{' || **at == ',')
		(*at)++;
	*ret_n = strcspn(*at, ",}");
	*ret_name = *at;
	*at += *ret_n;
	return *ret_n > 0;
}

static bool has(const char *groups, const char *name, size_t n)
{
	const char *at = groups, *one;
	size_t len;

	while (next_name(&at, &one, &len)) {
		if ((len == 1 && *one == '*') || (len == n && !memcmp(one, name, n)))
			return true;
	}
	return false;
}

bool srv_groups_has(const char *groups, const char *name)
{
	return has(groups, name, strlen(name));
}

bool srv_groups_covers(const char *have, const char *want)
{
	const char *at = want, *one;
	size_t n;

	while (next_name(&at, &one, &n)) {
		if (!has(have, one, n))
			return false;
	}
	return true;
}

/* Appends a name to a set that has room; one that is there already is left out. */
static void append(char *out, size_t cap, const char *name, size_t n)
{
	size_t used = strlen(out);

	if (!has(out, name, n) && used + n + 2 < cap)
		snprintf(out + used - 1, cap - used + 1, "%s%.*s}", used > 2 ? "," : "", (int)n,
			 name);
}

/* What of a is in b. */
static void append_common(char *out, size_t cap, const char *a, const char *b)
{
	const char *at = a, *one;
	size_t n;

	while (next_name(&at, &one, &n)) {
		if (has(b, one, n))
			append(out, cap, one, n);
	}
}

void srv_groups_intersect(const char *a, const char *b, char *out, size_t cap)
{
	snprintf(out, cap, "{}");
	append_common(out, cap, a, b);
	append_common(out, cap, b, a); /* for a = {*} */
}

int srv_grants_add(struct srv_grants *grants, const char *role, const char *groups)
{
	unsigned parsed;
	size_t n = strlen(groups);

	if (srv_role_parse(role, &parsed) < 0 || srv_grants_roles(grants) & parsed)
		return -EINVAL;
	if (n < 3 || n >= SRV_GROUPS_TEXT || groups[0] != '{' || groups[n - 1] != '}')
		return -EINVAL;
	struct srv_grant *grant = &grants->list[grants->count++];

	grant->role = parsed;
	snprintf(grant->groups, sizeof(grant->groups), "%s", groups);
	return 0;
}

unsigned srv_grants_roles(const struct srv_grants *grants)
{
	unsigned roles = 0;

	for (size_t i = 0; i < grants->count; i++)
		roles |= grants->list[i].role;
	return roles;
}

void srv_grants_scope(const struct srv_grants *grants, unsigned roles, char out[SRV_SCOPE_TEXT])
{
	snprintf(out, SRV_SCOPE_TEXT, "{}");
	for (size_t i = 0; i < grants->count; i++) {
		const char *at = grants->list[i].groups, *one;
		size_t n;

		while (grants->list[i].role & roles && next_name(&at, &one, &n))
			append(out, SRV_SCOPE_TEXT, one, n);
	}
}
