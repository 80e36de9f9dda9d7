/* Compiled tables as the microvm gets them: sealed memfds. The agent's thread. */
#ifndef AGENT_AGENT_TABLE_H
#define AGENT_AGENT_TABLE_H

#include "agent/agent/policies.h"
#include "agent/agent/request.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

/* The index of a task in the policy in force, -ENOENT when it has none of that id. */
int agent_table_find_task(const struct agent_policies *policies, const char *task_id) must_check;
/* Compiles the policy in force for one running request. -ENOENT: its task is gone; -errno. */
int agent_table_compile(struct agent_policies *policies, const char *task_id,
			const struct agent_request *request, const char *program, struct buf *out,
			struct err *err) must_check;
/* A table without rules that denies everything, for a micro-VM whose task the policy no longer has. */
int agent_table_deny_all(const struct agent_policies *policies, const char *task_id,
			 struct buf *out) must_check;

#endif
