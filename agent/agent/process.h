/* The process of one micro-VM, in its jail: the same for a task, a shell and a template's maker. The agent's thread. */
#ifndef AGENT_AGENT_PROCESS_H
#define AGENT_AGENT_PROCESS_H

#include "agent/agent/cgroups.h"
#include "common/cleanup.h"
#include "common/err.h"

struct agent;

struct agent_process {
	unsigned
		uid_slot; /* its uid is AGENT_VM_UID_FIRST + uid_slot, its gids begin at its own share of them */
	size_t group_count; /* supplementary, at most AGENT_GROUPS_MAX */
	const char *cgroup; /* the name of its cgroup, made here; NULL: it has none of its own */
	struct agent_cgroup_limits limits; /* of that */
	int oom_score;
};

/* Starts ampoule-microvm; ret_control is our end of its control socket, which blocks. -errno: nothing runs; a cgroup
 * that was made stays: agent_cgroups_remove() is for whoever named it. */
int agent_process_start(struct agent *agent, const struct agent_process *process, pid_t *ret_pid,
			int *ret_control, struct err *err) must_check;

#endif
