/* The task's life, as the machine's main loop sees it: READY, LAUNCH, STARTED, its stdio, EXIT.
 *
 * Created before the first KVM_RUN and served by one thread, the machine's main loop:
 *
 *	struct mv_task *task = mv_task_new(&config);      task answers for the vsock ports from now on
 *	r = mv_task_start(task);                          starts the stdio thread
 *	... poll mv_task_fd(task) for POLLIN, then        mv_task_handle(task);
 *	mv_task_free(task);                               after the vCPUs have stopped
 *
 * The user's descriptors are read and written by one thread of their own, the stdio thread, with plain
 * blocking calls after poll(2): O_NONBLOCK would change the open file that the user's shell shares.
 * So neither the vCPU nor the main loop ever waits for a user's pipe. */
#ifndef MV_GUEST_TASK_H
#define MV_GUEST_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microvisor/arbiter/arbiter.h"
#include "microvisor/microvisor.h"
#include "microvisor/virtio/vsock.h"

struct mv_task_ops {
	/* MV_STATE_READY: the guest waits for its task. MV_STATE_RUNNING: the task was executed. */
	void (*state)(void *machine, enum mv_state state);
	/* The task is over, once: MV_END_TASK (detail = wait status; all output is written),
	 * MV_END_NOT_STARTED (errno in the guest), MV_END_GUEST (the guest broke the protocol or dropped
	 * its control connection; detail 0). The machine ends the micro-VM. From mv_task_handle() only. */
	void (*end)(void *machine, enum mv_end why, uint32_t detail);
	/* First call on the stdio thread, for its name and seccomp filter: it uses read, write, sendto,
	 * poll, close, futex and what ending a thread takes (rt_sigprocmask, madvise, exit); the audit
	 * record's clock and eventfd besides. May be NULL. */
	void (*stdio_thread)(void *machine);
};

struct mv_task_config {
	struct mv_vsock *vsock; /* borrowed */
	const void *launch;     /* borrowed: the launch message, sent as it is */
	size_t launch_bytes;    /* 1..MV_FRAME_BYTES_MAX; 0: a template, which is never launched */
	int fds[3]; /* taken, also on error: the user's stdin, stdout, stderr; -1 = none */
	/* Borrowed. Asked for class STDIO when the guest connects a stream and for each chunk after that:
	 * whatever is not MV_ALLOW ends the stream. Told of incidents of class machine ("bad-control",
	 * "control-lost", "vsock-credit", ...), which may end the micro-VM by the policy. */
	struct mv_arbiter *arbiter;
	const struct mv_exit
		*exit; /* borrowed: the exit being served; read on the vCPU thread only */
	const struct mv_task_ops *ops; /* borrowed */
	void *machine;                 /* context of ops */
};

struct mv_task; /* opaque */

/* NULL when out of memory or descriptors, or when launch_bytes is out of range. */
struct mv_task *mv_task_new(const struct mv_task_config *config);
/* Goes on with the control connection of a guest that was READY when it was parked: calls state(), and
 * the launch message follows. Before the first KVM_RUN. */
void mv_task_resume(struct mv_task *task, bool is_dax);
/* Starts the stdio thread, after everything else of the machine is set up. 0 or -errno. */
int mv_task_start(struct mv_task *task) __attribute__((warn_unused_result));
/* A thread that is stuck in the user's descriptor is left to the end of the process, and the task's
 * memory with it: call this last. */
void mv_task_free(struct mv_task *task);

/* Readable when mv_task_handle() has work. Owned by the task. */
int mv_task_fd(const struct mv_task *task);
/* Serves the control connection; calls state() and end(). Never blocks. Main loop only. */
void mv_task_handle(struct mv_task *task);
/* Passes a signal to the task's process group; before the task runs it is kept, one of each number.
 * -EINVAL for a number outside 1..64. Main loop only. */
int mv_task_signal(struct mv_task *task, unsigned signo) __attribute__((warn_unused_result));
/* Whether the guest said at READY that its root is mounted with DAX. Main loop only. */
bool mv_task_is_dax(const struct mv_task *task);
/* What the guest said when it could not start the task: printable ASCII, "" when nothing. Borrowed. */
const char *mv_task_failure(const struct mv_task *task);

#endif
