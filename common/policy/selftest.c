#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/policy/check.h"
#include "common/policy/document.h"
#include "common/policy/network.h"
#include "common/policy/pattern.h"
#include "common/policy/policy.h"
#include "common/policy/words.h"
#include "microvisor/arbiter/policy.h"

/* The document's tests go the whole way: compiled as for an endpoint, decided by the arbiter. */

enum {
	QUOTED = 512
};

static const struct {
	const char *word;
	uint8_t class;
	uint8_t op;
} targets[TARGET_COUNT] = {
	[TARGET_LOOKUP] = {"lookup", MV_CLASS_FILE, MV_OP_LOOKUP},
	[TARGET_STAT] = {"stat", MV_CLASS_FILE, MV_OP_STAT},
	[TARGET_OPEN] = {"open", MV_CLASS_FILE, MV_OP_OPEN},
	[TARGET_READ] = {"read", MV_CLASS_FILE, MV_OP_READ},
	[TARGET_LIST] = {"list", MV_CLASS_FILE, MV_OP_LIST},
	[TARGET_WRITE] = {"write", MV_CLASS_FILE, MV_OP_WRITE},
	[TARGET_CREATE] = {"create", MV_CLASS_FILE, MV_OP_CREATE},
	[TARGET_DELETE] = {"delete", MV_CLASS_FILE, MV_OP_DELETE},
	[TARGET_RENAME] = {"rename", MV_CLASS_FILE, MV_OP_RENAME},
	[TARGET_STDIO] = {"stdio", MV_CLASS_STDIO, MV_OP_WRITE},
	[TARGET_CONNECT] = {"connect", MV_CLASS_NET, MV_OP_CONNECT},
	[TARGET_RESOLVE] = {"resolve", MV_CLASS_DNS, MV_OP_LOOKUP},
};

const char *policy_target_word(enum test_target target)
{
	return targets[target].word;
}

/* Whose test it is: the tests of the layers stand one behind the other. */
static const struct layer *layer_of(const struct policy *policy, const struct test *test)
{
	size_t n = (size_t)(test - (const struct test *)policy->tests.items);
	const struct layer *layer = policy->layers;

	for (; n >= layer->tests.count; layer++)
		n -= layer->tests.count;
	return layer;
}

/* The paths of one test, written out for its user. */
struct scene {
	char home[MV_PATH_MAX];
	char file[MV_PATH_MAX];
	char object[MV_PATH_MAX];
	size_t target;
};

static int set_scene(const struct test *test, struct scene *ret_scene)
{
	struct scene *s = ret_scene;
	const struct given *given = test->given;

	if (given->home)
		(void)snprintf(s->home, sizeof(s->home), "%s", given->home);
	else
		(void)snprintf(s->home, sizeof(s->home), "/home/%s", given->user);
	for (s->target = 0; !test->targets[s->target]; s->target++)
		continue;
	s->file[0] = '\0';
	int r = given->file ? pattern_home(given->file, s->home, s->file) : 0;

	if (r == 0)
		r = pattern_home(test->targets[s->target], s->home, s->object);
	size_t n = r == 0 ? strlen(s->object) : 0;

	/* A folder may be written as in a rule, with its "/". */
	if (n > 1 && s->object[n - 1] == '/' && targets[s->target].class == MV_CLASS_FILE)
		s->object[n - 1] = '\0';
	return r;
}

/* An exception opens what the policy's own tests hold shut: those are run as on a day after its end. */
static uint64_t time_of(const struct policy *policy, const struct test *test)
{
	bool its_own = layer_of(policy, test)->kind == POLICY_KIND_EXCEPTION;

	return test->given->at_s || its_own ? test->given->at_s : UINT64_MAX;
}

static int decide(const struct policy *policy, const struct test *test, const struct scene *s,
		  struct mv_decision *ret_decision, char ret_rule[MV_NAME_MAX])
{
	struct policy_request request = {.user = test->given->user,
					 .home = s->home,
					 .hostname = test->given->device,
					 .now_s = time_of(policy, test)};
	cleanup_buf struct buf table = {0};
	struct mv_policy compiled;
	char connection[NETWORK_OBJECT_MAX];

	if (s->file[0])
		request.files[request.file_count++] = s->file;
	int r = policy_compile(policy, policy_find_task(policy, test->task), &request, 0, &table);

	if (r == 0)
		r = mv_policy_init(&compiled, table.data, table.len);
	if (r == 0 && s->target == TARGET_CONNECT)
		r = network_object(s->object, connection);
	if (r < 0)
		return r;
	const char *object = s->target == TARGET_CONNECT ? connection : s->object;
	struct mv_access access = {.class = targets[s->target].class,
				   .op = targets[s->target].op,
				   .object_bytes = (uint16_t)strlen(object),
				   .object = object};

	mv_arbitrate(&compiled, &access, ret_decision);
	mv_policy_rule_id(&compiled, ret_decision->rule, ret_rule);
	return 0;
}

static int put_failure(struct buf *out, const struct layer *layer, const struct test *test,
		       const struct scene *s, const struct mv_decision *got, const char *rule)
{
	const struct expect *expect = test->expect;
	const char *wanted = expect->rule;
	char quoted[QUOTED];

	return buf_printf(out, "%s: line %d: task %s: %s %s: expected %s%s%s, got %s by %s\n",
			  layer->id, test->node->line, test->task, targets[s->target].word,
			  log_quote(quoted, sizeof(quoted), s->object, strlen(s->object)),
			  words_verdict(expect->verdict), wanted ? " by " : "",
			  wanted ? wanted : "", words_verdict(got->verdict),
			  rule[0] ? rule : "no rule");
}

/* 0: as expected; 1: not, and a line was put. */
static int run_test(const struct policy *policy, const struct test *test, struct buf *out)
{
	struct mv_decision got = {0};
	char rule[MV_NAME_MAX] = "";
	struct scene s;
	int r = set_scene(test, &s);

	if (r == 0)
		r = decide(policy, test, &s, &got, rule);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		r = buf_printf(out, "%s: line %d: task %s: cannot be compiled for it: %s\n",
			       layer_of(policy, test)->id, test->node->line, test->task,
			       strerrordesc_np(-r));
		return r < 0 ? r : 1;
	}
	if (got.verdict == test->expect->verdict &&
	    (!test->expect->rule || !strcmp(test->expect->rule, rule)))
		return 0;
	r = put_failure(out, layer_of(policy, test), test, &s, &got, rule);
	return r < 0 ? r : 1;
}

int policy_run_tests(const struct policy *policy, struct buf *out)
{
	const struct test *tests = policy->tests.items;
	int failed = 0;

	for (size_t i = 0; i < policy->tests.count; i++) {
		int r = run_test(policy, &tests[i], out);

		if (r < 0)
			return r;
		failed += r;
	}
	return failed;
}
