#include "microvisor/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/vm/log.h"

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

static int check(void)
{
	if (getuid() == 0 || geteuid() == 0) {
		mv_log(MV_LOG_ERROR, "jail: refusing to run as root");
		return -EPERM;
	}
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
		mv_log(MV_LOG_ERROR, "jail: refusing to run without no_new_privs");
		return -EPERM;
	}
	return 0;
}

static int limit(int resource, rlim_t value)
{
	struct rlimit l;

	if (getrlimit(resource, &l) < 0)
		return -errno;
	if (l.rlim_max > value)
		l.rlim_max = value;
	l.rlim_cur = l.rlim_max;
	return setrlimit(resource, &l) < 0 ? -errno : 0;
}

int mv_jail_enter(unsigned fds_max)
{
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
		r = -errno;
	if (r == 0)
		r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_MEMLOCK, 0);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, fds_max);
	if (r < 0) {
		errno = -r;
		mv_log(MV_LOG_ERROR, "jail: cannot give up what is not needed: %m");
	}
	return r;
}
