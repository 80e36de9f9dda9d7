#include "common/policy/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/policy/class.h"
#include "common/policy/network.h"
#include "common/policy/pattern.h"
#include "common/policy/report.h"

struct checking {
	struct policy_errors *errors;
	const struct policy *policy;
	const struct rule **ids; /* in order of their ids, for the search */
	size_t id_count;
};

const struct node *policy_key_of(const struct node *map, const char *key)
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

static void check_mode(struct checking *c, const struct rule *rule)
{
	if (rule->mode == MODE_AUDIT && rule->action != MV_DENY)
		report(c->errors, policy_key_of(rule->node, "mode"),
		       "only a deny can be on trial: an audit rule never decides");
}

/* Until saved files are sealed, whoever lets them out unasked has to say that he knows. */
static void check_save(struct checking *c, enum rule_class class, const struct rule *rule)
{
	if (class == RULES_SAVE && rule->action == SAVE_KEEP && !rule->unsealed)
		report(c->errors, policy_key_of(rule->node, "do"),
		       "files are saved in the clear by this version: \"save\" needs `unsealed: "
		       "true`");
}

static void check_level(struct checking *c, const struct node *map, const char *key,
			const char *level);

static void check_rules(struct checking *c, const struct rules *rules)
{
	for (enum rule_class class = 0; class < RULES_COUNT; class ++) {
		const struct rule *list = rules_of(rules, class);

		for (size_t i = 0; i < rules->lists[class].count; i++) {
			pattern_check(c->errors, list[i].objects, rule_classes[class].use);
			check_mode(c, &list[i]);
			check_save(c, class, &list[i]);
			if (list[i].level)
				check_level(c, list[i].node, "level", list[i].level);
		}
	}
}

static bool has_item(const struct node *list, const char *text)
{
	for (const struct node *item = list->first; item; item = item->next) {
		if (!strcmp(item->text, text))
			return true;
	}
	return false;
}

static const struct node *levels_of(const struct checking *c)
{
	return c->policy->layers[0].trust_levels;
}

static void check_level(struct checking *c, const struct node *map, const char *key,
			const char *level)
{
	if (!has_item(levels_of(c), level))
		report(c->errors, policy_key_of(map, key), "\"%s\" is not in trust_levels", level);
}

static void check_levels(struct checking *c)
{
	const struct node *levels = levels_of(c);

	for (const struct node *item = levels->first; item; item = item->next) {
		for (const struct node *other = levels->first; other != item; other = other->next) {
			if (!strcmp(other->text, item->text))
				report(c->errors, item, "\"%s\" is there twice", item->text);
		}
	}
	pattern_check(c->errors, levels, PATTERN_LEVEL);
}

static void check_ingress(struct checking *c, const struct layer *layer)
{
	const struct ingress *list = layer->ingress.items;

	for (size_t i = 0; i < layer->ingress.count; i++) {
		const struct ingress *in = &list[i];

		check_level(c, in->node, "level", in->level);
		if (!in->path && !in->program && !in->host && !in->device)
			report(c->errors, in->node, "one of path, program, host, device");
		if (in->path)
			pattern_check(c->errors, in->path, PATTERN_RULE_PATH);
		if (in->program)
			pattern_check(c->errors, in->program, PATTERN_PROGRAM);
		if (in->host)
			pattern_check(c->errors, in->host, PATTERN_HOST);
	}
}

static void check_task(struct checking *c, const struct task *task)
{
	check_rules(c, &task->rules);
	pattern_check(c->errors, task->match->program, PATTERN_PROGRAM);
	if (task->match->file)
		pattern_check(c->errors, task->match->file, PATTERN_MATCH_FILE);
	if (task->match->mime)
		pattern_check(c->errors, task->match->mime, PATTERN_MIME);
	if (task->match->origin)
		check_level(c, task->match->origin->node, "at_most", task->match->origin->at_most);
	check_level(c, task->run->node, "level", task->run->level);
	if (task->run->memory_bytes % (1 << 20))
		report(c->errors, policy_key_of(task->run->node, "memory"), "must be whole Mi");
}

/* The document that says it last. */
static const struct node *default_task_node(const struct policy *policy)
{
	for (size_t i = policy->layer_count; i-- > 0;) {
		const struct node *node = node_find(policy->layers[i].node, "default_task");

		if (node)
			return node;
	}
	return policy->layers[0].node;
}

static void check_tasks(struct checking *c)
{
	const struct policy *policy = c->policy;

	for (size_t i = 0; i < policy->tasks.count; i++) {
		const struct task *task = &policy_tasks(policy)[i];

		if (!strcmp(task->id, "refuse"))
			report(c->errors, policy_key_of(task->rules.node, "id"),
			       "\"refuse\" is what default_task says; name the task otherwise");
		check_task(c, task);
	}
	if (strcmp(policy->default_task, "refuse") != 0 &&
	    policy_find_task(policy, policy->default_task) == policy->tasks.count)
		report(c->errors, default_task_node(policy),
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
	size_t n = 0;

	for (enum rule_class class = 0; class < RULES_COUNT; class ++)
		n += rules->lists[class].count;
	return n;
}

static void collect_rules(struct checking *c, const struct rules *rules)
{
	for (enum rule_class class = 0; class < RULES_COUNT; class ++)
		collect(c, &rules->lists[class]);
}

/* In the order of the documents. */
static int by_place(const struct rule *a, const struct rule *b)
{
	if (a->layer != b->layer)
		return a->layer < b->layer ? -1 : 1;
	return a->node->line != b->node->line ? a->node->line - b->node->line
					      : a->node->column - b->node->column;
}

/* By id, equal ones as they stand in the text. */
static int by_id(const void *left, const void *right)
{
	const struct rule *const *a = left, *const *b = right;
	int order = strcmp((*a)->id, (*b)->id);

	return order ? order : by_place(*a, *b);
}

static void refuse_twin(struct checking *c, const struct rule *twin, const struct rule *rule)
{
	bool same = twin->layer == rule->layer;

	report(c->errors, policy_key_of(rule->node, "id"),
	       "there is a rule \"%s\" already, on line %d%s%s", rule->id, twin->node->line,
	       same ? "" : " of ", same ? "" : twin->layer->id);
}

static void check_ids(struct checking *c)
{
	const struct policy *policy = c->policy;
	size_t n = count_rules(&policy->final);

	for (size_t i = 0; i < policy->tasks.count; i++)
		n += count_rules(&policy_tasks(policy)[i].rules);
	c->ids = calloc(n ? n : 1, sizeof(const struct rule *));
	if (!c->ids) {
		report_at(c->errors, NULL, 0, 0, "out of memory");
		return;
	}
	collect_rules(c, &policy->final);
	for (size_t i = 0; i < policy->tasks.count; i++)
		collect_rules(c, &policy_tasks(policy)[i].rules);
	qsort(c->ids, n, sizeof(const struct rule *), by_id);
	for (size_t i = 1; i < n; i++) {
		if (!strcmp(c->ids[i - 1]->id, c->ids[i]->id))
			refuse_twin(c, c->ids[i - 1], c->ids[i]);
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
		report(c->errors, policy_key_of(map, key),
		       "must begin with \"/\" or \"~/\", and be canonical");
}

static bool is_stream(const char *text)
{
	static const char *const streams[] = {"stdin", "stdout", "stderr"};
	static const char *const ends[] = {"", ":file", ":terminal", ":pipe"};

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(streams[i]);

		for (size_t k = 0; k < 4 && !strncmp(text, streams[i], n); k++) {
			if (!strcmp(text + n, ends[k]))
				return true;
		}
	}
	return false;
}

static void check_target(struct checking *c, const struct test *test)
{
	char connection[NETWORK_OBJECT_MAX];
	size_t targets = 0;

	for (size_t i = 0; i < TARGET_COUNT; i++)
		targets += test->targets[i] != NULL;
	if (targets != 1)
		report(c->errors, test->node,
		       "exactly one of lookup, stat, open, read, list, write, create, delete, "
		       "rename, stdio, connect, resolve");
	for (size_t i = TARGET_LOOKUP; i <= TARGET_RENAME; i++)
		check_place(c, test->node, policy_target_word(i), test->targets[i]);
	if (test->targets[TARGET_STDIO] && !is_stream(test->targets[TARGET_STDIO]))
		report(c->errors, policy_key_of(test->node, "stdio"),
		       "stdin, stdout or stderr, with :file, :terminal or :pipe behind it");
	if (test->targets[TARGET_CONNECT] &&
	    network_object(test->targets[TARGET_CONNECT], connection) < 0)
		report(c->errors, policy_key_of(test->node, "connect"),
		       "must be like \"tcp:git.corp.example:443\", \"udp:192.0.2.1:53\" or "
		       "\"tcp:git.corp.example[10.0.0.5]:443\"");
}

static void check_tests(struct checking *c)
{
	const struct test *tests = c->policy->tests.items;

	for (size_t i = 0; i < c->policy->tests.count; i++) {
		const struct test *test = &tests[i];
		const struct given *given = test->given;

		if (policy_find_task(c->policy, test->task) == c->policy->tasks.count)
			report(c->errors, policy_key_of(test->node, "task"),
			       "there is no task \"%s\"", test->task);
		if (test->expect->rule && !has_rule(c, test->expect->rule))
			report(c->errors, policy_key_of(test->expect->node, "rule"),
			       "there is no rule \"%s\"", test->expect->rule);
		if (given->home && given->home[0] != '/')
			report(c->errors, policy_key_of(given->node, "home"), "must be absolute");
		check_place(c, given->node, "home", given->home);
		check_place(c, given->node, "file", given->file);
		check_target(c, test);
	}
}

void policy_check(struct policy_errors *errors, const struct policy *policy)
{
	struct checking c = {.errors = errors, .policy = policy};

	check_levels(&c);
	check_rules(&c, &policy->final);
	check_tasks(&c);
	for (size_t i = 0; i < policy->layer_count; i++)
		check_ingress(&c, &policy->layers[i]);
	check_ids(&c);
	if (c.ids)
		check_tests(&c);
	free(c.ids);
}
