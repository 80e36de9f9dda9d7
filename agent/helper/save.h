/* Saves one file of a task with the calling user's rights (agent/helper.h). One thread.
 *
 * What was at its place stays whole until the new file, written and on disk, takes its name in one step; what a
 * kill or a power cut leaves is the old version or the new one. */
#ifndef AGENT_HELPER_SAVE_H
#define AGENT_HELPER_SAVE_H

#include <stddef.h>

#include "agent/helper.h"

/* Does it, and fills the reply. fds are borrowed. */
void helper_save(const struct agent_helper_save *request, const int *fds, size_t nfds,
		 struct agent_helper_saved *reply);

#endif
