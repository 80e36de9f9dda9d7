/* The control socket's side of the microvm: messages in and out, checked field by field.
 *
 * Sending is possible from any thread: each message is one packet. Receiving belongs to the main loop. */
#ifndef MV_VM_CONTROL_H
#define MV_VM_CONTROL_H

#include <stddef.h>

#include "microvisor/microvisor.h"

enum {
	MV_START_FDS_MAX = MV_FD_FIXED + MV_SHARES_MAX + 1
};

/* How many descriptors come with it. */
unsigned mv_start_fds(const struct mv_start *start);
/* Whether every field of a start message is as microvisor.h says and fd_count fits it. 0 or -EBADMSG
 * (what is wrong is logged). */
int mv_start_check(const struct mv_start *start, unsigned fd_count)
	__attribute__((warn_unused_result));

/* Waits for the start message: copied to *ret_start, its descriptors (close-on-exec, the caller's) to
 * fds. The number of descriptors, or -EBADMSG (nothing is kept), -EPIPE: the agent is gone, -errno. */
int mv_control_receive_start(int socket, struct mv_start *ret_start, int fds[MV_START_FDS_MAX])
	__attribute__((warn_unused_result));

/* Takes one message of the agent after the start, which must wait in the socket; *ret_fd is its
 * descriptor (the caller's) or -1. -EBADMSG: a wrong size, type or number of descriptors; -EPIPE: the
 * agent is gone. */
int mv_control_receive(int socket, struct mv_msg *ret_msg, int *ret_fd)
	__attribute__((warn_unused_result));

/* Sends one message, waiting for room. -EPIPE: the agent is gone, else -errno. */
int mv_control_send(int socket, const void *message, size_t n) __attribute__((warn_unused_result));

/* All of a small file: *ret_bytes on the heap, the caller's. -EFBIG: more than max; else -errno. */
int mv_control_read_file(int fd, size_t max, void **ret_bytes, size_t *ret_n)
	__attribute__((warn_unused_result));

#endif
