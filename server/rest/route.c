#include "server/rest/route.h"

#include <stdio.h>
#include <string.h>

void srv_route_roles(const struct srv_route *route, char *out, size_t cap)
{
	size_t used = 0;

	snprintf(out, cap, "%s",
		 route->roles == SRV_ROLE_ANY ? "any" : srv_role_name(route->roles));
	if (route->roles == SRV_ROLE_ANY || route->roles == SRV_ROLE_NONE)
		return;
	for (unsigned role = 1; role <= SRV_SIGNED_IN; role <<= 1) {
		if (!(route->roles & role) || used >= cap)
			continue;
		int n = snprintf(out + used, cap - used, "%s%s", used ? ", " : "",
				 srv_role_name(role));

		used += n > 0 ? (size_t)n : 0;
	}
}

const char *srv_reach_name(enum srv_reach reach)
{
	static const char *const reaches[] = {
		[SRV_REACH_ALL] = "all",
		[SRV_REACH_GROUPS] = "groups",
		[SRV_REACH_SHARED] = "shared",
	};

	return reaches[reach];
}

bool srv_route_changes(const struct srv_route *route)
{
	return strcmp(route->method, "GET") != 0;
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
