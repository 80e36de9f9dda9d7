/* A place for a file to be saved at: its folder, what is there now, and the steps that put another file in its
 * stead. One thread. */
#ifndef AGENT_HELPER_PLACE_H
#define AGENT_HELPER_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "common/cleanup.h"

enum {
	HELPER_NAME_MAX = 256
};

struct helper_place {
	int folder; /* owned, O_PATH; -1 */
	int old;    /* owned, O_RDONLY: the file that is there; -1: none */
	struct stat old_stat;
	char name[HELPER_NAME_MAX];
};

/* A file that has not got its name yet. */
struct helper_file {
	int fd; /* owned, O_RDWR; -1 */
	char name
		[HELPER_NAME_MAX]; /* that it has meanwhile; "": none, it goes with its descriptor */
};

/* Reaches the folder below base and opens what is at path: the walk follows no link and does not leave base.
 * -EINVAL: not a relative canonical path; -EPERM: something other than a regular file is there; -EACCES: the
 * user may not write the file; -errno. */
int helper_place_open(struct helper_place *place, int base, const char *path) must_check;
void helper_place_close(struct helper_place *place);
/* Another name in the same folder, where nothing is yet (helper_file_publish() sees to that). */
void helper_place_rename(struct helper_place *place, const char *name);

/* An empty file in the folder, without a name where the file system can. -errno. */
int helper_file_make(struct helper_file *file, const struct helper_place *place) must_check;
/* Gives the file the place's name. Without an old file: only if nothing has that name, else -EEXIST. With one:
 * only if it is still there, unchanged, else -ESTALE. The folder is on disk afterwards. -errno: nothing has
 * changed. */
int helper_file_publish(struct helper_file *file, const struct helper_place *place) must_check;
/* Closes it, and removes it if it has got no name for good. */
void helper_file_close(struct helper_file *file, const struct helper_place *place);

/* Makes the folder at path below base; one that is there is good. As helper_place_open(). */
int helper_make_folder(int base, const char *path, unsigned mode) must_check;

#endif
