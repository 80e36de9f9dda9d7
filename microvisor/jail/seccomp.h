/* The seccomp filter of each thread: the system calls it makes while a guest runs, and no others.
 *
 * A thread calls this for itself, once, after everything is made and before the guest's first
 * instruction; it cannot be undone. Whatever is not in the table of seccomp.c kills the process. */
#ifndef MV_JAIL_SECCOMP_H
#define MV_JAIL_SECCOMP_H

enum mv_seccomp_thread {
	MV_SECCOMP_VCPU = 1 << 0,
	MV_SECCOMP_MAIN = 1 << 1,
	MV_SECCOMP_STDIO = 1 << 2,
	MV_SECCOMP_TEMPLATE =
		1 << 3 /* the vCPU thread of a template, which runs no task and saves itself */
};

/* Needs no_new_privs. -errno, logged: then no guest may run. */
int mv_seccomp_enter(enum mv_seccomp_thread thread) __attribute__((warn_unused_result));

#endif
