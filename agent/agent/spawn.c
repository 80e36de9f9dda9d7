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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent/jail.h"

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

/* Writes a few bytes to a file of the kernel. */
static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ssize_t n = write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -1 : 0;
}

/* The agent itself is the last that the kernel may kill for memory; its children are not. */
static int set_oom_score(int score)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", score);
	return write_text("/proc/self/oom_score_adj", text);
}

int agent_spawn_set_oom_score(pid_t pid, int score)
{
	char path[64];
	char text[16];

	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	(void)snprintf(text, sizeof(text), "%d", score);
	return write_text(path, text) < 0 ? -errno : 0;
}

static int join_cgroup(const char *folder)
{
	char path[PATH_MAX];

	if (!folder)
		return 0;
	if (snprintf(path, sizeof(path), "%s/cgroup.procs", folder) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return write_text(path, "0");
}

static int become(const struct agent_spawn *spawn)
{
	static const struct rlimit no_core = {0, 0};

	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -1;
	if (spawn->jail && agent_jail_prepare_user() < 0)
		return -1;
	if (setgroups(spawn->group_count, spawn->groups) < 0 ||
	    setresgid(spawn->gid, spawn->gid, spawn->gid) < 0 ||
	    setresuid(spawn->uid, spawn->uid, spawn->uid) < 0)
		return -1;
	return 0;
}

/* The last steps: what a change of identity would undo. */
static int tie(void)
{
	/* An agent that dies in any way takes its children with it. One that died just before this is
	 * noticed by them at the end of their socket. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
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
	if (set_oom_score(spawn->oom_score) < 0)
		give_up(report_moved, "set its OOM score");
	if (join_cgroup(spawn->cgroup) < 0)
		give_up(report_moved, "join its cgroup");
	if (spawn->jail && agent_jail_root(spawn->jail) < 0)
		give_up(report_moved, "enter an empty root");
	if (become(spawn) < 0)
		give_up(report_moved, "change identity");
	if (spawn->jail && agent_jail_user() < 0)
		give_up(report_moved, "enter a user namespace");
	if (tie() < 0)
		give_up(report_moved, "give up privileges");
	fexecve(exec_moved, argv, env);
	give_up(report_moved, "execute");
}

/* As fork(2); a jailed child is process 1 of a PID namespace of its own, and sees no other. */
static pid_t fork_child(const struct agent_spawn *spawn)
{
	if (!spawn->jail)
		return fork();
	return (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, 0);
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
	pid_t pid = fork_child(spawn);

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

int agent_spawn_connected(const struct agent_spawn *spawn, pid_t *ret_pid, int *ret_sock,
			  struct err *err)
{
	struct agent_spawn connected = *spawn;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, -errno, "cannot make a socket pair: %m");
	connected.fds[0] = pair[1];
	memcpy(connected.fds + 1, spawn->fds, spawn->fd_count * sizeof(spawn->fds[0]));
	connected.fd_count++;
	int r = agent_spawn(&connected, ret_pid, err);

	close(pair[1]);
	if (r < 0)
		close(pair[0]);
	else
		*ret_sock = pair[0];
	return r;
}
