#include "common/policy/check.h"

#include <string.h>

#include "common/policy/pattern.h"
#include "common/policy/report.h"
#include "microvisor/arbiter/policy.h"

/* A variable of a thousand items, used a thousand times, would be a million patterns, compiled again for
 * each test. */
enum {
	PATTERNS_MAX = 16384
};

struct checking {
	struct policy_errors *errors;
	const struct policy *policy;
	size_t patterns;         /* of all lists, variables counted in full */
	const struct rule **ids; /* in order of their ids, for the search */
	size_t id_count;
};

static const struct node *key_of(const struct node *map, const char *key)
{
	const struct node *child = node_find(map, key);

	return child ? child : map;
}

size_t policy_find_task(const struct policy *policy, const char *id)
{
	size_t i = 0;

	while (i < policy->tasks.count && strcmp(policy_tasks(policy)[i].id, id) != 0)
		i++;
	return i;
}

static void check_patterns(struct checking *c, const struct node *list, enum pattern_use use)
{
	if (c->patterns > PATTERNS_MAX)
		return;
	c->patterns += pattern_count(c->policy, list);
	if (c->patterns > PATTERNS_MAX)
		report(c->errors, list,
		       "more than %d patterns in the policy, variables counted in full",
		       PATTERNS_MAX);
	else
		pattern_check(c->errors, c->policy, list, use);
}

static void check_mode(struct checking *c, const struct rule *rule)
{
	if (rule->mode == MODE_AUDIT && rule->action != MV_DENY)
		report(c->errors, key_of(rule->node, "mode"),
		       "only a deny can be on trial: an audit rule never decides");
}

static void check_rules(struct checking *c, const struct rules *rules)
{
	const struct rule *file = rules->file.items, *net = rules->net.items;
	const struct rule *save = rules->save.items;

	for (size_t i = 0; i < rules->file.count; i++) {
		check_patterns(c, file[i].path, PATTERN_RULE_PATH);
		check_mode(c, &file[i]);
	}
	for (size_t i = 0; i < rules->net.count; i++) {
		check_patterns(c, net[i].host, PATTERN_HOST);
		check_mode(c, &net[i]);
	}
	for (size_t i = 0; i < rules->save.count; i++)
		check_patterns(c, save[i].path, PATTERN_RULE_PATH);
}

static bool has_item(const struct node *list, const char *text)
{
	for (const struct node *item = list->first; item; item = item->next) {
		if (!strcmp(item->text, text))
			return true;
	}
	return false;
}

static void check_levels(struct checking *c)
{
	const struct node *levels = c->policy->trust_levels;

	for (const struct node *item = levels->first; item; item = item->next) {
		for (const struct node *other = levels->first; other != item; other = other->next) {
			if (!strcmp(other->text, item->text))
				report(c->errors, item, "\"%s\" is there twice", item->text);
		}
	}
	check_patterns(c, levels, PATTERN_LEVEL);
}

static void check_task(struct checking *c, const struct task *task)
{
	const struct node *level = key_of(task->run->node, "level");

	check_rules(c, &task->rules);
	check_patterns(c, task->match->program, PATTERN_PROGRAM);
	if (task->match->file)
		check_patterns(c, task->match->file, PATTERN_MATCH_FILE);
	if (!has_item(c->policy->trust_levels, task->run->level))
		report(c->errors, level, "\"%s\" is not in trust_levels", task->run->level);
	if (task->run->memory_bytes % (1 << 20))
		report(c->errors, key_of(task->run->node, "memory"), "must be whole Mi");
}

static void check_tasks(struct checking *c)
{
	const struct policy *policy = c->policy;

	for (size_t i = 0; i < policy->tasks.count; i++) {
		const struct task *task = &policy_tasks(policy)[i];
		size_t first = policy_find_task(policy, task->id);

		if (!strcmp(task->id, "refuse"))
			report(c->errors, key_of(task->rules.node, "id"),
			       "\"refuse\" is what default_task says; name the task otherwise");
		if (first < i)
			report(c->errors, key_of(task->rules.node, "id"),
			       "there is a task \"%s\" already, on line %d", task->id,
			       policy_tasks(policy)[first].rules.node->line);
		check_task(c, task);
	}
	if (strcmp(policy->default_task, "refuse") != 0 &&
	    policy_find_task(policy, policy->default_task) == policy->tasks.count)
		report(c->errors, key_of(policy->node, "default_task"),
		       "there is no task \"%s\"; `refuse` or the id of a task",
		       policy->default_task);
}

static void collect(struct checking *c, const struct object_list *list)
{
	const struct rule *rules = list->items;

	for (size_t i = 0; i < list->count; i++)
		c->ids[c->id_count++] = &rules[i];
}

static size_t count_rules(const struct rules *rules)
{
	return rules ? rules->file.count + rules->net.count + rules->save.count : 0;
}

static void collect_rules(struct checking *c, const struct rules *rules)
{
	if (!rules)
		return;
	collect(c, &rules->file);
	collect(c, &rules->net);
	collect(c, &rules->save);
}

/* By id, equal ones as they stand in the text. */
static int by_id(const void *left, const void *right)
{
	const struct rule *const *a = left, *const *b = right;
	int order = strcmp((*a)->id, (*b)->id);

	if (order)
		return order;
	return (*a)->node->line != (*b)->node->line ? (*a)->node->line - (*b)->node->line
						    : (*a)->node->column - (*b)->node->column;
}

static void check_ids(struct checking *c)
{
	const struct policy *policy = c->policy;
	size_t n = count_rules(policy->final);

	for (size_t i = 0; i < policy->tasks.count; i++)
		n += count_rules(&policy_tasks(policy)[i].rules);
	c->ids = calloc(n ? n : 1, sizeof(const struct rule *));
	if (!c->ids) {
		report_at(c->errors, 0, 0, "out of memory");
		return;
	}
	collect_rules(c, policy->final);
	for (size_t i = 0; i < policy->tasks.count; i++)
		collect_rules(c, &policy_tasks(policy)[i].rules);
	qsort(c->ids, n, sizeof(const struct rule *), by_id);
	for (size_t i = 1; i < n; i++) {
		if (!strcmp(c->ids[i - 1]->id, c->ids[i]->id))
			report(c->errors, key_of(c->ids[i]->node, "id"),
			       "there is a rule \"%s\" already, on line %d", c->ids[i]->id,
			       c->ids[i - 1]->node->line);
	}
}

static bool has_rule(const struct checking *c, const char *id)
{
	for (size_t i = 0; i < c->id_count; i++) {
		if (!strcmp(c->ids[i]->id, id))
			return true;
	}
	return false;
}

static void check_place(struct checking *c, const struct node *map, const char *key,
			const char *path)
{
	if (path && !pattern_is_place(path))
		report(c->errors, key_of(map, key),
		       "must begin with \"/\" or \"~/\", and be canonical");
}

static void check_target(struct checking *c, const struct test *test)
{
	size_t targets = 0;

	for (size_t i = 0; i < TARGET_COUNT; i++)
		targets += test->targets[i] != NULL;
	if (targets != 1)
		report(c->errors, test->node,
		       "exactly one of lookup, stat, open, read, list, write, create, delete, "
		       "rename, connect");
	check_place(c, test->node, "lookup", test->targets[TARGET_LOOKUP]);
	check_place(c, test->node, "stat", test->targets[TARGET_STAT]);
	check_place(c, test->node, "open", test->targets[TARGET_OPEN]);
	check_place(c, test->node, "read", test->targets[TARGET_READ]);
	check_place(c, test->node, "list", test->targets[TARGET_LIST]);
	check_place(c, test->node, "write", test->targets[TARGET_WRITE]);
	check_place(c, test->node, "create", test->targets[TARGET_CREATE]);
	check_place(c, test->node, "delete", test->targets[TARGET_DELETE]);
	check_place(c, test->node, "rename", test->targets[TARGET_RENAME]);
}

static void check_tests(struct checking *c)
{
	const struct test *tests = c->policy->tests.items;

	for (size_t i = 0; i < c->policy->tests.count; i++) {
		const struct test *test = &tests[i];
		const struct given *given = test->given;

		if (policy_find_task(c->policy, test->task) == c->policy->tasks.count)
			report(c->errors, key_of(test->node, "task"), "there is no task \"%s\"",
			       test->task);
		if (test->expect->rule && !has_rule(c, test->expect->rule))
			report(c->errors, key_of(test->expect->node, "rule"),
			       "there is no rule \"%s\"", test->expect->rule);
		if (given->home && given->home[0] != '/')
			report(c->errors, key_of(given->node, "home"), "must be absolute");
		check_place(c, given->node, "home", given->home);
		check_place(c, given->node, "file", given->file);
		check_target(c, test);
	}
}

void policy_check(struct policy_errors *errors, const struct policy *policy)
{
	struct checking c = {.errors = errors, .policy = policy};

	check_levels(&c);
	if (policy->final)
		check_rules(&c, policy->final);
	check_tasks(&c);
	check_ids(&c);
	if (c.ids)
		check_tests(&c);
	free(c.ids);
}
