#include "server/rest/route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const role_names[] = {
	[SRV_ROLE_NONE] = "none",
	[SRV_ROLE_VIEWER] = "viewer",
	[SRV_ROLE_ADMIN] = "admin",
};

const char *srv_role_name(enum srv_role role)
{
	return role_names[role];
}

int srv_role_parse(const char *name, enum srv_role *ret_role)
{
	for (int i = SRV_ROLE_VIEWER; i <= SRV_ROLE_ADMIN; i++) {
		if (strcmp(role_names[i], name))
			continue;
		*ret_role = (enum srv_role)i;
		return 0;
	}
	return -EINVAL;
}

/* Whether path fits pattern, with what stands for its "{name}" in param. */
static bool is_match(const char *pattern, const char *path, char param[SRV_CALL_PARAM_MAX])
{
	const char *open = strchr(pattern, '{');

	param[0] = '\0';
	if (!open)
		return !strcmp(pattern, path);
	size_t head = (size_t)(open - pattern);

	if (strncmp(pattern, path, head))
		return false;
	size_t n = strcspn(path + head, "/");
	const char *close = strchr(open, '}');

	if (!n || n >= SRV_CALL_PARAM_MAX || !close || strcmp(close + 1, path + head + n))
		return false;
	snprintf(param, SRV_CALL_PARAM_MAX, "%.*s", (int)n, path + head);
	return true;
}

const struct srv_route *srv_route_find(const struct srv_api *api, const char *method,
				       const char *path, char param[SRV_CALL_PARAM_MAX],
				       enum srv_problem *ret_problem, char *allow, size_t cap)
{
	size_t used = 0;

	allow[0] = '\0';
	for (size_t i = 0; i < api->route_count; i++) {
		const struct srv_route *route = &api->routes[i];

		if (!is_match(route->path, path, param))
			continue;
		if (!strcmp(route->method, method))
			return route;
		int n = snprintf(allow + used, cap - used, "%s%s", used ? ", " : "", route->method);

		if (n > 0 && (size_t)n < cap - used)
			used += (size_t)n;
	}
	*ret_problem = used ? SRV_METHOD_NOT_ALLOWED : SRV_NOT_FOUND;
	return NULL;
}
