#include "tests/fleet-sim/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_BYTES = 200,
	WORDS = 4,
	POLL_US = 5000
};

typedef void command(struct sim_loop *loop, char *word[WORDS]);

static unsigned long number(const char *text)
{
	return text ? strtoul(text, NULL, 10) : 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Percentiles by nearest rank, in ms. */
static void print_times(uint64_t *times, unsigned n)
{
	qsort(times, n, sizeof(*times), compare);
	if (n)
		printf(", \"p50_ms\": %" PRIu64 ", \"p99_ms\": %" PRIu64 ", \"max_ms\": %" PRIu64,
		       times[(n * 50UL + 99) / 100 - 1], times[(n * 99UL + 99) / 100 - 1],
		       times[n - 1]);
}

static void print_counts(struct sim_loop *loop)
{
	const struct sim_shared *s = &loop->shared;

	printf("\"agents\": %u, \"up\": %u, \"enrolled\": %u, \"failed\": %u, \"refused\": %llu, "
	       "\"acked\": %llu, \"verify_us\": %llu",
	       loop->count, atomic_load(&s->up), atomic_load(&s->enrolled), atomic_load(&s->failed),
	       atomic_load(&s->refused), atomic_load(&s->acked), atomic_load(&s->verify_us));
}

static void on_status(struct sim_loop *loop, char *word[WORDS])
{
	(void)word;
	printf("{");
	print_counts(loop);
	printf("}\n");
}

/* Waits until so many are up since `from`, and tells how long each took. */
static void wait_up(struct sim_loop *loop, uint64_t from, unsigned count, unsigned seconds)
{
	uint64_t until = sim_now_ms() + seconds * 1000ULL;
	uint64_t *times = calloc(loop->count, sizeof(*times));
	unsigned n = 0;

	while (atomic_load(&loop->shared.up) < count && sim_now_ms() < until)
		usleep(POLL_US);
	for (unsigned i = 0; times && i < loop->count; i++) {
		uint64_t at = atomic_load(&loop->agents[i].up_ms);

		if (at >= from && atomic_load(&loop->agents[i].state) == SIM_UP)
			times[n++] = at - from;
	}
	printf("{\"seconds\": %.3f, ", (double)(sim_now_ms() - from) / 1000);
	print_counts(loop);
	print_times(times, n);
	printf("}\n");
	free(times);
}

static void on_connect(struct sim_loop *loop, char *word[WORDS])
{
	uint64_t now = sim_now_ms();

	atomic_store(&loop->connecting, true);
	wait_up(loop, now, loop->count, word[1] ? (unsigned)number(word[1]) : 300);
}

static void on_storm(struct sim_loop *loop, char *word[WORDS])
{
	uint64_t now = sim_now_ms();

	atomic_store(&loop->storm, true);
	while (atomic_load(&loop->storm))
		usleep(1000);
	wait_up(loop, now, loop->count, word[1] ? (unsigned)number(word[1]) : 300);
}

/* Closes every channel and stays away. */
static void on_leave(struct sim_loop *loop, char *word[WORDS])
{
	(void)word;
	atomic_store(&loop->connecting, false);
	atomic_store(&loop->storm, true);
	while (atomic_load(&loop->storm))
		usleep(1000);
	on_status(loop, word);
}

/* Stuck and slow agents are not waited for. */
static bool have_all(const struct sim_loop *loop, uint64_t serial)
{
	for (unsigned i = 0; i < loop->count; i++) {
		if (loop->agents[i].behaviour == SIM_GOOD &&
		    atomic_load(&loop->agents[i].applied) < serial)
			return false;
	}
	return true;
}

/* applied SERIAL SINCE-MS SECONDS: when each agent's report of the serial had left, since a wall clock time. */
static void on_applied(struct sim_loop *loop, char *word[WORDS])
{
	uint64_t serial = number(word[1]), since = word[2] ? strtoull(word[2], NULL, 10) : 0;
	uint64_t until = sim_now_ms() + (word[3] ? number(word[3]) : 60) * 1000ULL;
	uint64_t *times = calloc(loop->count, sizeof(*times));
	unsigned n = 0;

	while (!have_all(loop, serial) && sim_now_ms() < until)
		usleep(POLL_US);
	for (unsigned i = 0; times && i < loop->count; i++) {
		if (atomic_load(&loop->agents[i].applied) >= serial)
			times[n++] = atomic_load(&loop->agents[i].applied_at_ms) - since;
	}
	printf("{\"applied\": %u, ", n);
	print_counts(loop);
	print_times(times, n);
	printf("}\n");
	free(times);
}

static uint64_t all_made(const struct sim_loop *loop, uint64_t now_ms)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < loop->count; i++) {
		if (loop->agents[i].behaviour != SIM_SLOW)
			sum += sim_agent_made(&loop->agents[i], now_ms) - loop->agents[i].base;
	}
	return sum;
}

/* events BURST EVERY-MS SECONDS: each agent makes BURST events every EVERY-MS; ends when all are acked, or
 * two minutes after the last was made. */
static void on_events(struct sim_loop *loop, char *word[WORDS])
{
	struct sim_shared *s = &loop->shared;
	uint64_t now = sim_now_ms(), end = now + number(word[3]) * 1000ULL;
	uint64_t before = atomic_load(&s->acked), made = 0, acked;

	/* Nothing is under way: the events of the last time are acked, or will be sent again. */
	for (unsigned i = 0; i < loop->count; i++)
		loop->agents[i].base = loop->agents[i].acked;
	atomic_store(&s->burst, (unsigned)number(word[1]));
	atomic_store(&s->every_ms, (unsigned)number(word[2]));
	atomic_store(&s->events_until, end);
	atomic_store(&s->events_ms, now);
	do {
		usleep(POLL_US);
		acked = atomic_load(&s->acked) - before;
		made = all_made(loop, end);
	} while ((sim_now_ms() < end || acked < made) && sim_now_ms() < end + 120000);
	double seconds = (double)(sim_now_ms() - now) / 1000;

	printf("{\"made\": %" PRIu64 ", \"seconds\": %.3f, \"events_per_s\": %.0f, ", made, seconds,
	       (double)acked / seconds);
	print_counts(loop);
	printf("}\n");
}

static void on_keepalive(struct sim_loop *loop, char *word[WORDS])
{
	atomic_store(&loop->shared.keepalive_s, (unsigned)number(word[1]));
	on_status(loop, word);
}

/* behave WORD N: the first N agents, at their next connection. */
static void on_behave(struct sim_loop *loop, char *word[WORDS])
{
	static const char *const words[SIM_BEHAVIOURS] = {"good", "slow", "stuck"};

	for (int b = 0; word[1] && b < SIM_BEHAVIOURS; b++) {
		for (unsigned i = 0;
		     !strcmp(word[1], words[b]) && i < number(word[2]) && i < loop->count; i++)
			loop->agents[i].behaviour = (enum sim_behaviour)b;
	}
	on_status(loop, word);
}

static const struct {
	const char *name;
	command *run;
} commands[] = {
	{"status", on_status}, {"connect", on_connect},     {"storm", on_storm},
	{"leave", on_leave},   {"applied", on_applied},     {"events", on_events},
	{"behave", on_behave}, {"keepalive", on_keepalive},
};

static bool run_line(struct sim_loop *loop, char *line)
{
	char *word[WORDS] = {NULL}, *rest = NULL;

	word[0] = strtok_r(line, " \n", &rest);
	for (int i = 1; i < WORDS && word[i - 1]; i++)
		word[i] = strtok_r(NULL, " \n", &rest);
	for (size_t i = 0; word[0] && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, word[0]) != 0)
			continue;
		commands[i].run(loop, word);
		(void)fflush(stdout);
		return true;
	}
	return false;
}

int sim_commands_run(struct sim_loop *loop)
{
	char line[LINE_BYTES];

	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "quit", 4) == 0)
			return 0;
		if (run_line(loop, line))
			continue;
		(void)fprintf(stderr, "fleet-sim: no such command: %s", line);
		return 1;
	}
	return 0;
}
