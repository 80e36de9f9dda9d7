/* The user's stdin, stdout and stderr against the guest's streams: one thread, plain blocking calls.
 *
 * O_NONBLOCK belongs to the open file, which the user's shell shares: it is never set. poll(2) says
 * when a descriptor is ready, and at most PIPE_BUF bytes are then written to a pipe or terminal. Another
 * writer may still take that room first; then this thread alone waits, and the micro-VM can be stopped
 * and times out as ever.
 *
 * Open only to be embedded in struct mv_task. */
#ifndef MV_GUEST_STDIO_H
#define MV_GUEST_STDIO_H

#include <pthread.h>
#include <stdatomic.h>

#include "microvisor/guest/task.h"

enum {
	MV_STDIO_CHUNK = 4096
};

/* One of the user's descriptors; stdio thread only, once it runs. */
struct mv_stdio_stream {
	int fd;        /* owned; -1: none, or closed since */
	bool is_given; /* the user has this stream; never changes */
	unsigned port;
	size_t at;
	size_t have; /* of bytes, not yet written */
	uint8_t bytes[MV_STDIO_CHUNK];
};

struct mv_stdio {
	const struct mv_task_config *config; /* borrowed */
	int done_fd; /* borrowed eventfd, signalled when everything is written */
	int wake_fd; /* owned eventfd */
	pthread_t thread;
	bool is_started;
	atomic_bool is_open; /* the streams are there: until then the thread leaves them alone */
	atomic_bool is_finishing; /* no more will come from the guest */
	atomic_bool is_stopping;
	atomic_bool is_done;
	struct mv_stdio_stream streams[3];
};

/* Prepares three streams without descriptors. 0 or -errno. */
int mv_stdio_init(struct mv_stdio *stdio, const struct mv_task_config *config, int done_fd)
	__attribute__((warn_unused_result));
/* Takes the config's descriptors, once; the thread may run already. */
void mv_stdio_open(struct mv_stdio *stdio);
/* Whether the guest may connect a stream: the user has it and the policy allows it; recorded as an access
 * from there. Any thread. */
bool mv_stdio_accepts(struct mv_stdio *stdio, unsigned port, const struct mv_exit *from);
/* 0 or -errno. */
int mv_stdio_start(struct mv_stdio *stdio) __attribute__((warn_unused_result));
/* Something changed at a port; any thread, never blocks. */
void mv_stdio_wake(struct mv_stdio *stdio);
/* The guest has sent its last byte: write what is left, then set is_done and signal done_fd. */
void mv_stdio_finish(struct mv_stdio *stdio);
/* Ends the thread. False when it is stuck in a descriptor: stdio must then outlive the process. */
bool mv_stdio_release(struct mv_stdio *stdio);

#endif
