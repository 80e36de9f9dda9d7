/* The agent's socket for users, and the quota of connections on it. The agent's thread. */
#ifndef AGENT_AGENT_LISTENER_H
#define AGENT_AGENT_LISTENER_H

#include <sys/types.h>

#include "agent/agent/loop.h"
#include "agent/agent/session.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	/* A running task is a connection: besides those, for `ls`, `stop`, `status`. */
	AGENT_SESSIONS_SPARE_PER_USER = 16,
	AGENT_SESSIONS_SPARE = 64
};

struct agent_listener {
	struct agent *agent;
	int fd; /* owned */
	struct agent_watch watch;
	struct agent_session *sessions; /* owned */
};

/* Makes run_dir and the socket in it, open to every user. -errno. */
int agent_listener_start(struct agent_listener *listener, struct agent *agent,
			 struct err *err) must_check;
void agent_listener_stop(struct agent_listener *listener);
/* Frees one session of the list. */
void agent_listener_drop(struct agent_listener *listener, struct agent_session *session);

#endif
