/* What the microvm gives up at its start, before it looks at anything a guest has touched.
 *
 * The agent has already given it a uid of its own, an empty root and no_new_privs; this checks that,
 * and takes the rest. Called by the one thread of a fresh process. */
#ifndef MV_JAIL_JAIL_H
#define MV_JAIL_JAIL_H

/* Leaves open only stderr and keep_fd: descriptors 0 and 1 become a placeholder, so that no received
 * descriptor takes their place, all above keep_fd are closed. -EBADF: stderr or keep_fd is not open. */
int mv_jail_close_others(int keep_fd) __attribute__((warn_unused_result));
/* Refuses to go on as root or able to gain privileges (-EPERM, logged); then: not dumpable, no core, at
 * most fds_max descriptors, no huge pages (they would give each thread's stack 2 MiB), empty
 * environment. -errno, logged. */
int mv_jail_enter(unsigned fds_max) __attribute__((warn_unused_result));

#endif
