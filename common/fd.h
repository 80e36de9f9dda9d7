/* Descriptors: whole reads and writes, and passing them over SOCK_SEQPACKET sockets. Any thread. */
#ifndef COMMON_FD_H
#define COMMON_FD_H

#include <stddef.h>
#include <sys/types.h>

#include "common/cleanup.h"

enum {
	FD_PASS_MAX = 32
}; /* descriptors in one message */

/* Writes all n bytes, going on after EINTR and short writes. 0 or -errno. */
int fd_write_all(int fd, const void *bytes, size_t n) must_check;
/* Reads exactly n bytes. -EPIPE at an early end, else -errno. */
int fd_read_all(int fd, void *bytes, size_t n) must_check;
/* A sealed memfd (F_SEAL_WRITE|GROW|SHRINK|SEAL) holding the bytes; the caller owns it. -errno. */
int fd_sealed(const char *name, const void *bytes, size_t n) must_check;

/* Sends one message with nfds descriptors (borrowed; at most FD_PASS_MAX). 0 or -errno; never raises
 * SIGPIPE. */
int fd_send(int sock, const void *bytes, size_t n, const int *fds, size_t nfds) must_check;
/* Receives one message of at most n bytes. *ret_nfds in: room in fds, out: how many came, owned by the
 * caller, O_CLOEXEC. Returns the length, 0 at the end, -EMSGSIZE for a longer message or more
 * descriptors than there is room for (all of them closed), else -errno. */
ssize_t fd_recv(int sock, void *bytes, size_t n, int *fds, size_t *ret_nfds) must_check;

/* As many descriptors as this process may have at most. -errno: the limit stays. */
int fd_raise_limit(void) must_check;

/* Writes a file beside its final path, fsyncs it, renames it over path and fsyncs the folder: after a
 * crash the old or the new content is there, never a part. mode as in open(2). 0 or -errno. */
int fd_replace_file(const char *path, const void *bytes, size_t n, mode_t mode) must_check;

#endif
