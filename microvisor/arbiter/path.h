/* Host paths as the arbiter and the view compare them: bytes, canonical. Pure; any thread. */
#ifndef MV_ARBITER_PATH_H
#define MV_ARBITER_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Whether path is absolute, 1..MV_PATH_MAX bytes, without NUL, without a trailing "/" (but "/" itself)
 * and without an empty, "." or ".." component. */
bool mv_path_is_canonical(const char *path, size_t n);
/* Whether path is folder itself or lies below it. The folder "" or "/" holds every absolute path. */
bool mv_path_is_in(const char *path, size_t n, const char *folder, size_t folder_bytes);

#endif
