/* All micro-VMs of this agent, running and lately ended, and the quotas on them. The agent's thread. */
#ifndef AGENT_AGENT_VMS_H
#define AGENT_AGENT_VMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/agent/options.h"
#include "agent/agent/vm.h"

enum {
	AGENT_ENDED_PER_USER = 16,
	AGENT_ENDED_KEEP_MS = 3600 * 1000,
	AGENT_STARTING_SPARE = 1 /* micro-VMs that start at once, besides one for each CPU */
};

/* Embedded; zeroed before use. */
struct agent_vms {
	struct agent_vm *first;        /* owned, newest first */
	struct agent_timer next_timer; /* one that waits for its turn may start */
	unsigned max;                  /* running at once, at most AGENT_VMS_MAX */
	unsigned per_user;             /* of those */
};

/* A free slot, or -EBUSY with the reason when the user or the machine has enough running. */
int agent_vms_admit(const struct agent_vms *vms, uid_t uid, struct err *err) must_check;
/* For the next micro-VM: above those of all that run, so that the newest goes first when memory ends. */
int agent_vms_oom_score(const struct agent_vms *vms);
/* A micro-VM that starts is waited for by its user: what is made in the background comes after it. */
bool agent_vms_is_any_starting(const struct agent_vms *vms);
/* Whether another process may start now. What starts needs a CPU all the time: beyond one each they only delay
 * each other, and the first is ready when the last is. */
bool agent_vms_may_start(const struct agent_vms *vms);
/* Whose turn is next: of those that wait the one that came first; NULL: nobody. */
struct agent_vm *agent_vms_next(const struct agent_vms *vms);
void agent_vms_add(struct agent_vms *vms, struct agent_vm *vm);
/* The user's micro-VM with this id; NULL for somebody else's as for none. */
struct agent_vm *agent_vms_find(const struct agent_vms *vms, uid_t uid, const char *id);
size_t agent_vms_running(const struct agent_vms *vms, uid_t uid);
/* Frees ended ones that are too old or too many. */
void agent_vms_expire(struct agent_vms *vms, uint64_t now_ms);
/* Ends and frees all. */
void agent_vms_release(struct agent_vms *vms);

#endif
