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
	size_t start = 1;

	if (n == 0 || n > MV_PATH_MAX || path[0] != '/' || memchr(path, '\0', n))
		return false;
	for (size_t i = 1; n > 1 && i <= n; i++) {
		if (i < n && path[i] != '/')
			continue;
		if (!is_component(path + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

bool mv_path_is_in(const char *path, size_t n, const char *folder, size_t folder_bytes)
{
	if (folder_bytes == 1 && folder[0] == '/')
		folder_bytes = 0;
	if (n < folder_bytes || memcmp(path, folder, folder_bytes) != 0)
		return false;
	return n == folder_bytes || path[folder_bytes] == '/';
}
