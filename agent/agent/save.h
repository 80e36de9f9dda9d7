/* What happens when a micro-VM with a store has ended: its changes are listed, saved, asked about or kept, and its
 * user told; only then does his command end.
 *
 * A save goes on when its client goes, without asking anybody; it ends with the agent, and then all that was not
 * saved is kept. The agent's thread. */
#ifndef AGENT_AGENT_SAVE_H
#define AGENT_AGENT_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent/saving.h"
#include "agent/socket.h"

struct agent;
struct agent_session;
struct agent_vm;

struct agent_save {
	struct agent_save *next;
	struct agent *agent;
	struct agent_session *session; /* NULL when its client went */
	struct agent_saving saving;
	uint32_t end; /* of the micro-VM */
	uint32_t detail;
	bool is_restore; /* the user brings all back, long after the end */
	bool can_ask;
	bool waiting;     /* for the helper, or for an answer */
	bool looping;     /* agent_save's own loop runs */
	bool interrupted; /* nothing more is saved */
	uint32_t for_all; /* enum agent_answer that stands for all others; 0 */
	size_t at;        /* in the changes */
	size_t done;
	size_t total; /* to be saved or asked about */
	uint64_t told_ms;
};

/* Fills what becomes of each change by the policy now in force; without one nothing is saved. Pure but for that. */
void agent_save_decide(struct agent *agent, const struct agent_vm *vm, struct agent_kept *kept);
/* The micro-VM's process is gone. Tells the session of the end, now or when all is saved. */
void agent_save_begin(struct agent_vm *vm, struct agent_session *session);
/* Saves all that is kept of the session's user's micro-VM, and answers with a listing. -errno with the text in err:
 * the session was not answered. */
int agent_save_restore(struct agent_session *session, const char *id, struct err *err) must_check;
/* The user's answer to what he was asked. An answer to nothing is ignored. */
void agent_save_answer(struct agent_save *save, uint32_t answer);
/* The user wants it to end: what is under way is finished, the rest kept. */
void agent_save_interrupt(struct agent_save *save);
/* Its client is gone. */
void agent_save_leave(struct agent_save *save);

/* Whether what is kept of this micro-VM is being saved. */
bool agent_save_is_busy(const struct agent *agent, const char *id);
/* Ends all, at the end of the agent. */
void agent_saves_release(struct agent *agent);

#endif
