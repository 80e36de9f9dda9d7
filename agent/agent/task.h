/* Which task of the policy a request is: the first one that matches, with the image that has its program; when
 * none does, the policy's default_task.
 * The agent's thread. */
#ifndef AGENT_AGENT_TASK_H
#define AGENT_AGENT_TASK_H

#include <stddef.h>

#include "agent/agent/images.h"
#include "agent/agent/policies.h"
#include "agent/agent/request.h"
#include "common/cleanup.h"
#include "common/err.h"

struct agent_task {
	size_t index;            /* in the policy */
	struct policy_task task; /* borrowed from the policy */
	struct manifest manifest;
	char program[MV_PATH_MAX]; /* guest path after symlinks */
};

/* -ENOENT: no image has the program; -EAGAIN: an image that may have it is not here yet; -EACCES: the
 * policy has no task for it, or there is no policy; -EINVAL: the task asks for a shape its image does not
 * have. The text says which, and what to do. */
int agent_task_find(struct agent_policies *policies, const struct agent_images *images,
		    const struct agent_identity *identity, const struct agent_request *request,
		    struct agent_task *out, struct err *err) must_check;

#endif
