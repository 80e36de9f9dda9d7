/* first-byte: how long a program takes from fork(2) to the first byte of its output.
 *
 *	first-byte [--runs N] [--at-once K] [--qmp] [--request TEXT] -- PROGRAM [ARG...]
 *
 * "%d" in an argument and in TEXT is the run's number, given no sooner than the run starts. The first
 * line of output must be "run-NUMBER", or the run does not count. One line is printed for each run:
 * microseconds, or "lost". --at-once: that many start together, each counted from its own fork.
 *	--request TEXT  is written to the program's standard input when it is started
 *	--qmp           ... when QEMU has said on its QMP socket, descriptor 5, that it runs; it is killed after
 *			the first line, where others are waited for
 * Whatever happens is waited for by poll(2): nothing is looked at again and again. Exit 1: a run was lost. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	QMP_FD = 5,
	AT_ONCE_MAX = 64,
	ARGS_MAX = 64,
	TEXT_MAX = 4096,
	LIMIT_MS = 120000
};

struct options {
	unsigned runs;
	unsigned at_once;
	bool qmp;
	const char *request;
	char **argv;
};

struct run {
	unsigned number;
	pid_t pid;
	int out;
	int in;
	int qmp; /* -1: no QMP, or no longer looked at */
	uint64_t begin_us;
	uint64_t first_us; /* 0: no byte yet */
	size_t have;
	char line[TEXT_MAX];
	size_t heard; /* of QMP */
	char words[TEXT_MAX];
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* text with "%d" replaced, in a buffer of its own that lives as long as the process. */
static char *with_number(const char *text, unsigned number)
{
	const char *at = strstr(text, "%d");
	char *out;

	if (!at)
		return strdup(text);
	if (asprintf(&out, "%.*s%u%s", (int)(at - text), text, number, at + 2) < 0)
		err(2, "memory");
	return out;
}

static void become(const struct options *o, unsigned number, const int in[2], const int out[2],
		   int qmp)
{
	char *argv[ARGS_MAX + 1] = {0};

	for (int i = 0; o->argv[i] && i < ARGS_MAX; i++)
		argv[i] = with_number(o->argv[i], number);
	if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 ||
	    (qmp >= 0 && dup2(qmp, QMP_FD) < 0))
		err(2, "dup2");
	execvp(argv[0], argv);
	err(2, "%s", argv[0]);
}

static void say(int fd, const char *text)
{
	if (fd >= 0 && write(fd, text, strlen(text)) < 0 && errno != EPIPE)
		warn("write");
}

static void start(const struct options *o, struct run *r, unsigned number)
{
	int in[2];
	int out[2];
	int qmp[2] = {-1, -1};

	*r = (struct run){.number = number, .qmp = -1};
	/* QMP_FD stays free for the child: what is made here is moved above it. */
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    (o->qmp && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) < 0))
		err(2, "pipe");
	r->begin_us = now_us();
	r->pid = fork();
	if (r->pid < 0)
		err(2, "fork");
	if (r->pid == 0)
		become(o, number, in, out, qmp[1]);
	close(in[0]);
	close(out[1]);
	if (o->qmp)
		close(qmp[1]);
	r->in = in[1];
	r->out = out[0];
	r->qmp = qmp[0];
	if (r->qmp >= 0)
		say(r->qmp, "{\"execute\":\"qmp_capabilities\"}\n");
	else if (o->request)
		say(r->in, with_number(o->request, number));
}

/* QEMU's words until it runs. */
static void on_qmp(const struct options *o, struct run *r)
{
	ssize_t n = read(r->qmp, r->words + r->heard, sizeof(r->words) - 1 - r->heard);

	if (n <= 0) {
		close(r->qmp);
		r->qmp = -1;
		return;
	}
	r->heard += (size_t)n;
	r->words[r->heard] = '\0';
	if (!strstr(r->words, "\"RESUME\""))
		return;
	say(r->in, with_number(o->request, r->number));
	r->heard = 0; /* asked once */
	r->words[0] = '\0';
}

/* True when the first line is there, or none will come. */
static bool on_output(struct run *r)
{
	ssize_t n = read(r->out, r->line + r->have, sizeof(r->line) - 1 - r->have);

	if (n <= 0)
		return true;
	if (r->first_us == 0)
		r->first_us = now_us();
	r->have += (size_t)n;
	r->line[r->have] = '\0';
	return strchr(r->line, '\n') || r->have == sizeof(r->line) - 1;
}

static bool finish(const struct options *o, struct run *r)
{
	char want[32];

	snprintf(want, sizeof(want), "run-%u", r->number);
	r->line[strcspn(r->line, "\r\n")] = '\0';
	bool good = r->first_us && strcmp(r->line, want) == 0;

	if (o->qmp || !good)
		kill(r->pid, SIGKILL);
	close(r->in);
	close(r->out);
	if (r->qmp >= 0)
		close(r->qmp);
	if (waitpid(r->pid, NULL, 0) != r->pid)
		warn("waitpid");
	if (good)
		printf("%llu\n", (unsigned long long)(r->first_us - r->begin_us));
	else
		printf("lost\n");
	fflush(stdout);
	return good;
}

/* Runs count of them at once; how many were lost. */
static unsigned batch(const struct options *o, unsigned first, unsigned count)
{
	static struct run runs[AT_ONCE_MAX];
	struct pollfd fds[2 * AT_ONCE_MAX];
	bool done[AT_ONCE_MAX] = {false};
	unsigned left = count;
	unsigned lost = 0;

	for (unsigned i = 0; i < count; i++)
		start(o, &runs[i], first + i);
	while (left > 0) {
		for (unsigned i = 0; i < count; i++) {
			fds[2 * i] =
				(struct pollfd){.fd = done[i] ? -1 : runs[i].out, .events = POLLIN};
			fds[2 * i + 1] =
				(struct pollfd){.fd = done[i] ? -1 : runs[i].qmp, .events = POLLIN};
		}
		int n = poll(fds, 2 * count, LIMIT_MS);

		for (unsigned i = 0; i < count; i++) {
			if (done[i])
				continue;
			if (fds[2 * i + 1].revents)
				on_qmp(o, &runs[i]);
			done[i] = n <= 0 || (fds[2 * i].revents && on_output(&runs[i]));
			if (!done[i])
				continue;
			left--;
			lost += !finish(o, &runs[i]);
		}
	}
	return lost;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"runs", 1, NULL, 'n'},
						{"at-once", 1, NULL, 'k'},
						{"qmp", 0, NULL, 'q'},
						{"request", 1, NULL, 'r'},
						{NULL, 0, NULL, 0}};
	struct options o = {.runs = 1, .at_once = 1};
	unsigned lost = 0;
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		if (option == 'n')
			o.runs = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'k')
			o.at_once = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'q')
			o.qmp = true;
		else if (option == 'r')
			o.request = optarg;
		else
			return 2;
	}
	o.argv = argv + optind;
	if (!o.argv[0] || o.at_once < 1 || o.at_once > AT_ONCE_MAX || (o.qmp && !o.request))
		errx(2, "usage: first-byte [--runs N] [--at-once K] [--qmp] [--request TEXT] -- "
			"PROGRAM [ARG...]");
	(void)signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < o.runs; i += o.at_once)
		lost += batch(&o, i + 1, o.runs - i < o.at_once ? o.runs - i : o.at_once);
	return lost ? 1 : 0;
}
