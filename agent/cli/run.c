#include "agent/cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/cli/ask.h"
#include "agent/cli/changes.h"
#include "agent/cli/connection.h"
#include "agent/cli/pump.h"
#include "agent/words.h"
#include "common/fd.h"
#include "common/log.h"
#include "microvisor/microvisor.h"

extern char **environ;

enum {
	PROGRESS_AFTER_MS = 2000 /* nobody is told of what is over sooner */
};

/* What is sent: the message and the descriptors of the files named in it. */
struct parcel {
	struct agent_req_run *message; /* owned */
	size_t nfds;
	int fds[AGENT_RUN_FDS + AGENT_FILES_MAX]; /* owned, save 0, 1 and 2 */
};

/* The wait for the end. */
struct waiting {
	int sock;
	int signal_fd;
	bool terminal; /* stderr is one: progress may be shown */
	bool running;
	bool json;
	bool saving; /* how far it is was told on a line that has no end yet */
	struct agent_ask ask;
	struct agent_pump pumps[AGENT_RUN_FDS]; /* by stream; [0] is not used */
	int64_t started_ms;
	char progress[AGENT_TEXT_MAX];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void complain(const char *text)
{
	char quoted[AGENT_TEXT_MAX * 2];

	fprintf(stderr, "ampoule: %s\n", log_quote(quoted, sizeof(quoted), text, strlen(text)));
}

static void parcel_release(struct parcel *parcel)
{
	for (size_t i = 0; i < parcel->nfds; i++)
		if (parcel->fds[i] > STDERR_FILENO)
			close(parcel->fds[i]);
	free(parcel->message);
	*parcel = (struct parcel){0};
}

static int put_string(struct agent_req_run *m, const char *text)
{
	size_t n = strlen(text) + 1;

	if (n > sizeof(m->strings) - m->string_bytes)
		return -E2BIG;
	memcpy(m->strings + m->string_bytes, text, n);
	m->string_bytes += (uint32_t)n;
	return 0;
}

/* An argument that names a regular file which the user can read becomes a file of the task. */
static void offer_file(struct parcel *parcel, uint32_t index, const char *arg)
{
	struct stat st;

	if (arg[0] == '-' || arg[0] == '\0' || parcel->message->file_count == AGENT_FILES_MAX)
		return;
	/* O_NONBLOCK: a FIFO must not keep us; O_NOCTTY: nor a terminal become ours. */
	int fd = open(arg, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return;
	}
	parcel->message->file_arg[parcel->message->file_count++] = index;
	parcel->fds[parcel->nfds++] = fd;
}

static bool env_is_wanted(const char *entry)
{
	static const char *const wanted[] = {
		"TERM=", "LANG=", "LC_", "TZ=", "LINES=", "COLUMNS=", "NO_COLOR="};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strncmp(entry, wanted[i], strlen(wanted[i])) == 0)
			return true;
	return false;
}

static int pack_env(struct agent_req_run *m)
{
	for (char **e = environ; *e && m->envc < AGENT_ENV_MAX; e++) {
		if (!env_is_wanted(*e))
			continue;
		if (put_string(m, *e) < 0)
			return -E2BIG;
		m->envc++;
	}
	return 0;
}

static int pack(struct parcel *parcel, int argc, char **argv, struct err *err)
{
	struct agent_req_run *m = parcel->message = calloc(1, sizeof(*m));
	char cwd[PATH_MAX];

	if (!m)
		return err_set(err, -ENOMEM, "out of memory");
	if (argc > AGENT_ARGS_MAX)
		return err_set(err, -E2BIG, "more than %d arguments", AGENT_ARGS_MAX);
	m->type = AGENT_REQ_RUN;
	m->version = AGENT_SOCKET_VERSION;
	m->argc = (uint32_t)argc;
	for (int i = 0; i < AGENT_RUN_FDS; i++)
		parcel->fds[parcel->nfds++] = i;
	for (int i = 0; i < argc; i++) {
		if (put_string(m, argv[i]) < 0)
			return err_set(err, -E2BIG, "the arguments are too long");
		if (i > 0)
			offer_file(parcel, (uint32_t)i, argv[i]);
	}
	if (pack_env(m) < 0 || put_string(m, getcwd(cwd, sizeof(cwd)) ? cwd : "/") < 0)
		return err_set(err, -E2BIG, "the arguments and the environment are too long");
	return 0;
}

/* 0, 1 and 2 must be open: whatever opened first would else pass for a standard stream. */
static int ensure_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -EBADF;
	return 0;
}

/* A terminal is ours to write to: the task gets a pipe in its place. */
static int filter_terminals(struct parcel *parcel, struct agent_pump *pumps, struct err *err)
{
	for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++) {
		if (!isatty(i))
			continue;
		int r = agent_pump_open(&pumps[i], i, &parcel->fds[i]);

		if (r < 0)
			return err_set(err, r, "cannot make a pipe: %s", strerror(-r));
		parcel->message->flags |= AGENT_RUN_TERMINAL << i;
	}
	return 0;
}

/* SIGWINCH is not forwarded: the guest has no terminal. */
static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int forward_signal(struct waiting *w, struct err *err)
{
	struct signalfd_siginfo info;

	if (read(w->signal_fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return agent_ask(w->sock, AGENT_REQ_SIGNAL, info.ssi_signo, NULL, err);
}

static int exit_status(const struct agent_rep *rep)
{
	char text[256];
	int status = (int)rep->detail;

	if (rep->value == MV_END_TASK && WIFEXITED(status))
		return WEXITSTATUS(status);
	if (rep->value == MV_END_TASK && WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	(void)snprintf(text, sizeof(text), "%s (%s); `ampoule explain %s` tells more",
		       agent_end_text(rep->value), rep->id, rep->id);
	complain(text);
	if (rep->value == MV_END_NOT_STARTED)
		return rep->detail == ENOENT ? AGENT_EXIT_NOT_FOUND : AGENT_EXIT_NOT_EXECUTABLE;
	return AGENT_EXIT_REFUSED;
}

/* All of it is in the pipes by now. */
static void end_output(struct waiting *w)
{
	for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++)
		agent_pump_end(&w->pumps[i]);
}

static void end_line(struct waiting *w)
{
	if (w->saving)
		fputc('\n', stderr);
	w->saving = false;
}

static void show_saving(struct waiting *w, const struct agent_rep *rep)
{
	if (!w->terminal || w->json)
		return;
	fprintf(stderr, "\rampoule: saving, %u of %u done; Ctrl-C keeps the rest for later",
		rep->value, rep->detail);
	w->saving = true;
}

static int answer(struct waiting *w, unsigned value)
{
	struct err err = {0};

	if (value == 0 || agent_ask(w->sock, AGENT_REQ_ANSWER, value, NULL, &err) == 0)
		return -1;
	complain(err.text);
	return AGENT_EXIT_REFUSED;
}

/* What the task changed, at its end. */
static void show_changes(struct waiting *w, int fd)
{
	struct agent_changes_sum sum;
	struct err err = {0};
	json_t *root = NULL;

	end_output(w);
	end_line(w);
	if (w->json)
		root = agent_changes_json(fd, &err);
	else if (agent_changes_print(fd, stderr, true, CHANGES_SHORT, &sum, &err) == 0 &&
		 sum.kept > 0)
		fputs("what is not saved is listed and brought back by `ampoule recover`\n",
		      stderr);
	if (root && (json_dumpf(root, stderr, JSON_COMPACT) < 0 || fputc('\n', stderr) == EOF))
		err_set(&err, -EIO, "the changes cannot be written");
	json_decref(root);
	if (err.code)
		complain(err.text);
}

/* -1 to go on, else the exit status. fd: came with it, or -1. */
static int on_reply(struct waiting *w, const union agent_any_rep *reply, int fd)
{
	switch (reply->type) {
	case AGENT_REP_ASK:
		end_output(w);
		end_line(w);
		return answer(w, agent_ask_put(&w->ask, &reply->ask));
	case AGENT_REP_SAVING:
		show_saving(w, &reply->rep);
		return -1;
	case AGENT_REP_LISTING:
		if (fd >= 0)
			show_changes(w, fd);
		return -1;
	case AGENT_REP_PROGRESS:
		(void)snprintf(w->progress, sizeof(w->progress), "%s", reply->rep.text);
		return -1;
	case AGENT_REP_NOTICE:
		complain(reply->rep.text);
		return -1;
	case AGENT_REP_STARTED:
		w->running = true;
		return -1;
	case AGENT_REP_REFUSED:
		complain(reply->rep.text);
		return reply->rep.value > 0 && reply->rep.value < 128 ? (int)reply->rep.value
								      : AGENT_EXIT_REFUSED;
	case AGENT_REP_EXITED:
		end_output(w);
		return exit_status(&reply->rep);
	default:
		return -1;
	}
}

static void show_progress(struct waiting *w)
{
	if (!w->terminal || w->running || !w->progress[0] ||
	    now_ms() - w->started_ms < PROGRESS_AFTER_MS)
		return;
	complain(w->progress);
	w->progress[0] = '\0';
}

static int receive(struct waiting *w, union agent_any_rep *reply, struct err *err)
{
	cleanup_fd int fd = -1;
	int r = agent_receive_fd(w->sock, reply, &fd, err);

	return r < 0 ? r : on_reply(w, reply, fd);
}

/* What can be waited for. */
enum {
	WAIT_AGENT,
	WAIT_SIGNAL,
	WAIT_STDOUT,
	WAIT_STDERR,
	WAIT_ANSWER,
	WAIT_COUNT
};

static void move_output(struct waiting *w, struct pollfd fds[WAIT_COUNT])
{
	for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++) {
		struct pollfd *out = &fds[WAIT_STDOUT + i - STDOUT_FILENO];

		if (out->revents)
			agent_pump_move(&w->pumps[i]);
		out->fd = w->pumps[i].from;
	}
}

/* -1 to go on, unless err is set; else the exit status. */
static int handle(struct waiting *w, struct pollfd fds[WAIT_COUNT], union agent_any_rep *reply,
		  struct err *err)
{
	int status = -1;

	if (fds[WAIT_SIGNAL].revents && forward_signal(w, err) < 0)
		return -1;
	move_output(w, fds);
	if (fds[WAIT_ANSWER].fd >= 0 && fds[WAIT_ANSWER].revents)
		status = answer(w, agent_ask_read(&w->ask));
	if (status < 0 && fds[WAIT_AGENT].revents)
		status = receive(w, reply, err);
	return status;
}

static int wait_for_end(struct waiting *w)
{
	cleanup_free union agent_any_rep *reply = calloc(1, sizeof(*reply));
	struct pollfd fds[WAIT_COUNT] = {
		[WAIT_AGENT] = {.fd = w->sock, .events = POLLIN},
		[WAIT_SIGNAL] = {.fd = w->signal_fd, .events = POLLIN},
		[WAIT_STDOUT] = {.fd = w->pumps[STDOUT_FILENO].from, .events = POLLIN},
		[WAIT_STDERR] = {.fd = w->pumps[STDERR_FILENO].from, .events = POLLIN},
		[WAIT_ANSWER] = {.fd = -1, .events = POLLIN}};
	struct err err = {0};
	int status = -1;

	if (!reply)
		err_set(&err, -ENOMEM, "out of memory");
	while (status < 0 && !err.code) {
		fds[WAIT_ANSWER].fd = w->ask.waiting ? w->ask.tty : -1;
		if (poll(fds, WAIT_COUNT, w->terminal && !w->running ? 500 : -1) >= 0)
			status = handle(w, fds, reply, &err);
		else if (errno != EINTR)
			err_set(&err, -errno, "cannot wait: %m");
		show_progress(w);
	}
	if (status >= 0)
		return status;
	complain(err.text);
	return AGENT_EXIT_REFUSED;
}

int agent_command_run(bool raw, bool json, int argc, char **argv)
{
	cleanup_(parcel_release) struct parcel parcel = {0};
	struct err err = {0};

	if (ensure_stdio() < 0)
		return AGENT_EXIT_REFUSED;
	cleanup_fd int sock = agent_connect(&err);
	struct waiting w = {.sock = sock,
			    .pumps = {{.from = -1}, {.from = -1}, {.from = -1}},
			    .terminal = isatty(STDERR_FILENO),
			    .json = json,
			    .started_ms = now_ms()};
	int r = sock < 0 ? sock : pack(&parcel, argc, argv, &err);

	agent_ask_open(&w.ask);
	if (r == 0 && w.ask.tty >= 0)
		parcel.message->flags |= AGENT_RUN_ASK;
	if (r == 0 && !raw)
		r = filter_terminals(&parcel, w.pumps, &err);
	if (r == 0) {
		r = fd_send(sock, parcel.message, sizeof(*parcel.message), parcel.fds, parcel.nfds);
		if (r < 0)
			err_set(&err, r, "cannot ask the agent: %s", strerror(-r));
	}
	if (r < 0) {
		complain(err.text);
		return AGENT_EXIT_REFUSED;
	}
	cleanup_fd int signals = catch_signals();

	w.signal_fd = signals;
	/* The task has the streams now; ours would keep a pipe open after its end. */
	parcel_release(&parcel);
	close(STDIN_FILENO);
	if (w.pumps[STDOUT_FILENO].from < 0)
		close(STDOUT_FILENO);
	/* It may wait for hours, and there are as many of it as tasks: the request goes from its heap. */
	(void)malloc_trim(0);
	int status = wait_for_end(&w);

	end_output(&w);
	agent_ask_close(&w.ask);
	return status;
}
