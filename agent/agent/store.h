/* The store of changes of one micro-VM while it lives: whether it gets one, how much it may hold, and that it keeps to
 * it. The agent's thread. */
#ifndef AGENT_AGENT_STORE_H
#define AGENT_AGENT_STORE_H

#include <stdint.h>

#include "agent/agent/vm.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_STORE_LOOK_MS = 10000
};

/* Makes the store when the compiled policy lets the task write at all, and fills what the start message says of it:
 * a descriptor for the microvm, owned by the caller, or -1. quota_bytes: the policy's, 0: none. A user without room
 * is told, and his task can write nothing. -errno with the text in err. */
int agent_store_make(struct agent_vm *vm, const struct buf *table, uint64_t quota_bytes,
		     struct mv_start *start, int *ret_fd, struct err *err) must_check;
/* The folders that what the task writes may be saved in are opened together with the places of its view. -errno. */
int agent_store_plan(struct agent_vm *vm, const char *path, bool folder) must_check;

/* Looks at the stores of all running micro-VMs: one that holds more than it may belongs to a microvm that fell. */
void agent_store_watch(struct agent *agent);

#endif
