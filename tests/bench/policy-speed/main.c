/* policy-speed RUNS: how long policies of 10 to 10,000 rules take to be read, compiled and loaded, and to decide.
 * Prints "SERIES VALUE" lines: read-N and load-N in ms, decide-N in ns per verdict, each of a batch of accesses of
 * which half meet a rule. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/policy/policy.h"
#include "microvisor/arbiter/policy.h"

enum {
	BATCH = 2000,
	OBJECTS = 4096
};

static const struct policy_request request = {.user = "u",
					      .home = "/home/u",
					      .file_count = 1,
					      .files = {"/home/u/report.pdf"},
					      .program = "/bin/t"};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What a rule says and what an access under it asks for: FRONT number MIDDLE number END. */
struct form {
	const char *front, *middle, *end;
};

static int put_path(char out[96], const struct form *form, int i)
{
	return snprintf(out, 96, "%s%d%s%d%s", form->front, i % 97, form->middle, i, form->end);
}

static int put_rule(struct buf *out, int i)
{
	static const struct form forms[] = {{"/srv/team", "/share", "/"},
					    {"~/projects/p", "/file", ".txt"},
					    {"~/in", "/*.x", ""},
					    {"~/all", "/**/*.y", ""}};
	char path[96];

	(void)put_path(path, &forms[i % 4], i);
	return buf_printf(out, "  - { id: r%d, path: [\"%s\"], do: %s }\n", i, path,
			  i % 5 ? "read" : "deny");
}

/* Four of five rules are about files, one about hosts. */
static int put_document(struct buf *out, int rules)
{
	int r = buf_printf(out,
			   "ampoule: 1\nkind: base\nid: p\ntrust_levels: [u]\ntasks:\n- id: t\n"
			   "  match: { program: [/bin/t] }\n  run: { image: i, level: u }\n"
			   "  file:\n");

	for (int i = 0; i < rules && r == 0; i++)
		r = i % 5 == 4 ? 0 : put_rule(out, i);
	if (r == 0)
		r = buf_printf(out, "  net:\n");
	for (int i = 4; i < rules && r == 0; i += 5)
		r = buf_printf(
			out, "  - { id: n%d, host: [\"%sh%d.example\"], port: [443], do: allow }\n",
			i, i % 2 ? "*." : "", i);
	return r;
}

static void make_access(struct mv_access *access, char object[96], int i, int rules)
{
	int hit = i % 2 ? rand() % rules : rules + rand() % rules;
	bool net = i % 5 == 4;
	static const struct form forms[] = {{"/srv/team", "/share", "/a/b.txt"},
					    {"/home/u/projects/p", "/file", ".txt"},
					    {"/home/u/in", "/c.x", ""},
					    {"/home/u/all", "/d/e/f.y", ""}};

	hit = net ? hit / 5 * 5 + 4 : hit % 5 == 4 ? hit - 1 : hit;
	int n = net ? snprintf(object, 96, "tcp:[c0000201].%sh%d.example:443", hit % 2 ? "a." : "",
			       hit)
		    : put_path(object, &forms[hit % 4], hit);

	*access = (struct mv_access){.class = net ? MV_CLASS_NET : MV_CLASS_FILE,
				     .op = net ? MV_OP_CONNECT : MV_OP_READ,
				     .object = object,
				     .object_bytes = (uint16_t)n};
}

static int measure_decisions(const struct mv_policy *table, int rules, int runs)
{
	static char text[OBJECTS][96];
	static struct mv_access accesses[OBJECTS];
	struct mv_decision decision;
	unsigned ruled = 0;

	for (int i = 0; i < OBJECTS; i++)
		make_access(&accesses[i], text[i], i, rules);
	for (int run = 0; run < runs; run++) {
		double start = now_ns();

		for (int i = 0; i < BATCH; i++) {
			mv_arbitrate(table, &accesses[(run * BATCH + i) % OBJECTS], &decision);
			ruled += decision.rule >= 0;
		}
		printf("decide-%d %.1f\n", rules, (now_ns() - start) / BATCH);
	}
	/* A benchmark of accesses that meet no rule, or only rules, would be of something else. */
	double share = (double)ruled / ((double)runs * BATCH);

	return share > 0.4 && share < 0.6 ? 0 : 1;
}

static int measure(int rules, int runs)
{
	cleanup_buf struct buf text = {0}, bytes = {0};
	static struct policy_errors errors;
	struct mv_policy table;

	if (put_document(&text, rules) < 0)
		return 1;
	for (int run = 0; run < runs; run++) {
		double start = now_ns();
		struct policy *policy = policy_parse(text.data, text.len, &errors);
		double read = now_ns();

		buf_clear(&bytes);
		if (!policy || policy_compile(policy, 0, &request, 1, &bytes) < 0 ||
		    mv_policy_init(&table, bytes.data, bytes.len) < 0) {
			(void)fprintf(stderr, "policy-speed: %s\n", errors.list[0].text);
			return 1;
		}
		printf("read-%d %.3f\nload-%d %.3f\n", rules, (read - start) / 1e6, rules,
		       (now_ns() - read) / 1e6);
		policy_free(policy);
	}
	return measure_decisions(&table, rules, runs);
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 20, bad = 0;

	for (int rules = 10; rules <= 10000; rules *= 10)
		bad |= measure(rules, runs);
	return bad;
}
