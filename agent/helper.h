/* What passes between ampoule-agent (root) and ampoule-helper (the calling user's uid, gid and groups).
 *
 * The helper is where paths of a user are opened, so that the kernel judges them by the user's rights.
 * A SOCK_SEQPACKET pair, the helper's end is descriptor AGENT_HELPER_FD. One answer per request, in order;
 * the helper exits when its socket ends, or at a request that is none. */
#ifndef AGENT_HELPER_H
#define AGENT_HELPER_H

#include <stdint.h>

#include "microvisor/delta.h"
#include "microvisor/microvisor.h"

enum {
	AGENT_HELPER_FD = 3,
	AGENT_HELPER_PLACES_MAX = 2 * MV_SHARES_MAX, /* and the folders that some lie in */
	AGENT_SAVE_FDS_MAX = 4
};

enum agent_helper_type {
	AGENT_HELPER_OPEN = 1, /* struct agent_helper_open */
	AGENT_HELPER_SAVE      /* struct agent_helper_save and descriptors */
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

/* What is saved, and what comes with the request. */
enum {
	AGENT_SAVE_FOLDER = 1, /* a folder is made; no content */
	AGENT_SAVE_PLAIN = 2,  /* the content is a plain file, not a delta */
	AGENT_SAVE_BEFORE = 4, /* the version before is to be kept: there is a file for it */
	AGENT_SAVE_OVER =
		8, /* whatever version is there is replaced, not only the one the task saw */
	AGENT_SAVE_ELSEWHERE =
		16, /* path is not where the file belongs: nothing may be there, and the
				      original is below the folder that comes for it */
	AGENT_SAVE_FLAGS = 31
};

/* Save one file, as the user. Descriptors, in this order: the folder that path is below (O_PATH); the content
 * (not for a folder); with AGENT_SAVE_BEFORE an empty file, written by the helper; with AGENT_SAVE_ELSEWHERE the
 * folder that origin is below. Paths are relative, canonical, NUL-terminated. The delta itself tells what has to be
 * at path. */
struct agent_helper_save {
	uint32_t type;
	uint32_t flags;
	uint32_t mode; /* permissions of a folder, or of plain content that is new */
	uint32_t reserved;
	int64_t mtime_ns; /* of plain content; 0: now */
	char path[MV_PATH_MAX];
	char origin[MV_PATH_MAX]; /* with AGENT_SAVE_ELSEWHERE; else "" */
	char beside
		[256]; /* the name in the same folder that is taken when something else is at path; "":
			     then nothing is saved */
};

/* What became of it. */
enum agent_saved {
	AGENT_SAVED = 1,
	AGENT_SAVED_BESIDE, /* something else is at path: both are there */
	AGENT_SAVED_NOT     /* error and step say why; what was there is as it was */
};

/* Where it failed. The order is that of the work. */
enum agent_save_step {
	AGENT_SAVE_REQUEST = 1, /* the request or the delta is not as described */
	AGENT_SAVE_PARENT,      /* its folder cannot be reached */
	AGENT_SAVE_TARGET,      /* what is there is no file that the user may replace */
	AGENT_SAVE_CHANGED,     /* something else is there, and no other name was free */
	AGENT_SAVE_BASE,        /* the original that the delta counts on has changed */
	AGENT_SAVE_TEMPORARY,
	AGENT_SAVE_WRITE,
	AGENT_SAVE_ATTRIBUTES, /* owner, group, mode or ACL cannot be kept */
	AGENT_SAVE_KEEP,       /* the version before cannot be kept */
	AGENT_SAVE_PUBLISH
};

struct agent_helper_saved {
	uint32_t type;
	uint32_t outcome; /* enum agent_saved */
	uint32_t error;   /* errno */
	uint32_t step;    /* enum agent_save_step; 0 when saved */
	uint64_t bytes;
	/* Of the version before, when it was kept. */
	uint32_t before; /* 1: it is in the file that came for it, whole and on disk */
	uint32_t before_mode;
	int64_t before_mtime_ns;
};

#endif
