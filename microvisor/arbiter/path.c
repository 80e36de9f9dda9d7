#include "microvisor/arbiter/path.h"

#include <string.h>

#include "microvisor/arbiter/access.h"

static bool is_component(const char *name, size_t n)
{
	if (n == 0 || (n == 1 && name[0] == '.'))
		return false;
	return !(n == 2 && name[0] == '.' && name[1] == '.');
}

bool mv_path_is_canonical(const char *path, size_t n)
{
	if (n == 0 || n > MV_PATH_MAX || path[0] != '/' || memchr(path, '\0', n))
		return false;
	if (n == 1)
		return true;
	for (size_t start = 1; start <= n;) {
		const char *slash = start < n ? memchr(path + start, '/', n - start) : NULL;
		size_t end = slash ? (size_t)(slash - path) : n;

		if (!is_component(path + start, end - start))
			return false;
		start = end + 1;
		if (end == n)
			break;
	}
	return path[n - 1] != '/';
}

bool mv_path_is_in(const char *path, size_t n, const char *folder, size_t folder_bytes)
{
	if (folder_bytes == 1 && folder[0] == '/')
		folder_bytes = 0;
	if (n < folder_bytes || memcmp(path, folder, folder_bytes) != 0)
		return false;
	return n == folder_bytes || path[folder_bytes] == '/';
}
