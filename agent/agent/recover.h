/* What users ask of the stores of their micro-VMs: what is in one that runs, what is kept of those that ended, that it
 * be destroyed. Each is answered to the session at once. The agent's thread. */
#ifndef AGENT_AGENT_RECOVER_H
#define AGENT_AGENT_RECOVER_H

#include "agent/agent/session.h"

struct agent_vm;

/* What the running micro-VM changed so far, and what the policy now in force would make of it. */
void agent_recover_review(struct agent_session *session, const struct agent_vm *vm);
/* What is kept of the user's micro-VM with this id; of all with "". */
void agent_recover_list(struct agent_session *session, const char *id);
void agent_recover_destroy(struct agent_session *session, const char *id);

#endif
