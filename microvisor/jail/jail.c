#include "microvisor/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "microvisor/vm/log.h"

enum {
	THREADS_MAX = 16 /* main, stdio, a vCPU each, with room */
};

int mv_jail_close_others(int keep_fd)
{
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 || fcntl(keep_fd, F_GETFD) < 0 || keep_fd < 3)
		return -EBADF;
	if (keep_fd > 3 && close_range(3, (unsigned)keep_fd - 1, 0) < 0)
		return -errno;
	if (close_range((unsigned)keep_fd + 1, ~0u, 0) < 0)
		return -errno;
	/* An eventfd: harmless to read and write, and it needs no /dev/null, which the root has not. */
	int placeholder = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (placeholder < 0)
		return -errno;
	if (dup2(placeholder, STDIN_FILENO) < 0 || dup2(placeholder, STDOUT_FILENO) < 0)
		return -errno;
	if (placeholder > STDERR_FILENO)
		close(placeholder);
	return fcntl(keep_fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

	/* A set that cannot be read counts as full. */
	return syscall(SYS_capget, &header, sets) < 0 || sets[0].permitted || sets[1].permitted ||
	       sets[0].inheritable || sets[1].inheritable;
}

static int check(void)
{
	const char *how = getuid() == 0 || geteuid() == 0               ? "as root"
			  : prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ? "without no_new_privs"
			  : has_capabilities()                          ? "with capabilities"
									: NULL;

	if (how)
		mv_log(MV_LOG_ERROR, "jail: refusing to run %s", how);
	return how ? -EPERM : 0;
}

/* 0 or -1, as setrlimit(2). */
static int limit(int resource, rlim_t value)
{
	struct rlimit l;

	if (getrlimit(resource, &l) < 0)
		return -1;
	if (l.rlim_max > value)
		l.rlim_max = value;
	l.rlim_cur = l.rlim_max;
	return setrlimit(resource, &l);
}

int mv_jail_enter(unsigned fds_max)
{
	const struct {
		int resource;
		rlim_t max;
	} limits[] = {
		{RLIMIT_CORE, 0},            /* a core file would hold the guest's memory */
		{RLIMIT_MEMLOCK, 0},         /* memory that the host cannot take back */
		{RLIMIT_MSGQUEUE, 0},        /* bytes in POSIX queues */
		{RLIMIT_NPROC, THREADS_MAX}, /* threads: the uid is this process's own */
		{RLIMIT_NOFILE, fds_max},
	};
	int r = check();

	if (r < 0)
		return r;
	umask(077);
	clearenv();
	/* The user's pipe may break at any time; that is an error code, not the end. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0 || chdir("/") < 0 ||
	    /* Executed by descriptor, it would be called by a number. */
	    prctl(PR_SET_NAME, "ampoule-microvm", 0, 0, 0) < 0)
		r = -1;
	for (size_t i = 0; r == 0 && i < sizeof(limits) / sizeof(limits[0]); i++)
		r = limit(limits[i].resource, limits[i].max);
	return r < 0 ? mv_log_fail("jail", "cannot give up what is not needed") : 0;
}
