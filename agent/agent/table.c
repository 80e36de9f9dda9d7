#include "agent/agent/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "microvisor/arbiter/policy.h"

int agent_table_find_task(const struct agent_policies *policies, const char *task_id)
{
	struct policy_task task;

	for (size_t i = 0; policies->policy && i < policy_task_count(policies->policy); i++) {
		policy_task_at(policies->policy, i, &task);
		if (strcmp(task.id, task_id) == 0)
			return (int)i;
	}
	return -ENOENT;
}

int agent_table_compile(struct agent_policies *policies, const char *task_id,
			const struct agent_request *request, const char *program, struct buf *out,
			struct err *err)
{
	struct policy_request facts;
	int index = agent_table_find_task(policies, task_id);

	if (index < 0)
		return err_set(err, index, "the policy in force has no task '%s'", task_id);
	agent_request_facts(request, program, &facts);
	agent_policies_facts(policies, &facts);
	int r = policy_compile(policies->policy, (size_t)index, &facts, policies->serial, out);

	if (r < 0)
		return err_set(err, r, "cannot compile the policy for task '%s': %s", task_id,
			       strerror(-r));
	return 0;
}

int agent_table_deny_all(const struct agent_policies *policies, const char *task_id,
			 struct buf *out)
{
	static const uint32_t no_patterns = 0; /* in the one bucket of the index */
	struct mv_table_header header = {.magic = MV_TABLE_MAGIC,
					 .total_bytes = sizeof(header) + sizeof(no_patterns),
					 .bucket_count = 1,
					 .serial = policies->serial};

	(void)snprintf(header.policy_id, sizeof(header.policy_id), "%s", policies->id);
	(void)snprintf(header.task_id, sizeof(header.task_id), "%s", task_id);
	memset(header.fallback + 1, MV_DENY, sizeof(header.fallback) - 1);
	int r = buf_put(out, &header, sizeof(header));

	return r < 0 ? r : buf_put(out, &no_patterns, sizeof(no_patterns));
}
