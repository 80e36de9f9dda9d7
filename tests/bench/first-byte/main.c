/* first-byte: how long a program takes from fork(2) to the first byte of its output.
 *
 *	first-byte [--runs N] [--first NUMBER] [--at-once K] -- PROGRAM [ARG...]
 *
 * "%d" in an argument is the run's number (from NUMBER on), given no sooner than the run starts. The first line of output
 * must be "run-NUMBER", or the run does not count. One line is printed for each run:
 * microseconds, or "lost". --at-once: that many start together, each counted from its own fork.
 * Whatever happens is waited for by poll(2): nothing is looked at again and again. Exit 1: a run was lost. */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/number.h"

enum {
	AT_ONCE_MAX = 64,
	ARGS_MAX = 64,
	TEXT_MAX = 4096,
	LIMIT_MS = 120000
};

struct options {
	unsigned runs;
	unsigned at_once;
	unsigned first;
	char **argv;
};

struct run {
	unsigned number;
	pid_t pid;
	int out;
	uint64_t begin_us;
	uint64_t first_us; /* 0: no byte yet */
	size_t have;
	char line[TEXT_MAX];
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void become(const struct options *o, unsigned number, int out)
{
	char *argv[ARGS_MAX + 1] = {0};

	for (int i = 0; o->argv[i] && i < ARGS_MAX; i++)
		argv[i] = with_number(o->argv[i], number);
	if (dup2(out, STDOUT_FILENO) < 0)
		err(2, "dup2");
	execvp(argv[0], argv);
	err(2, "%s", argv[0]);
}

static void start(const struct options *o, struct run *r, unsigned number)
{
	int out[2];

	*r = (struct run){.number = number};
	if (pipe2(out, O_CLOEXEC) < 0)
		err(2, "pipe");
	r->begin_us = now_us();
	r->pid = fork();
	if (r->pid < 0)
		err(2, "fork");
	if (r->pid == 0)
		become(o, number, out[1]);
	close(out[1]);
	r->out = out[0];
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

static bool finish(struct run *r)
{
	char want[32];

	snprintf(want, sizeof(want), "run-%u", r->number);
	r->line[strcspn(r->line, "\r\n")] = '\0';
	bool good = r->first_us && strcmp(r->line, want) == 0;

	if (!good)
		kill(r->pid, SIGKILL);
	close(r->out);
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
	struct pollfd fds[AT_ONCE_MAX];
	bool done[AT_ONCE_MAX] = {false};
	unsigned left = count;
	unsigned lost = 0;

	for (unsigned i = 0; i < count; i++)
		start(o, &runs[i], first + i);
	while (left > 0) {
		for (unsigned i = 0; i < count; i++)
			fds[i] =
				(struct pollfd){.fd = done[i] ? -1 : runs[i].out, .events = POLLIN};
		int n = poll(fds, count, LIMIT_MS);

		for (unsigned i = 0; i < count; i++) {
			if (done[i])
				continue;
			done[i] = n <= 0 || (fds[i].revents && on_output(&runs[i]));
			if (!done[i])
				continue;
			left--;
		}
	}
	/* Only now: while one is waited for, the others' bytes would be read late. */
	for (unsigned i = 0; i < count; i++)
		lost += !finish(&runs[i]);
	return lost;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"runs", 1, NULL, 'n'},
						{"at-once", 1, NULL, 'k'},
						{"first", 1, NULL, 'f'},
						{NULL, 0, NULL, 0}};
	struct options o = {.runs = 1, .at_once = 1, .first = 1};
	unsigned lost = 0;
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		if (option == 'n')
			o.runs = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'k')
			o.at_once = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'f')
			o.first = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	o.argv = argv + optind;
	if (!o.argv[0] || o.at_once < 1 || o.at_once > AT_ONCE_MAX)
		errx(2, "usage: first-byte [--runs N] [--first NUMBER] [--at-once K] -- PROGRAM "
			"[ARG...]");
	for (unsigned i = 0; i < o.runs; i += o.at_once)
		lost += batch(&o, i + o.first, o.runs - i < o.at_once ? o.runs - i : o.at_once);
	return lost ? 1 : 0;
}
