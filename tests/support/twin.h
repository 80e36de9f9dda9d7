/* The folder that the view and its twin begin with (test_twin.c), and whether it is still what it was. */
#ifndef TESTS_SUPPORT_TWIN_H
#define TESTS_SUPPORT_TWIN_H

#include "tests/support/fuse.h"

static inline void twin_fill(const char *root, const char *name, unsigned n)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	FILE *f = fopen(path, "we");

	for (unsigned i = 0; i < n; i++)
		putc((int)(i * 7 + i / 251), f);
	fclose(f);
	if (chmod(path, 0640) < 0)
		abort();
}

static inline void twin_make_tree(const char *root)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/sub", root);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/d", root);
	(void)mkdir(path, 0700);
	twin_fill(root, "a", 10);
	twin_fill(root, "b", 5000);
	twin_fill(root, "big", 60001);
	twin_fill(root, "sub/a", 4096);
	twin_fill(root, "sub/b", 0);
	twin_fill(root, "d/f", 20000);
}

/* Whole once more from the pattern, against what the view was made over: 0 when nobody has touched it. */
static inline int twin_compare_originals(const struct guest *guest)
{
	char again[100];
	char docs[100];
	char *const argv[] = {(char[]){"diff"}, (char[]){"-r"}, again, docs, NULL};
	int status = -1;

	snprintf(again, sizeof(again), "%s/again", guest->dir);
	snprintf(docs, sizeof(docs), "%s/docs", guest->dir);
	if (mkdir(again, 0700) < 0)
		abort();
	twin_make_tree(again);
	pid_t child = fork();

	if (child == 0) {
		execv("/usr/bin/diff", argv);
		_exit(2);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

#endif
