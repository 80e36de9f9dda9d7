/* Which places of the host a micro-VM is shown, before any is opened. The agent's thread. */
#ifndef AGENT_AGENT_PLAN_H
#define AGENT_AGENT_PLAN_H

#include "agent/agent/vm.h"
#include "common/cleanup.h"
#include "common/err.h"

/* What the policy names for this task, user and files, at most MV_SHARES_MAX; the client is told of more. Heap, the
 * caller's. -ENOENT: the policy has no such task any more; -ENOMEM. */
int agent_plan_places(struct agent_vm *vm, struct policy_place **ret_places, size_t *ret_n,
		      struct err *err) must_check;
/* Adds to vm->opener the places of the view that the caller did not hand over himself. -errno. */
int agent_plan(struct agent_vm *vm, struct err *err) must_check;

#endif
