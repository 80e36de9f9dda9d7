#include "agent/agent/process.h"

#include <limits.h>
#include <stdio.h>

#include "agent/agent/agent.h"
#include "agent/agent/spawn.h"

int agent_process_start(struct agent *agent, const struct agent_process *process, pid_t *ret_pid,
			int *ret_control, struct err *err)
{
	gid_t gid_first = AGENT_VM_UID_FIRST + process->uid_slot * AGENT_GROUPS_MAX;
	gid_t groups[AGENT_GROUPS_MAX];
	char jail[PATH_MAX];
	char cgroup[PATH_MAX] = "";

	for (size_t i = 0; i < process->group_count; i++)
		groups[i] = gid_first + (gid_t)i;
	(void)snprintf(jail, sizeof(jail), "%s/root",
		       agent->options.run_dir); /* AGENT_FOLDER_MAX */
	int r = process->cgroup ? agent_cgroups_make(&agent->cgroups, process->cgroup,
						     &process->limits, cgroup, err)
				: 0;

	if (r < 0)
		return r;
	const struct agent_spawn spawn = {.folder = agent->options.bin_dir,
					  .name = "ampoule-microvm",
					  .uid = AGENT_VM_UID_FIRST + process->uid_slot,
					  .gid = gid_first,
					  .group_count = process->group_count,
					  .groups = groups,
					  .jail = jail,
					  .cgroup = cgroup[0] ? cgroup : NULL,
					  .oom_score = process->oom_score};

	return agent_spawn_connected(&spawn, ret_pid, ret_control, err);
}
