#include "agent/agent/floor.h"

#include <string.h>

static const char *const roots[] = {"/home/", "/media/", "/mnt/", "/srv/"};

/* Absolute, no empty, "." or ".." component, no trailing "/". */
static bool is_canonical(const char *path)
{
	if (path[0] != '/')
		return false;
	for (const char *at = path; *at;) {
		const char *name = at + 1;
		size_t n = strcspn(name, "/");

		if (n == 0 || (n == 1 && name[0] == '.') ||
		    (n == 2 && name[0] == '.' && name[1] == '.'))
			return false;
		at = name + n;
	}
	return true;
}

bool agent_floor_is_view_path(const char *path)
{
	if (!is_canonical(path))
		return false;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (strncmp(path, roots[i], strlen(roots[i])) == 0)
			return true;
	return false;
}

/* Whether b is a or lies below it. */
static bool holds(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n > 1 && a[n - 1] == '/')
		n--;
	return strncmp(a, b, n) == 0 && (b[n] == '\0' || b[n] == '/');
}

bool agent_floor_allows(const char *path, const char *state_dir, const char *run_dir)
{
	return agent_floor_is_view_path(path) && !holds(path, state_dir) &&
	       !holds(state_dir, path) && !holds(path, run_dir) && !holds(run_dir, path);
}
