/* One kept micro-VM, as it lies on disk: what it changed and is not saved, what was saved, and the versions that
 * were replaced by it. The agent's thread.
 *
 * What became of a change is written down before the change itself goes: a crash between leaves it listed twice,
 * never lost. */
#ifndef AGENT_AGENT_KEPT_H
#define AGENT_AGENT_KEPT_H

#include <stddef.h>
#include <stdint.h>

#include "agent/agent/changes.h"
#include "agent/agent/deltas.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_OUTCOME_MAGIC = 0x4f4d4141, /* "AAMO" */
	AGENT_OUTCOMES_MAX = 65536,
	AGENT_OUTCOMES_BYTES_MAX = 64 << 20
};

/* On disk, the path behind it. */
struct agent_outcome {
	uint32_t magic;
	uint32_t path_bytes;
	uint8_t kind; /* enum agent_change_kind */
	uint8_t fate; /* AGENT_FATE_SAVED or AGENT_FATE_BESIDE */
	uint16_t reserved;
	uint32_t before; /* number of the version before in before/; 0: none */
	uint32_t before_mode;
	uint32_t padding;
	int64_t before_mtime_ns;
	uint64_t bytes;
	uint64_t time_ns;
};

struct agent_kept_outcome {
	struct agent_outcome what;
	char *path; /* owned */
};

struct agent_kept {
	int folder; /* owned; -1 */
	int store;  /* owned; -1: there is none */
	struct agent_delta_meta meta;
	struct agent_changes changes;
	struct agent_kept_outcome *outcomes; /* owned, in the order of time */
	size_t outcome_count;
	int outcomes_fd; /* owned; -1 until something is added */
	uint32_t before; /* the last number that is taken */
};

/* Opens and reads it. -ENOENT: the user has none of this id. -errno with the text in err. Release it with
 * agent_kept_close(), also on error. */
int agent_kept_open(struct agent_kept *kept, const struct agent_deltas *deltas, uid_t uid,
		    const char *id, struct err *err) must_check;
void agent_kept_close(struct agent_kept *kept);

/* Makes an empty file for a version before, for writing; the caller owns it. -errno. */
int agent_kept_make_before(struct agent_kept *kept, uint32_t *ret_number) must_check;
/* Removes one that was not used. */
void agent_kept_drop_before(struct agent_kept *kept, uint32_t number);
/* Opens a version before for reading. -errno. */
int agent_kept_open_before(const struct agent_kept *kept, uint32_t number) must_check;
/* The newest saved version of this path whose version before is kept; NULL. */
const struct agent_outcome *agent_kept_find_before(const struct agent_kept *kept, const char *path);

/* A change was saved: writes that down, on disk, and lets its delta go. -errno: it stays listed as not saved. */
int agent_kept_saved(struct agent_kept *kept, struct agent_changed *changed,
		     const struct agent_outcome *outcome) must_check;

/* Writes down a version that replaced another for the user's own reasons. -errno. */
int agent_kept_note(struct agent_kept *kept, const char *path,
		    const struct agent_outcome *outcome) must_check;
/* How many files with content are not saved. */
size_t agent_kept_unsaved(const struct agent_kept *kept);
/* Whether nothing of it could be brought back by anybody. */
bool agent_kept_is_empty(const struct agent_kept *kept);
/* Appends the head, what is not saved, and what was. -ENOMEM. */
int agent_kept_list(const struct agent_kept *kept, uint64_t grace_ns, struct buf *out) must_check;

#endif
