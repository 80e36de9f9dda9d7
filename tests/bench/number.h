/* The number of a run in its arguments: what each program that starts many has. */
#ifndef TESTS_BENCH_NUMBER_H
#define TESTS_BENCH_NUMBER_H

#include <err.h>
#include <stdio.h>
#include <string.h>

/* text with "%d" replaced, in a buffer of its own that lives as long as the process. */
static inline char *with_number(const char *text, unsigned number)
{
	const char *at = strstr(text, "%d");
	char *out;

	if (!at)
		return strdup(text);
	if (asprintf(&out, "%.*s%u%s", (int)(at - text), text, number, at + 2) < 0)
		err(2, "memory");
	return out;
}

#endif
