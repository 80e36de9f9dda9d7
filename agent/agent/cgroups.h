/* The control groups of the micro-VMs: one each, with limits on memory, processors and threads, in a
 * folder that is this agent's alone. cgroup v2 only; Linux Documentation/admin-guide/cgroup-v2.rst.
 *
 * Where the agent's own cgroup is not the root it must be delegated to it (systemd: Delegate=yes): the
 * agent then moves into a leaf of it. A machine without cgroup v2 and these controllers runs micro-VMs
 * without these limits, and says so. The agent's thread. */
#ifndef AGENT_AGENT_CGROUPS_H
#define AGENT_AGENT_CGROUPS_H

#include <limits.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

/* Embedded; zeroed before use: no cgroups. */
struct agent_cgroups {
	char folder[PATH_MAX]; /* "" where there are none */
	char home
		[PATH_MAX]; /* where the agent was before it moved into the leaf; "" when it did not */
};

struct agent_cgroup_limits {
	uint64_t memory_bytes; /* of the guest; what the microvm itself needs comes on top */
	uint32_t cpus;
};

/* Makes the folder, named for the state folder, and ends and removes what an earlier agent on the same
 * state folder left in it. -errno with the reason: then there are no cgroups, and nothing is changed. */
int agent_cgroups_open(struct agent_cgroups *cgroups, const char *state_dir,
		       struct err *err) must_check;
/* Removes the folder when nothing is left in it, and brings the agent back to where it was. */
void agent_cgroups_close(struct agent_cgroups *cgroups);

/* Makes one with its limits; ret_folder (PATH_MAX) is for agent_spawn(), "" where there are no cgroups.
 * -errno with the reason: a limit that cannot be set is no limit. */
int agent_cgroups_make(const struct agent_cgroups *cgroups, const char *id,
		       const struct agent_cgroup_limits *limits, char *ret_folder,
		       struct err *err) must_check;
/* Removes the one of a micro-VM whose process has ended; whatever else is in it is killed. An id that has
 * none, or is "", is fine. */
void agent_cgroups_remove(const struct agent_cgroups *cgroups, const char *id);

#endif
