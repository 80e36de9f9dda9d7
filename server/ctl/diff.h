/* What changed between two documents, line by line. Pure code. */
#ifndef SERVER_CTL_DIFF_H
#define SERVER_CTL_DIFF_H

#include <stddef.h>
#include <stdio.h>

enum {
	CTL_DIFF_LINES_MAX = 2000 /* differing middle parts above this are only counted */
};

/* Prints "LINE - text" for lines that are gone (counted in the old document) and "LINE + text" for new
 * ones (in the new), quoted. Returns how many lines differ; -ENOMEM. */
long ctl_diff(const char *old_text, size_t old_bytes, const char *new_text, size_t new_bytes,
	      FILE *out);

#endif
