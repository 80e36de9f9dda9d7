/* One file brought back by its user: what a task wrote, or the version that was replaced by it, to its place or to
 * another. It ends with its answer, or with its client. The agent's thread. */
#ifndef AGENT_AGENT_RESTORE_H
#define AGENT_AGENT_RESTORE_H

#include <stddef.h>

#include "agent/agent/session.h"
#include "agent/socket.h"

struct agent_restore;

/* Begins; the session is answered later, by a listing of the one file. fds are borrowed. */
void agent_restore_start(struct agent_session *session, const struct agent_req_restore *request,
			 const int *fds, size_t nfds);
/* Ends it without an answer. */
void agent_restore_free(struct agent_restore *restore);

#endif
