/* What passes between ampoule-agent (root) and ampoule-helper (the calling user's uid, gid and groups).
 *
 * The helper is where paths of a user are opened, so that the kernel judges them by the user's rights.
 * A SOCK_SEQPACKET pair, the helper's end is descriptor AGENT_HELPER_FD. One request, one answer per
 * place in order, then the helper exits. Saving what a task wrote will be a second request type here. */
#ifndef AGENT_HELPER_H
#define AGENT_HELPER_H

#include <stdint.h>

#include "microvisor/microvisor.h"

enum {
	AGENT_HELPER_FD = 3,
	AGENT_HELPER_PLACES_MAX = MV_SHARES_MAX
};

enum agent_helper_type {
	AGENT_HELPER_OPEN = 1 /* struct agent_helper_open */
};

/* The request for one place; sent once per place. */
struct agent_helper_open {
	uint32_t type;
	uint32_t folder;        /* 1: a folder, O_PATH; 0: a regular file, O_RDONLY */
	char path[MV_PATH_MAX]; /* absolute, canonical, NUL-terminated */
};

/* The answer, with one descriptor when error is 0. */
struct agent_helper_opened {
	uint32_t type;
	uint32_t error; /* errno; 0 = opened */
};

#endif
