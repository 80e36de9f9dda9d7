/* One ampoule-helper that saves, as the user, one file after the other. The agent's thread; it never waits for it.
 *
 * A helper that does not answer in time is killed, and so is one that answers what was not asked; the file counts
 * as not saved, and the next one gets another helper. */
#ifndef AGENT_AGENT_SAVER_H
#define AGENT_AGENT_SAVER_H

#include <stdbool.h>

#include "agent/agent/account.h"
#include "agent/agent/loop.h"
#include "agent/helper.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_SAVER_LIMIT_MS = 600000 /* one file may be large, and its disk slow */
};

typedef void agent_on_saved(void *context, const struct agent_helper_saved *saved);

/* Embedded; zeroed before use. */
struct agent_saver {
	struct agent_loop *loop;
	const char *bin_dir;                 /* borrowed */
	const struct agent_account *account; /* borrowed */
	bool running;
	int sock; /* owned, while running */
	struct agent_watch watch;
	struct agent_timer timer;
	struct agent_child child;
	agent_on_saved *on_saved; /* NULL: nothing is under way */
	void *context;
};

/* Asks for one save; on_saved is called once, later. Descriptors are borrowed. -EBUSY: one is under way; -errno
 * with the text in err: on_saved is not called. */
int agent_saver_save(struct agent_saver *saver, const struct agent_helper_save *request,
		     const int *fds, size_t nfds, agent_on_saved *on_saved, void *context,
		     struct err *err) must_check;
/* Ends the helper; on_saved is not called any more. */
void agent_saver_release(struct agent_saver *saver);

#endif
