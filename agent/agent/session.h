/* One client of the agent's socket: its uid from the kernel, its one request, its micro-VM.
 *
 * Functions that tell a client accept NULL: he may have gone. A client that does not read is dropped; its
 * micro-VM ends with it. The agent's thread. */
#ifndef AGENT_AGENT_SESSION_H
#define AGENT_AGENT_SESSION_H

#include <stdint.h>
#include <sys/types.h>

#include "agent/agent/loop.h"
#include "common/cleanup.h"

struct agent;
struct agent_change;
struct agent_save;
struct agent_restore;
struct agent_vm;

struct agent_session {
	struct agent_session *next;
	struct agent *agent;
	int fd; /* owned */
	uid_t uid;
	struct agent_watch watch;
	struct agent_vm *vm;           /* borrowed; the one that this client started */
	struct agent_save *save;       /* borrowed; what saves its changes, when it has ended */
	struct agent_restore *restore; /* borrowed; what this client asked for */
	int failed;                    /* he cannot be told anything more */
};

/* Serves a connection; takes fd, also on error. -errno. */
int agent_session_new(struct agent *agent, int fd, uid_t uid,
		      struct agent_session **ret) must_check;
/* Closes it and ends its micro-VM. */
void agent_session_free(struct agent_session *session);

void agent_session_refuse(struct agent_session *session, uint32_t exit_status, const char *text);
void agent_session_progress(struct agent_session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void agent_session_notice(struct agent_session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void agent_session_vm_state(struct agent_session *session, struct agent_vm *vm);
/* The micro-VM has ended, and all that was to be done about it is. end, detail: as in MV_MSG_EXIT. */
void agent_session_exited(struct agent_session *session, const char *id, uint32_t end,
			  uint32_t detail);
/* A list of changes, as a sealed memfd; fd is borrowed. */
void agent_session_listing(struct agent_session *session, int fd);
/* Asks whether the change is to be saved. */
void agent_session_ask(struct agent_session *session, const struct agent_change *change);
void agent_session_saving(struct agent_session *session, uint32_t done, uint32_t total);
/* An answer without items is complete. */
void agent_session_done(struct agent_session *session);

#endif
