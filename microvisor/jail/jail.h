/* What the microvm gives up at its start, before it looks at anything a guest has touched.
 *
 * The agent has already given it a uid and namespaces of its own, an empty root, no capabilities and
 * no_new_privs; this checks that, and takes the rest. Landlock (landlock.h) follows when the shares are
 * known, the seccomp filters (seccomp.h) when the machine is made. Called by the one thread of a fresh
 * process. */
#ifndef MV_JAIL_JAIL_H
#define MV_JAIL_JAIL_H

/* Leaves open only stderr and keep_fd: descriptors 0 and 1 become a placeholder, so that no received
 * descriptor takes their place, all above keep_fd are closed. -EBADF: stderr or keep_fd is not open. */
int mv_jail_close_others(int keep_fd) __attribute__((warn_unused_result));
/* Refuses to go on as root, with capabilities or able to gain privileges (-EPERM, logged); then: not
 * dumpable, no core, no locked memory, at most fds_max descriptors and a few threads, no huge pages (they
 * would give each thread's stack 2 MiB), empty environment. -errno, logged. */
int mv_jail_enter(unsigned fds_max) __attribute__((warn_unused_result));

#endif
