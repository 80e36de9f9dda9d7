/* The task: one process and its descendants, with pipes for stdio. */
#ifndef INIT_TASK_H
#define INIT_TASK_H

#include <sys/types.h>

#include "golden-image/message/fault.h"
#include "golden-image/message/launch.h"

struct task {
	pid_t pid;  /* also its session and process group */
	int fds[3]; /* init's ends of its stdin, stdout and stderr: owned by the caller, O_CLOEXEC */
};

/* Executes the task; returns when execve() has succeeded. On failure nothing is left over: -errno and
 * the reason, ENOENT and EACCES being those of execve(). */
int task_start(const struct launch *launch, struct task *out, struct fault *fault)
	__attribute__((warn_unused_result));

#endif
