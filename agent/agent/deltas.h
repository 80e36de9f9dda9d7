/* The stores of changes of all micro-VMs, below deltas/ of the state folder: made before one starts, kept for the
 * grace time after it has ended, then destroyed.
 *
 *	deltas/UID/ID/meta        what the agent says of the micro-VM (struct agent_delta_meta)
 *	deltas/UID/ID/store/tree  what the micro-VM wrote (microvisor/delta.h): its uid's while it runs
 *	deltas/UID/ID/before/N    versions that were replaced when something was saved
 *	deltas/UID/ID/outcomes    what became of changes (kept.h)
 *	deltas/trash/             what is being destroyed
 *
 * All but store/ is root's alone. A micro-VM reaches its store by one descriptor, a detached mount clone, and no
 * path. The agent's thread; destroying is left to a child, because a guest decides how long it takes. */
#ifndef AGENT_AGENT_DELTAS_H
#define AGENT_AGENT_DELTAS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/agent/loop.h"
#include "agent/agent/options.h"
#include "agent/listing.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_DELTA_MAGIC = 0x4d444141,  /* "AADM" */
	AGENT_DELTA_ENTRIES_MAX = 262144 /* in one store; it counts as full with more */
};

#define AGENT_STORE_BYTES  (UINT64_C(1) << 30)  /* of one micro-VM, without a word of the policy */
#define AGENT_STORES_BYTES (UINT64_C(8) << 30)  /* of all of one user's */
#define AGENT_STORE_WHOLE  (UINT64_C(16) << 20) /* originals up to this are taken over whole */

/* On disk, written by the agent alone. */
struct agent_delta_meta {
	uint32_t magic;
	uint32_t state; /* enum agent_kept_state */
	uint32_t uid;   /* the user's */
	uint32_t reserved;
	uint64_t started_ns;
	uint64_t ended_ns;
	char id[MV_NAME_MAX];
	char task[MV_NAME_MAX];
	char program[256];
};

/* Embedded; zeroed before use. */
struct agent_deltas {
	char folder[AGENT_FOLDER_MAX + 8];
	uint64_t grace_ns;
	struct agent_loop *loop;
	struct agent_child sweeper;
	bool sweep_again; /* something came to the trash while it was at work */
};

/* Makes the folder. Micro-VMs that were running when the last agent ended are incomplete from now on. -errno with
 * the text in err. */
int agent_deltas_open(struct agent_deltas *deltas, const struct agent_options *options,
		      struct agent_loop *loop, struct err *err) must_check;
/* Ends the destroying; the next agent goes on with it. */
void agent_deltas_close(struct agent_deltas *deltas);

/* Makes the store of a micro-VM whose process has this uid and gid, and gives a descriptor for it alone; the caller
 * owns it. -errno with the text in err: nothing is left behind. */
int agent_deltas_make(struct agent_deltas *deltas, const struct agent_delta_meta *meta,
		      uid_t vm_uid, gid_t vm_gid, struct err *err) must_check;
/* The process is gone: takes the store from its uid, and writes down how it ended. -errno. */
int agent_deltas_end(struct agent_deltas *deltas, uid_t uid, const char *id,
		     enum agent_kept_state state) must_check;
/* Out of reach at once, destroyed soon. */
void agent_deltas_remove(struct agent_deltas *deltas, uid_t uid, const char *id);
/* Removes what has been kept for the grace time. */
void agent_deltas_expire(struct agent_deltas *deltas, uint64_t now_ns);

/* Opens the folder of one kept micro-VM, O_DIRECTORY. -ENOENT: the user has none with this id; -errno. */
int agent_deltas_open_one(const struct agent_deltas *deltas, uid_t uid, const char *id) must_check;
/* -EBADMSG: not what we wrote. folder is from agent_deltas_open_one(). */
int agent_deltas_read_meta(int folder, struct agent_delta_meta *ret_meta) must_check;

/* Calls fn with the id of each kept micro-VM of the user. Stops at what is not 0 and returns that. */
typedef int agent_deltas_fn(void *context, uid_t uid, const char *id);
int agent_deltas_each(const struct agent_deltas *deltas, uid_t uid, agent_deltas_fn *fn,
		      void *context) must_check;
/* Bytes on disk of one micro-VM's store; of all of the user's with id NULL. */
uint64_t agent_deltas_bytes(const struct agent_deltas *deltas, uid_t uid, const char *id);

#endif
