/* What a micro-VM changed and what becomes of it, as a list of any length: made by the agent, shown by `ampoule`.
 *
 * It goes over the agent's socket as a sealed memfd, so that neither waits for the other. A list is heads, one per
 * micro-VM, each with its changes behind it. Any thread. */
#ifndef AGENT_LISTING_H
#define AGENT_LISTING_H

#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/rd.h"
#include "microvisor/arbiter/access.h"

enum {
	AGENT_LISTING_BYTES_MAX = 256 << 20
};

enum agent_change_kind {
	AGENT_CHANGE_CHANGED = 1, /* a file of the host's */
	AGENT_CHANGE_NEW,
	AGENT_CHANGE_FOLDER,  /* a new one */
	AGENT_CHANGE_LINK,    /* a new symbolic link */
	AGENT_CHANGE_DELETED, /* deleted or moved away, for the task; the host's is as it was */
	AGENT_CHANGE_DAMAGED, /* cannot be read */
	AGENT_CHANGE_KINDS
};

/* What becomes of a change, or became. */
enum agent_fate {
	AGENT_FATE_SAVE = 1, /* it is to be saved */
	AGENT_FATE_ASK,      /* the user is to be asked */
	AGENT_FATE_KEEP,     /* it is not saved: kept out of sight for the grace time */
	AGENT_FATE_SAVED,
	AGENT_FATE_BESIDE, /* saved under another name: the host's own has changed */
	AGENT_FATES
};

/* Why it is not saved. */
enum agent_reason {
	AGENT_REASON_NONE,
	AGENT_REASON_RULE,        /* a rule discards it */
	AGENT_REASON_NO_RULE,     /* no rule is about it */
	AGENT_REASON_MAX,         /* it is larger than the rule lets out */
	AGENT_REASON_NAME,        /* a name with a dot or a starter, which no rule names */
	AGENT_REASON_KIND,        /* deletions, links and what cannot be read are never saved */
	AGENT_REASON_INCOMPLETE,  /* the micro-VM did not end by itself */
	AGENT_REASON_NOBODY,      /* nobody was there to be asked */
	AGENT_REASON_USER,        /* the user said no */
	AGENT_REASON_INTERRUPTED, /* the user ended the saving */
	AGENT_REASON_FAILED,      /* step and error say how */
	AGENT_REASONS
};

struct agent_change {
	uint8_t kind;
	uint8_t fate;
	uint8_t reason;
	uint8_t before; /* 1: the version before is kept */
	uint32_t step;  /* enum agent_save_step */
	uint32_t error; /* errno */
	uint64_t bytes;
	char rule[MV_NAME_MAX];
	const char *path; /* borrowed; NUL-terminated; bytes that the guest chose */
};

/* How far a micro-VM is. */
enum agent_kept_state {
	AGENT_KEPT_RUNNING = 1,
	AGENT_KEPT_COMPLETE,   /* its task ended; all is as it left it */
	AGENT_KEPT_INCOMPLETE, /* it was killed, crashed, or ran out of time */
	AGENT_KEPT_STATES
};

struct agent_kept_head {
	uint32_t state;
	uint32_t changes; /* that follow */
	uint64_t started_ns;
	uint64_t ended_ns;
	uint64_t until_ns; /* what is not saved is destroyed then */
	char id[MV_NAME_MAX];
	char task[MV_NAME_MAX];
	char program[256];
};

int agent_listing_put_head(struct buf *out, const struct agent_kept_head *head) must_check;
int agent_listing_put(struct buf *out, const struct agent_change *change) must_check;

/* Reads the next item: 1 for a head, 2 for a change, which borrows from the bytes, 0 at the end. -EBADMSG. */
int agent_listing_next(struct rd *rd, struct agent_kept_head *head,
		       struct agent_change *change) must_check;

#endif
