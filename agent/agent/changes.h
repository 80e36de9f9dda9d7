/* What one micro-VM changed, read from its store (microvisor/delta.h), in the order of its paths.
 *
 * The store is hostile: the walk goes one name at a time, follows nothing, and is bounded in depth, number and the
 * bytes of names. A store that a micro-VM is still writing may be read; so may it be changed between two reads.
 * The agent's thread. */
#ifndef AGENT_AGENT_CHANGES_H
#define AGENT_AGENT_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/listing.h"
#include "common/cleanup.h"

enum {
	AGENT_CHANGES_MAX = 65536,
	AGENT_CHANGES_DEPTH_MAX = 100, /* a descriptor each */
	AGENT_CHANGES_NAMES_MAX = 16 << 20
};

struct agent_changed {
	struct agent_change what; /* its path is owned */
	uint32_t mode;            /* of a new folder */
};

struct agent_changes {
	struct agent_changed *list; /* owned */
	size_t count;
	size_t names_bytes;
	bool cut; /* there is more than the limits let in */
};

/* Walks the tree of a store, of which this is the folder. -ENOMEM, or the errno of reading; what has been read is
 * in the list all the same. Release it with agent_changes_release(). */
int agent_changes_read(struct agent_changes *changes, int store_fd) must_check;
void agent_changes_release(struct agent_changes *changes);

/* The change at this host path; NULL. */
struct agent_changed *agent_changes_find(const struct agent_changes *changes, const char *path);
/* Opens the delta of a changed or new file for reading; the caller owns it. -errno. */
int agent_changes_open(int store_fd, const char *path) must_check;

#endif
