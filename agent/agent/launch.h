/* Turns a request whose places are open into a running ampoule-microvm. The agent's thread. */
#ifndef AGENT_AGENT_LAUNCH_H
#define AGENT_AGENT_LAUNCH_H

#include "agent/agent/vm.h"
#include "common/cleanup.h"
#include "common/err.h"

/* Collects descriptors, compiles the policy and starts the process. Shares that cannot be made are left
 * out and the client is told. -errno with the text in err: nothing runs. */
int agent_launch(struct agent_vm *vm, struct err *err) must_check;

#endif
