/* One file that a micro-VM changed or made, read from its delta (microvisor/delta.h says what lies where).
 *
 * Every byte of a delta is hostile: whoever owns the micro-VM wrote it. Here it is checked, bounded, and laid over
 * the bytes of the original. Used by the agent, which looks at headers only, and by ampoule-helper, which has no
 * more rights than the user. One thread at a time. */
#ifndef AGENT_DELTA_H
#define AGENT_DELTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "microvisor/delta.h"

/* A checked file; plain data. */
struct agent_delta {
	int fd;    /* borrowed */
	bool gone; /* the task deleted or moved what the host has here; there is no content */
	uint64_t size;
	int64_t mtime_ns;
	struct mv_delta_header header;
};

/* Where a run of bytes of the file comes from. */
enum agent_delta_source {
	AGENT_DELTA_HERE, /* from the delta; its holes are zeros */
	AGENT_DELTA_BASE  /* from the original */
};

struct agent_delta_run {
	enum agent_delta_source source;
	uint64_t at;
	uint64_t bytes; /* 0: the file has ended */
};

/* Reads and checks the header. -EBADMSG: it is no regular file or not as described; -errno. fd is borrowed. */
int agent_delta_init(struct agent_delta *delta, int fd) must_check;

/* The run that begins at byte `at`. -errno of reading the bitmap. */
int agent_delta_run(const struct agent_delta *delta, uint64_t at,
		    struct agent_delta_run *ret_run) must_check;

/* Writes the whole file into the empty file out. base: the original, -1 when base_bytes is 0. -ESTALE: the
 * original is shorter than it was; -errno of reading or writing. */
int agent_delta_write(const struct agent_delta *delta, int base, int out) must_check;

/* Copies n bytes at `at` of one file to the same place of another, by the kernel where it can. -ESTALE: from ends
 * before. */
int agent_copy_range(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t n) must_check;

/* Whether the file is the one that was noted, and unchanged since. */
bool agent_delta_is_original(const struct mv_original *noted, const struct stat *st);

#endif
