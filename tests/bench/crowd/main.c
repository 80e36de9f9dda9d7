/* crowd: starts tasks one after another, keeps them all alive, and tells what they cost.
 *
 *	crowd --count N --user NAME --process COMM [--step K] [--settle S] [--idle S] -- PROGRAM [ARG...]
 *
 * "%d" in an argument is the task's number. Each task must print "ran-NUMBER" as its first line and then
 * answer every line of its input with that line. Lines on stdout:
 *	mem TASKS AVAILABLE-KIB      before the first task and after each K-th: MemAvailable
 *	alive TASKS                  how many came up; the first that does not ends the starting
 *	now NAME KIB                 fields of /proc/meminfo when all are alive and S seconds have passed
 *	pss COMM PROCESSES KIB       the sum of PSS of all processes of one name
 *	busy PERCENT                 of all CPUs, over S seconds in which nobody does anything
 *	wakeups COMM PER-SECOND      times a thread of a process of that name went to sleep, per process
 *	answered TASKS               how many answered a nonce that they had never seen, at the end
 * Waits by poll(2) for whatever happens. Exit 1: not every one that came up answered. */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/number.h"

enum {
	TASKS_MAX = 4000,
	ARGS_MAX = 64,
	LINE_BYTES = 128,
	LIMIT_MS = 120000
};

struct options {
	unsigned count, step, settle_s, idle_s;
	const char *process;
	const struct passwd *user;
	char **argv;
};

struct task {
	pid_t pid;
	int in, out;
};

static void become(const struct options *o, unsigned number, int in, int out)
{
	char *argv[ARGS_MAX + 1] = {0};

	for (int i = 0; o->argv[i] && i < ARGS_MAX; i++)
		argv[i] = with_number(o->argv[i], number);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || setsid() < 0 ||
	    initgroups(o->user->pw_name, o->user->pw_gid) < 0 || setgid(o->user->pw_gid) < 0 ||
	    setuid(o->user->pw_uid) < 0 || chdir("/") < 0)
		err(2, "become %s", o->user->pw_name);
	execvp(argv[0], argv);
	err(2, "%s", argv[0]);
}

static void start(const struct options *o, struct task *t, unsigned number)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		err(2, "pipe");
	t->pid = fork();
	if (t->pid < 0)
		err(2, "fork");
	if (t->pid == 0)
		become(o, number, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	t->in = in[1];
	t->out = out[0];
}

/* Whether the next line of its output is this one. */
static bool says(const struct task *t, const char *want)
{
	struct pollfd p = {.fd = t->out, .events = POLLIN};
	char line[LINE_BYTES] = "";
	size_t have = 0;

	while (have < sizeof(line) - 1 && !strchr(line, '\n')) {
		ssize_t n = poll(&p, 1, LIMIT_MS) > 0
				    ? read(t->out, line + have, sizeof(line) - 1 - have)
				    : 0;
		if (n <= 0)
			return false;
		have += (size_t)n;
		line[have] = '\0';
	}
	return strcmp(line, want) == 0;
}

/* The number in a file behind a word at the start of a line; 0 without the file or the word. */
static unsigned long long number_in(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	char line[256];
	unsigned long long n = 0;

	while (file && n == 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, word, strlen(word)) == 0)
			n = strtoull(line + strlen(word), NULL, 10);
	if (file)
		fclose(file);
	return n;
}

static void tell_available(unsigned tasks)
{
	printf("mem %u %llu\n", tasks, number_in("/proc/meminfo", "MemAvailable:"));
	fflush(stdout);
}

/* Calls use for each process of that name with its folder in /proc; returns how many there are. */
static unsigned for_each(const char *comm, void (*use)(const char *folder, void *context),
			 void *context)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	unsigned n = 0;

	while (dir && (entry = readdir(dir))) {
		char folder[300], path[320], name[32] = "";

		snprintf(folder, sizeof(folder), "/proc/%s", entry->d_name);
		snprintf(path, sizeof(path), "%s/comm", folder);
		FILE *file = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? fopen(path, "re")
										: NULL;
		if (!file)
			continue;
		bool is_one = fgets(name, sizeof(name), file) && name[strcspn(name, "\n")] &&
			      strncmp(name, comm, strcspn(name, "\n")) == 0 &&
			      comm[strcspn(name, "\n")] == '\0';
		fclose(file);
		if (!is_one)
			continue;
		n++;
		use(folder, context);
	}
	if (dir)
		closedir(dir);
	return n;
}

static void add_pss(const char *folder, void *sum)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/smaps_rollup", folder);
	*(unsigned long long *)sum += number_in(path, "Pss:");
}

static void add_sleeps(const char *folder, void *sum)
{
	char path[640];

	snprintf(path, sizeof(path), "%s/task", folder);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/task/%s/status", folder, entry->d_name);
		*(unsigned long long *)sum += number_in(path, "voluntary_ctxt_switches:");
	}
	if (dir)
		closedir(dir);
}

static void tell_memory(const struct options *o)
{
	static const char *const fields[] = {
		"MemAvailable:", "MemFree:",      "Cached:",      "AnonPages:",  "Shmem:",
		"Slab:",         "SReclaimable:", "KernelStack:", "PageTables:", "SecPageTables:"};
	const char *const names[] = {o->process, "ampoule", "ampoule-agent"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		printf("now %.*s %llu\n", (int)strlen(fields[i]) - 1, fields[i],
		       number_in("/proc/meminfo", fields[i]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned long long kib = 0;
		unsigned n = for_each(names[i], add_pss, &kib);

		printf("pss %s %u %llu\n", names[i], n, kib);
	}
}

/* Ticks of all CPUs since the start: all, and those in which nothing ran. */
static void cpu_ticks(unsigned long long *ret_all, unsigned long long *ret_idle)
{
	unsigned long long t[8] = {0};
	FILE *file = fopen("/proc/stat", "re");

	if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", t, t + 1, t + 2,
			    t + 3, t + 4, t + 5, t + 6, t + 7) != 8)
		err(2, "/proc/stat");
	fclose(file);
	*ret_all = *ret_idle = t[3] + t[4];
	for (int i = 0; i < 8; i++)
		*ret_all += i == 3 || i == 4 ? 0 : t[i];
}

static void tell_idle(const struct options *o)
{
	unsigned long long all[2], idle[2], sleeps[2] = {0, 0};
	unsigned n = for_each(o->process, add_sleeps, &sleeps[0]);

	cpu_ticks(&all[0], &idle[0]);
	sleep(o->idle_s);
	cpu_ticks(&all[1], &idle[1]);
	for_each(o->process, add_sleeps, &sleeps[1]);
	unsigned long long ticks = all[1] - all[0];

	printf("busy %.2f\n",
	       ticks ? 100.0 * (double)(ticks - (idle[1] - idle[0])) / (double)ticks : 0.0);
	printf("wakeups %s %.3f\n", o->process,
	       n ? (double)(sleeps[1] - sleeps[0]) / n / o->idle_s : 0.0);
	fflush(stdout);
}

static bool answers(const struct task *t)
{
	char line[LINE_BYTES];
	uint64_t nonce;

	if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		err(2, "getrandom");
	int n = snprintf(line, sizeof(line), "%016llx\n", (unsigned long long)nonce);

	return write(t->in, line, (size_t)n) == n && says(t, line);
}

static unsigned start_all(const struct options *o, struct task *tasks)
{
	unsigned alive = 0;

	tell_available(0);
	for (; alive < o->count; alive++) {
		char want[32];

		start(o, &tasks[alive], alive + 1);
		snprintf(want, sizeof(want), "ran-%u\n", alive + 1);
		if (!says(&tasks[alive], want)) {
			kill(tasks[alive].pid, SIGTERM);
			break;
		}
		if ((alive + 1) % o->step == 0)
			tell_available(alive + 1);
	}
	printf("alive %u\n", alive);
	fflush(stdout);
	return alive;
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {{"count", 1, NULL, 'n'},   {"user", 1, NULL, 'u'},
						{"process", 1, NULL, 'p'}, {"step", 1, NULL, 'k'},
						{"settle", 1, NULL, 's'},  {"idle", 1, NULL, 'i'},
						{NULL, 0, NULL, 0}};
	int option;

	*o = (struct options){.count = 10, .step = 10, .settle_s = 5, .idle_s = 20};
	while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

		if (option == 'u')
			o->user = getpwnam(optarg);
		else if (option == 'p')
			o->process = optarg;
		else if (option == 'n')
			o->count = number;
		else if (option == 'k')
			o->step = number;
		else if (option == 's')
			o->settle_s = number;
		else if (option == 'i')
			o->idle_s = number;
	}
	o->argv = argv + optind;
	if (!o->argv[0] || !o->user || !o->process || !o->step || !o->idle_s ||
	    o->count > TASKS_MAX)
		errx(2, "usage: crowd --count N --user NAME --process COMM [--step K] "
			"[--settle S] [--idle S] -- PROGRAM [ARG...]");
}

int main(int argc, char **argv)
{
	static struct task tasks[TASKS_MAX];
	struct options o;
	unsigned answered = 0;

	parse(&o, argc, argv);
	(void)signal(SIGPIPE, SIG_IGN);
	unsigned alive = start_all(&o, tasks);

	sleep(o.settle_s);
	tell_memory(&o);
	tell_idle(&o);
	for (unsigned i = 0; i < alive; i++)
		answered += answers(&tasks[i]);
	printf("answered %u\n", answered);
	fflush(stdout);
	for (unsigned i = 0; i < alive; i++)
		close(tasks[i].in); /* the end of its input is the end of its task */
	while (wait(NULL) > 0)
		;
	return answered == alive && alive > 0 ? 0 : 1;
}
