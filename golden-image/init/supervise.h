/* Init's loop while the task runs: stdio, signals from the host, children to reap. */
#ifndef INIT_SUPERVISE_H
#define INIT_SUPERVISE_H

#include "golden-image/init/task.h"
#include "golden-image/message/fault.h"
#include "golden-image/message/frame.h"

/* SIGCHLD as a descriptor: blocked for everything after it. Call before the first fork. -errno. */
int supervise_signals(void) __attribute__((warn_unused_result));
/* Serves the task until it has ended, every other process is dead and its output has left; streams
 * are the host's stdin, stdout and stderr, -1 for one that was refused; both they and task's are
 * taken. The wait status, or -errno when the host has gone or broke the protocol. */
int supervise(int control, int signals, struct frame_reader *reader, const struct task *task,
	      const int streams[3], struct fault *fault) __attribute__((warn_unused_result));

#endif
