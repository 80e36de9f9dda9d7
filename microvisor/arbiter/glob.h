/* Glob patterns over bytes: "*" stays in a component and matches dotfiles, "**" crosses components, "?"
 * is one byte that is not "/". Between slashes a "**" may also stand for no component, so that
 * "/a/STAR/b" with two stars selects "/a/b" too. There is no escape and there are no ranges.
 *
 * Pure, any thread, no memory. The time is at most pattern bytes times text bytes, whatever the pattern. */
#ifndef MV_ARBITER_GLOB_H
#define MV_ARBITER_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the whole text is selected. Both have at most MV_PATH_MAX bytes; longer ones never match. */
bool mv_glob_matches(const char *pattern, size_t pattern_bytes, const char *text, size_t n);
/* Whether some text that begins with folder and "/" could be selected. */
bool mv_glob_may_hold(const char *pattern, size_t pattern_bytes, const char *folder, size_t n);
/* Bytes of the pattern before its first wildcard. */
size_t mv_glob_literal(const char *pattern, size_t pattern_bytes);

#endif
