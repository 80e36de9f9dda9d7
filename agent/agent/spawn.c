#include "agent/agent/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The agent has one thread, so that a child after fork(2) may do anything; it does system calls only. */

enum {
	ARGS_MAX = 16,
	FIRST_FD = 3,
	SCRATCH_FD = 64 /* above every target number */
};

/* What the child tells when it fails before it executes. */
struct failure {
	int error;
	char step[32];
};

static void give_up(int report_fd, const char *step)
{
	struct failure failure = {.error = errno};

	(void)snprintf(failure.step, sizeof(failure.step), "%s", step);
	(void)!write(report_fd, &failure, sizeof(failure));
	_exit(127);
}

/* Descriptors 0, 1: /dev/null; 3 and following: the given ones; everything else closes on exec. */
static int arrange_fds(const struct agent_spawn *spawn)
{
	int moved[AGENT_SPAWN_FDS_MAX];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -1;
	for (size_t i = 0; i < spawn->fd_count; i++) {
		moved[i] = fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, SCRATCH_FD);
		if (moved[i] < 0)
			return -1;
	}
	if (syscall(SYS_close_range, FIRST_FD, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		return -1;
	for (size_t i = 0; i < spawn->fd_count; i++)
		if (dup2(moved[i], FIRST_FD + (int)i) < 0)
			return -1;
	return 0;
}

/* An empty read-only root, and namespaces without network. The old root goes with the last mount. */
static int enter_jail(const char *folder)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (mount("ampoule", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4096,nr_inodes=4,mode=0555") < 0)
		return -1;
	if (chdir(folder) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -1;
	if (umount2(".", MNT_DETACH) < 0)
		return -1;
	return mount(NULL, "/", NULL,
		     MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static int become(const struct agent_spawn *spawn)
{
	static const struct rlimit no_core = {0, 0};

	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -1;
	if (setgroups(spawn->group_count, spawn->groups) < 0 ||
	    setresgid(spawn->gid, spawn->gid, spawn->gid) < 0 ||
	    setresuid(spawn->uid, spawn->uid, spawn->uid) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void run_child(const struct agent_spawn *spawn, int exec_fd, int report_fd)
{
	static char *const env[] = {NULL};
	char *argv[ARGS_MAX + 2] = {0};
	sigset_t none;
	size_t n = 0;

	/* execve(2) takes char *const[] and does not write to it. */
	memcpy(&argv[n++], &spawn->name, sizeof(char *));
	for (size_t i = 0; spawn->args && spawn->args[i] && n <= ARGS_MAX; i++)
		memcpy(&argv[n++], &spawn->args[i], sizeof(char *));
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail with these arguments */
	if (setsid() < 0)
		give_up(report_fd, "setsid");
	int exec_moved = fcntl(exec_fd, F_DUPFD_CLOEXEC, SCRATCH_FD);
	int report_moved = fcntl(report_fd, F_DUPFD_CLOEXEC, SCRATCH_FD);

	if (exec_moved < 0 || report_moved < 0 || arrange_fds(spawn) < 0)
		give_up(report_fd, "arrange descriptors");
	if (spawn->jail && enter_jail(spawn->jail) < 0)
		give_up(report_moved, "enter an empty root");
	if (become(spawn) < 0)
		give_up(report_moved, "change identity");
	fexecve(exec_moved, argv, env);
	give_up(report_moved, "execute");
}

static int wait_for_exec(int report_fd, pid_t pid, const char *name, struct err *err)
{
	struct failure failure;
	ssize_t n;

	do
		n = read(report_fd, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	(void)waitpid(pid, NULL, 0);
	if (n != sizeof(failure))
		return err_set(err, -EIO, "%s: it died before it ran", name);
	failure.step[sizeof(failure.step) - 1] = '\0';
	return err_set(err, -failure.error, "%s: cannot %s: %s", name, failure.step,
		       strerror(failure.error));
}

int agent_spawn(const struct agent_spawn *spawn, pid_t *ret_pid, struct err *err)
{
	char path[PATH_MAX];
	int report[2];

	if (snprintf(path, sizeof(path), "%s/%s", spawn->folder, spawn->name) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "the programs' folder has too long a name");
	cleanup_fd int exec_fd = open(path, O_RDONLY | O_CLOEXEC);

	if (exec_fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_set(err, -errno, "cannot make a pipe: %m");
	pid_t pid = fork();

	if (pid == 0)
		run_child(spawn, exec_fd, report[1]);
	close(report[1]);
	int r = pid < 0 ? err_set(err, -errno, "cannot fork: %m")
			: wait_for_exec(report[0], pid, spawn->name, err);

	close(report[0]);
	if (r == 0)
		*ret_pid = pid;
	return r;
}
