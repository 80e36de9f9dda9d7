/* Whether the host has memory for one more micro-VM. The agent's thread. */
#ifndef AGENT_AGENT_MEMORY_H
#define AGENT_AGENT_MEMORY_H

#include "common/cleanup.h"
#include "common/err.h"

/* What agent_memory_admit() reads, save in tests. */
#define AGENT_MEMINFO "/proc/meminfo"

/* 0, or -ENOMEM with what is left and what is kept free, when the host (MemAvailable) or a cgroup on the
 * way to `cgroup` ("" for none; it and the one above it) has no room for the start of another: running
 * micro-VMs then keep what they have. A file that cannot be read limits nothing. */
int agent_memory_admit(const char *meminfo, const char *cgroup, struct err *err) must_check;

/* Makes the agent one of the last that the kernel kills when memory is short; its children start with a
 * score of their own (spawn.h). -1 with errno. */
int agent_memory_protect_self(void) must_check;

#endif
