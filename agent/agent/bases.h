/* Folders of the user's, opened at the launch as the user, that what the task wrote may be saved below: whatever the
 * paths to them lead to later, these are the folders the task was shown. The agent's thread. */
#ifndef AGENT_AGENT_BASES_H
#define AGENT_AGENT_BASES_H

#include <stddef.h>

#include "agent/agent/opener.h"
#include "common/cleanup.h"

struct agent_base {
	int fd;     /* owned, O_PATH */
	char *path; /* owned, absolute */
};

/* Embedded; zeroed before use. */
struct agent_bases {
	struct agent_base *list; /* owned */
	size_t count;
	int root; /* owned, O_PATH of "/"; 0: not opened */
};

/* Takes the descriptors of the folders that the opener has opened. Without memory there are fewer. */
void agent_bases_take(struct agent_bases *bases, struct agent_opener *opener);
void agent_bases_release(struct agent_bases *bases);

/* The folder to begin at for this absolute path, and the path below it. What lies in none is reached from the root,
 * following nothing. -EINVAL: not an absolute path; -errno. */
int agent_bases_find(struct agent_bases *bases, const char *path,
		     const char **ret_below) must_check;

#endif
