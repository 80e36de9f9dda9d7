/* What the microvm gives up at its start, before it looks at anything a guest has touched.
 *
 * The agent has already given it a uid and namespaces of its own, an empty root, no capabilities and
 * no_new_privs; this checks that, and takes the rest. Landlock follows when the shares are known, the
 * seccomp filters when the machine is made. Called by the one thread of a fresh process. */
#ifndef MV_JAIL_JAIL_H
#define MV_JAIL_JAIL_H

struct mv_start;

/* Leaves open only stderr and keep_fd: descriptors 0 and 1 become a placeholder, so that no received
 * descriptor takes their place, all above keep_fd are closed. -EBADF: stderr or keep_fd is not open. */
int mv_jail_close_others(int keep_fd) __attribute__((warn_unused_result));
/* Refuses to go on as root, with capabilities or able to gain privileges (-EPERM, logged); then: not
 * dumpable, no core, no locked memory, at most fds_max descriptors and a few threads, no huge pages (they
 * would give each thread's stack 2 MiB), empty environment. -errno, logged. */
int mv_jail_enter(unsigned fds_max) __attribute__((warn_unused_result));

/* Landlock. What is open already stays usable. Takes away, as far as the kernel knows them, every right on files,
 * TCP ports, abstract sockets and signals, save reading below the given folders, and making, changing and removing
 * files and folders below `store` unless that is -1 (descriptors, borrowed). Threads made later inherit it.
 * 0, also where the kernel has no Landlock: then a warning in the log says so. -errno, logged, when it has
 * Landlock and this fails. */
int mv_landlock_enter(const int *folders, unsigned count, int store)
	__attribute__((warn_unused_result));
/* The same for the folders among a start message's shares, and its store; their descriptors begin at fds. In a shell,
 * where they become known late, each thread calls it for itself: vm/shell.c. */
int mv_landlock_allow(const struct mv_start *start, const int *fds)
	__attribute__((warn_unused_result));

enum mv_seccomp_thread {
	MV_SECCOMP_VCPU = 1 << 0,
	MV_SECCOMP_MAIN = 1 << 1,
	MV_SECCOMP_STDIO = 1 << 2,
	MV_SECCOMP_TEMPLATE = 1 << 3 /* the vCPU thread of a template, which saves itself */
};

/* The system calls that a thread makes while a guest runs, and no others: whatever is not in the table of
 * seccomp.c kills the process. A thread calls this for itself, once, after everything is made and before the
 * guest's first instruction; it cannot be undone. Needs no_new_privs. -errno, logged: then no guest may run. */
int mv_seccomp_enter(enum mv_seccomp_thread thread) __attribute__((warn_unused_result));

#endif
