#include "agent/agent/mounts.h"

#include <stdio.h>

#include "common/cleanup.h"

bool agent_mounts_have(uint64_t mount_id)
{
	cleanup_free char *line = NULL;
	size_t cap = 0;
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	if (!file)
		return false;
	while (!found && getline(&line, &cap, file) > 0)
		found = strtoull(line, NULL, 10) == mount_id;
	fclose(file);
	return found;
}
