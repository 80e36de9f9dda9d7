/* ampoule run: opens what the user named, as the user, and hands descriptors to the agent.
 *
 * The agent never opens a user's path: what this process cannot open, nobody opens for it. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/cli/cli.h"
#include "agent/words.h"
#include "common/fd.h"

enum { SAY_AFTER_MS = 2000 };

static const char *const passed_environment[] = {"TERM", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "COLUMNS", "LINES"};

/* Everything that leaves with the request; freed by release_request(). */
struct request {
	struct agent_req_run *run; /* owned: too large for the stack */
	int fds[AGENT_RUN_FDS + AGENT_FILES_MAX];
	size_t fd_count;
};

static void release_request(struct request *request)
{
	for (size_t i = AGENT_RUN_FDS; i < request->fd_count; i++)
		close(request->fds[i]);
	free(request->run);
}

static int put_string(struct agent_req_run *run, const char *name, const char *text, struct err *err)
{
	size_t room = sizeof(run->strings) - run->string_bytes;
	int n = snprintf(run->strings + run->string_bytes, room, "%s%s%s", name ? name : "", name ? "=" : "", text);

	if (n < 0 || (size_t)n >= room)
		return err_set(err, -E2BIG, "the arguments are longer than %d bytes together", AGENT_STRINGS_MAX);
	run->string_bytes += (uint32_t)n + 1;
	return 0;
}

/* Opens an argument that names a regular file. 1 when *ret_fd is one, 0 when the argument is only text. A
 * file that is there and may not be read is an error: the task would miss it without a word. */
static int open_file(const char *argument, int *ret_fd, struct err *err)
{
	struct stat st;

	if (argument[0] == '-' || argument[0] == '\0')
		return 0;
	if (stat(argument, &st) < 0)
		return errno == EACCES ? err_set(err, -EACCES, "cannot open '%s': %m", argument) : 0;
	if (!S_ISREG(st.st_mode))
		return 0;
	cleanup_fd int fd = open(argument, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s': %m", argument);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "'%s' is no longer a regular file", argument);
	*ret_fd = take_fd(fd);
	return 1;
}

static int add_arguments(struct request *request, const struct cli *cli, struct err *err)
{
	for (int i = 0; i < cli->argc; i++) {
		int fd = -1;
		int r = put_string(request->run, NULL, cli->argv[i], err);

		if (r == 0 && i > 0)
			r = open_file(cli->argv[i], &fd, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (request->run->file_count == AGENT_FILES_MAX) {
			close(fd);
			return err_set(err, -E2BIG, "more than %d files are named", AGENT_FILES_MAX);
		}
		request->run->file_arg[request->run->file_count++] = (uint32_t)i;
		request->fds[request->fd_count++] = fd;
	}
	request->run->argc = (uint32_t)cli->argc;
	return 0;
}

static int fill_request(struct request *request, const struct cli *cli, struct err *err)
{
	cleanup_free char *folder = getcwd(NULL, 0);

	request->run = calloc(1, sizeof(*request->run));
	if (!request->run)
		return err_set(err, -ENOMEM, "out of memory");
	if (!folder)
		return err_set(err, -errno, "cannot tell the working folder: %m");
	request->run->type = AGENT_REQ_RUN;
	request->run->version = AGENT_SOCKET_VERSION;
	request->run->flags = cli->raw ? AGENT_RUN_RAW : 0;
	for (int fd = 0; fd < AGENT_RUN_FDS; fd++)
		request->fds[request->fd_count++] = fd;
	int r = add_arguments(request, cli, err);

	for (size_t i = 0; r == 0 && i < sizeof(passed_environment) / sizeof(passed_environment[0]); i++) {
		const char *value = getenv(passed_environment[i]);

		if (!value)
			continue;
		request->run->envc++;
		r = put_string(request->run, passed_environment[i], value, err);
	}
	return r < 0 ? r : put_string(request->run, NULL, folder, err);
}

/* The signals that are the task's: taken before the request is sent, so that none is lost. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

struct waiting {
	int sock;
	int signals;
	bool started;
	bool said; /* the wait was mentioned */
	char progress[AGENT_TEXT_MAX];
	struct timespec since;
};

static int exit_status(const struct agent_rep *rep)
{
	int status = (int)rep->detail;

	switch (rep->value) {
	case MV_END_TASK:
		return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	case MV_END_NOT_STARTED:
		cli_fail(0, rep->text[0] ? rep->text : strerror((int)rep->detail));
		return rep->detail == ENOENT ? CLI_RUN_NO_PROGRAM : CLI_RUN_CANNOT;
	default:
		return cli_fail(CLI_RUN_FAILED, rep->text[0] ? rep->text : agent_end_text(rep->value));
	}
}

/* Handles one message of the agent: -1 to go on, else the exit status. */
static int on_reply(struct waiting *w)
{
	union agent_any_rep rep;
	struct err err = {0};
	int r = cli_receive(w->sock, &rep, &err);

	if (r < 0)
		return cli_fail(CLI_RUN_FAILED, err.text);
	if (r == 0)
		return cli_fail(CLI_RUN_FAILED, "the agent ended, and the micro-VM with it");
	switch (rep.type) {
	case AGENT_REP_REFUSED:
		return cli_fail(rep.rep.value > 0 && rep.rep.value < 256 ? (int)rep.rep.value : CLI_RUN_FAILED, rep.rep.text);
	case AGENT_REP_PROGRESS:
		memcpy(w->progress, rep.rep.text, sizeof(w->progress));
		return -1;
	case AGENT_REP_NOTICE:
		cli_fail(0, rep.rep.text);
		return -1;
	case AGENT_REP_STARTED:
		w->started = true;
		return -1;
	case AGENT_REP_EXITED:
		return exit_status(&rep.rep);
	default:
		return cli_fail(CLI_RUN_FAILED, "the agent said something unexpected");
	}
}

/* Before the task runs there is nobody to take a signal: leaving ends the micro-VM. */
static int on_signal(struct waiting *w)
{
	struct signalfd_siginfo info;
	struct err err = {0};

	if (read(w->signals, &info, sizeof(info)) != sizeof(info))
		return -1;
	if (!w->started)
		return 128 + (int)info.ssi_signo;
	if (cli_ask(w->sock, AGENT_REQ_SIGNAL, info.ssi_signo, NULL, &err) < 0)
		return cli_fail(CLI_RUN_FAILED, err.text);
	return -1;
}

static long waited_ms(const struct waiting *w)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - w->since.tv_sec) * 1000 + (now.tv_nsec - w->since.tv_nsec) / 1000000;
}

/* On a terminal, a start of over two seconds is mentioned once. */
static int poll_limit_ms(struct waiting *w)
{
	if (w->started || w->said || !isatty(STDERR_FILENO))
		return -1;
	long left = SAY_AFTER_MS - waited_ms(w);

	if (left > 0)
		return (int)left;
	w->said = true;
	cli_fail(0, w->progress[0] ? w->progress : "starting a micro-VM ...");
	return -1;
}

static int wait_for_end(struct waiting *w)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = w->sock, .events = POLLIN}, {.fd = w->signals, .events = POLLIN}};
		int status = -1;

		if (poll(fds, 2, poll_limit_ms(w)) < 0 && errno != EINTR)
			return cli_fail(CLI_RUN_FAILED, strerror(errno));
		if (fds[1].revents & POLLIN)
			status = on_signal(w);
		if (status < 0 && fds[0].revents)
			status = on_reply(w);
		if (status >= 0)
			return status;
	}
}

int cli_run(const struct cli *cli)
{
	cleanup_(release_request) struct request request = {0};
	struct err err = {0};

	if (fill_request(&request, cli, &err) < 0)
		return cli_fail(CLI_RUN_FAILED, err.text);
	cleanup_fd int signals = take_signals();
	cleanup_fd int sock = cli_connect(cli, &err);

	if (sock < 0)
		return cli_fail(CLI_RUN_FAILED, err.text);
	int r = fd_send(sock, request.run, sizeof(*request.run), request.fds, request.fd_count);

	if (r < 0)
		return cli_fail(CLI_RUN_FAILED, strerror(-r));
	struct waiting w = {.sock = sock, .signals = signals};

	clock_gettime(CLOCK_MONOTONIC, &w.since);
	return wait_for_end(&w);
}
