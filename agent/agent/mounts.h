/* The mounts of this process's namespace, by id. Reads /proc/self/mountinfo each time. */
#ifndef AGENT_AGENT_MOUNTS_H
#define AGENT_AGENT_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether a mount id, as statx(2) gives it, is one of this namespace. False when it cannot be read. */
bool agent_mounts_have(uint64_t mount_id);

#endif
