/* One kept micro-VM with what saves from it: its changes and replaced versions, the user's folders, his helper.
 * The agent's thread. Life: init, one save after the other, release. */
#ifndef AGENT_AGENT_SAVING_H
#define AGENT_AGENT_SAVING_H

#include "agent/agent/bases.h"
#include "agent/agent/kept.h"
#include "agent/agent/saver.h"

typedef void agent_saving_done(void *context);

struct agent_saving {
	struct agent_kept kept;
	struct agent_bases bases;
	struct agent_saver saver;
	struct agent_account account;
	/* Under way. */
	struct agent_changed *wanted; /* NULL: nothing */
	struct agent_changed *now;    /* the same, or a folder on the way to it */
	uint32_t before;              /* number of the file for the version before; 0: none */
	agent_saving_done *on_done;
	void *context;
};

/* Where to, when not to its place. */
struct agent_saving_place {
	int folder; /* borrowed, O_PATH, from the user */
	const char *name;
};

/* Opens what is kept of the user's micro-VM. -ENOENT, -errno with the text in err. Needs a release on success. */
int agent_saving_init(struct agent_saving *saving, const struct agent_deltas *deltas,
		      struct agent_loop *loop, const char *bin_dir,
		      const struct agent_account *account, const char *id,
		      struct err *err) must_check;
/* Ends the helper; on_done is not called any more. */
void agent_saving_release(struct agent_saving *saving);

/* Saves one change, and first the new folders it lies in. Its fate, reason, step and error are filled and written
 * down when on_done is called, which may be before this returns. place: NULL for where it belongs; what is saved
 * elsewhere stays listed. */
void agent_saving_start(struct agent_saving *saving, struct agent_changed *wanted,
			const struct agent_saving_place *place, agent_saving_done *on_done,
			void *context);

/* Puts a version before back, over what is there now, which is kept in its turn; or elsewhere. on_saved as from the
 * saver. -errno with the text in err: it is not called. */
int agent_saving_put_back(struct agent_saving *saving, const struct agent_outcome *outcome,
			  const char *path, const struct agent_saving_place *place,
			  agent_on_saved *on_saved, void *context, struct err *err) must_check;

#endif
