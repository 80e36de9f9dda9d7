/* Opens places of a view as the user, through ampoule-helper, without waiting for him.
 *
 * One opener serves one launch. It calls on_done once, when every place was answered, the helper ended, or
 * the time limit passed; a place not answered counts as failed. The agent's thread. */
#ifndef AGENT_AGENT_OPENER_H
#define AGENT_AGENT_OPENER_H

#include <stddef.h>

#include "agent/agent/account.h"
#include "agent/agent/loop.h"
#include "agent/helper.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_OPENER_LIMIT_MS = 10000
};

typedef void agent_on_opened(void *context);

struct agent_opened_place {
	bool folder;
	bool base; /* not of the view: a folder that something may be saved in */
	int fd;    /* owned; -1 when error is set */
	int error; /* errno */
	char path[MV_PATH_MAX];
};

/* Embedded; zeroed before use. */
struct agent_opener {
	size_t count;
	struct agent_opened_place *places; /* owned by the opener, count of them */
	size_t answered;
	int sock;
	struct agent_watch watch;
	struct agent_timer timer;
	struct agent_child child;
	agent_on_opened *on_done;
	void *context;
};

/* Adds a place before the start. -ENOSPC at AGENT_HELPER_PLACES_MAX, -ENOMEM. */
int agent_opener_add(struct agent_opener *opener, const char *path, bool folder) must_check;
/* Adds a folder that is not of the view; one that is there already is enough. */
int agent_opener_add_base(struct agent_opener *opener, const char *path) must_check;
/* Starts the helper for what was added. -errno. */
int agent_opener_start(struct agent_opener *opener, struct agent_loop *loop, const char *bin_dir,
		       const struct agent_account *account, agent_on_opened *on_done, void *context,
		       struct err *err) must_check;
/* Ends the helper and closes every descriptor not taken. */
void agent_opener_release(struct agent_opener *opener);

#endif
