#include "golden-image/init/task.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child tells why it failed through a pipe that a successful execve() closes. */

enum step {
	STEP_STDIO = 1,
	STEP_IDENTITY,
	STEP_EXEC
};

struct report {
	int error;
	enum step step;
};

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
}

/* On the uid that the task gets, so that whatever it starts counts; the kernel does not hold root to it. */
static int limit_processes(uint32_t count)
{
	const struct rlimit limit = {.rlim_cur = count, .rlim_max = count};

	return count ? setrlimit(RLIMIT_NPROC, &limit) : 0;
}

/* The uid of the task is its gid too. An ordinary user keeps no way to become root: setuid programs of
 * the image do not work for him. */
static int become(uint32_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -1;
	return uid != 0 ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

static struct report run_child(const struct launch *l, int pipes[3][2])
{
	sigset_t none;

	/* pipes[0] is read by the task, the others written. No descriptor is below 3: init opened
	 * /dev/null three times at its start. */
	for (int i = 0; i < 3; i++)
		if (dup2(pipes[i][i == 0 ? 0 : 1], i) < 0)
			return (struct report){errno, STEP_STDIO};
	setsid();
	umask(022);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	/* As the user, so that a folder he may not enter is not entered for him. */
	if (limit_processes(l->processes) < 0 || become(l->uid) < 0)
		return (struct report){errno, STEP_IDENTITY};
	if (chdir(l->cwd) < 0 && chdir("/") < 0)
		return (struct report){errno, STEP_EXEC};
	execve(l->argv[0], l->argv, l->envp);
	return (struct report){errno, STEP_EXEC};
}

static int fork_task(const struct launch *l, int pipes[3][2], int notice[2], pid_t *ret_pid)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		struct report report = run_child(l, pipes);

		/* Init reads either the whole report or nothing. */
		if (write(notice[1], &report, sizeof(report)) < 0)
			_exit(126);
		_exit(127);
	}
	*ret_pid = pid;
	return 0;
}

static int wait_for_exec(int notice, pid_t pid, const char *path, struct fault *fault)
{
	static const char *const steps[] = {
		[STEP_STDIO] = "set up stdio",
		[STEP_IDENTITY] = "become the user",
		[STEP_EXEC] = "execute",
	};
	struct report report;

	if (read(notice, &report, sizeof(report)) != (ssize_t)sizeof(report))
		return 0;
	(void)waitpid(pid, NULL, 0);
	return fault_set(fault, report.error, "%s %.200s", steps[report.step], path);
}

/* A pipe of the task's own, so that it may open /dev/stdout, which opens the pipe anew. */
static int make_pipe(int pair[2], uint32_t uid, struct fault *fault)
{
	if (pipe2(pair, O_CLOEXEC) < 0 || fchown(pair[0], uid, uid) < 0)
		return fault_set(fault, errno, "pipe");
	return 0;
}

int task_start(const struct launch *l, struct task *out, struct fault *fault)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	int notice[2] = {-1, -1};
	int r = 0;

	for (int i = 0; i < 3 && r == 0; i++)
		r = make_pipe(pipes[i], l->uid, fault);
	if (r == 0 && pipe2(notice, O_CLOEXEC) < 0)
		r = fault_set(fault, errno, "pipe");
	if (r == 0) {
		r = fork_task(l, pipes, notice, &out->pid);
		if (r < 0)
			fault_set(fault, -r, "fork");
	}
	if (r == 0) {
		close(notice[1]);
		notice[1] = -1;
		r = wait_for_exec(notice[0], out->pid, l->argv[0], fault);
	}
	for (int i = 0; i < 3 && r == 0; i++) {
		int mine = i == 0 ? 1 : 0;

		out->fds[i] = pipes[i][mine];
		pipes[i][mine] = -1;
	}
	for (int i = 0; i < 3; i++)
		close_pair(pipes[i]);
	close_pair(notice);
	return r;
}
