#include "common/policy/merge.h"

#include <stdlib.h>
#include <string.h>

#include "common/policy/check.h"
#include "common/policy/class.h"
#include "common/policy/report.h"
#include "common/policy/resolve.h"
#include "common/policy/settings.h"

/* The order of deciding is: final, exceptions, deltas from the leaf to the root, base. Layers stand the other
 * way round in policy->layers, exceptions after the deltas. */

enum {
	TASKS_MAX = 256 /* of the effective policy */
};

struct merging {
	struct policy_errors *errors;
	struct policy *policy;
	struct task *tasks; /* TASKS_MAX */
	size_t count;
};

static bool is_in(const struct node *list, const char *text)
{
	for (const struct node *item = list->first; text && item; item = item->next) {
		if (!strcmp(item->text, text))
			return true;
	}
	return false;
}

bool policy_layer_applies(const struct layer *layer, const struct policy_request *request)
{
	const struct whom *whom = layer->whom;

	if (layer->kind != POLICY_KIND_EXCEPTION)
		return true;
	if (request->now_s >= layer->until_s)
		return false;
	return (is_in(whom->users, "all") || is_in(whom->users, request->user)) &&
	       (is_in(whom->devices, "all") || is_in(whom->devices, request->device) ||
		is_in(whom->devices, request->hostname));
}

/* ---- which documents may stand together ---- */

static void check_kind(struct merging *m, const struct layer *layer)
{
	const struct layer *base = m->policy->layers;
	bool first = layer == base;

	if (first && layer->kind != POLICY_KIND_BASE)
		report(m->errors, policy_key_of(layer->node, "kind"),
		       "the base must stand in front of what extends it");
	if (!first && layer->kind == POLICY_KIND_BASE)
		report(m->errors, policy_key_of(layer->node, "kind"),
		       "one base only: there is \"%s\" already", base->id);
	if (!first && layer->extends && strcmp(layer->extends, base->id) != 0)
		report(m->errors, policy_key_of(layer->node, "extends"),
		       "extends \"%s\", but the base is \"%s\"", layer->extends, base->id);
	if (!first && layer->kind == POLICY_KIND_DELTA && layer[-1].kind == POLICY_KIND_EXCEPTION)
		report(m->errors, policy_key_of(layer->node, "kind"),
		       "deltas stand in front of exceptions");
}

static void check_documents(struct merging *m)
{
	const struct policy *policy = m->policy;

	for (size_t i = 0; i < policy->layer_count; i++) {
		const struct layer *layer = &policy->layers[i];

		check_kind(m, layer);
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(policy->layers[k].id, layer->id))
				report(m->errors, policy_key_of(layer->node, "id"),
				       "there is a document \"%s\" already", layer->id);
		}
		if (m->errors->count)
			return; /* what follows relies on a base in front */
	}
}

/* ---- tasks ---- */

static struct task *find_task(struct merging *m, const char *id)
{
	for (size_t i = 0; i < m->count; i++) {
		if (!strcmp(m->tasks[i].id, id))
			return &m->tasks[i];
	}
	return NULL;
}

static const char *nearest_task(struct merging *m, const char *id)
{
	const char *nearest = NULL;
	unsigned best = 3;

	for (size_t i = 0; i < m->count; i++) {
		unsigned distance = report_distance(id, m->tasks[i].id);

		if (distance < best) {
			best = distance;
			nearest = m->tasks[i].id;
		}
	}
	return nearest;
}

static void refuse_task(struct merging *m, const struct task *task)
{
	const char *nearest = nearest_task(m, task->id);

	report(m->errors, policy_key_of(task->rules.node, "id"),
	       "there is no task \"%s\" to add to%s%s%s", task->id,
	       nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static void change_task(struct task *task, const struct task *change)
{
	if (change->match)
		task->match = change->match;
	if (change->run)
		task->run = change->run;
	if (change->on_deny)
		task->on_deny = change->on_deny;
	if (change->on_threat)
		task->on_threat = change->on_threat;
}

/* A new task goes in front of those of the layers below, behind those of its own document. */
static void insert_task(struct merging *m, const struct layer *layer, const struct task *task)
{
	size_t at = 0;

	if (m->count == TASKS_MAX) {
		report(m->errors, task->rules.node, "more than %d tasks in the policy", TASKS_MAX);
		return;
	}
	while (at < m->count && m->tasks[at].layer == layer)
		at++;
	memmove(&m->tasks[at + 1], &m->tasks[at], (m->count - at) * sizeof(m->tasks[0]));
	m->tasks[at] = *task;
	m->tasks[at].layer = layer;
	m->tasks[at].rules = (struct rules){.node = task->rules.node};
	m->count++;
}

static void add_tasks(struct merging *m, const struct layer *layer)
{
	const struct task *tasks = layer->tasks.items;

	for (size_t i = 0; i < layer->tasks.count; i++) {
		const struct task *task = &tasks[i];
		struct task *old = find_task(m, task->id);

		for (size_t k = 0; k < i; k++) {
			if (!strcmp(tasks[k].id, task->id))
				report(m->errors, policy_key_of(task->rules.node, "id"),
				       "there is a task \"%s\" already, on line %d", task->id,
				       tasks[k].rules.node->line);
		}
		if (old && layer->kind != POLICY_KIND_BASE)
			change_task(old, task);
		else if (!old && task->match && task->run)
			insert_task(m, layer, task);
		else if (!old)
			refuse_task(m, task);
	}
}

/* ---- rules ---- */

static const struct rules *rules_in(const struct layer *layer, const char *task)
{
	const struct task *tasks = layer->tasks.items;

	for (size_t i = 0; i < layer->tasks.count; i++) {
		if (!strcmp(tasks[i].id, task))
			return &tasks[i].rules;
	}
	return NULL;
}

static void append_rules(struct object_list *out, const struct object_list *rules,
			 const struct layer *layer)
{
	if (!rules->count)
		return;
	struct rule *to = (struct rule *)out->items + out->count;

	memcpy(to, rules->items, rules->count * sizeof(*to));
	for (size_t i = 0; i < rules->count; i++)
		to[i].layer = layer;
	out->count += rules->count;
}

/* The layers in the order of deciding: exceptions as they stand, deltas from the leaf, the base. */
static const struct layer *layer_in_order(const struct policy *policy, size_t n)
{
	size_t below = 0;

	while (below < policy->layer_count && policy->layers[below].kind != POLICY_KIND_EXCEPTION)
		below++;
	size_t exceptions = policy->layer_count - below;

	return &policy->layers[n < exceptions ? below + n : policy->layer_count - 1 - n];
}

static void join_list(struct merging *m, struct task *task, enum rule_class class)
{
	struct object_list *list = &task->rules.lists[class];
	size_t total = 0;

	for (size_t i = 0; i < m->policy->layer_count; i++) {
		const struct rules *rules = rules_in(&m->policy->layers[i], task->id);

		total += rules ? rules->lists[class].count : 0;
	}
	list->items = total ? arena_alloc(&m->policy->arena, total * sizeof(struct rule)) : NULL;
	if (total && !list->items) {
		report_at(m->errors, NULL, 0, 0, "out of memory");
		return;
	}
	for (size_t i = 0; i < m->policy->layer_count; i++) {
		const struct layer *layer = layer_in_order(m->policy, i);
		const struct rules *rules = rules_in(layer, task->id);

		if (rules)
			append_rules(list, &rules->lists[class], layer);
	}
}

static void join_rules(struct merging *m)
{
	for (size_t i = 0; i < m->count; i++) {
		for (enum rule_class class = 0; class < RULES_COUNT; class ++)
			join_list(m, &m->tasks[i], class);
	}
	const struct rules *final = m->policy->layers[0].final;

	if (!final)
		return;
	m->policy->final = *final;
	for (enum rule_class class = 0; class < RULES_COUNT; class ++) {
		for (size_t i = 0; i < final->lists[class].count; i++) {
			rules_of(final, class)[i].layer = m->policy->layers;
			rules_of(final, class)[i].final = true;
		}
	}
}

static void join_tests(struct merging *m)
{
	struct policy *policy = m->policy;
	size_t total = 0;

	for (size_t i = 0; i < policy->layer_count; i++)
		total += policy->layers[i].tests.count;
	struct test *tests = total ? arena_alloc(&policy->arena, total * sizeof(*tests)) : NULL;

	if (total && !tests) {
		report_at(m->errors, NULL, 0, 0, "out of memory");
		return;
	}
	policy->tests.items = tests;
	for (size_t i = 0; i < policy->layer_count; i++) {
		const struct object_list *more = &policy->layers[i].tests;

		if (more->count)
			memcpy(tests + policy->tests.count, more->items,
			       more->count * sizeof(*tests));
		policy->tests.count += more->count;
	}
}

void policy_lay(struct policy_errors *errors, struct policy *policy)
{
	struct merging m = {.errors = errors, .policy = policy};

	check_documents(&m);
	m.tasks = arena_alloc(&policy->arena, TASKS_MAX * sizeof(*m.tasks));
	if (!m.tasks)
		report_at(errors, NULL, 0, 0, "out of memory");
	if (errors->count)
		return;
	for (size_t i = 0; i < policy->layer_count; i++) {
		if (policy->layers[i].default_task)
			policy->default_task = policy->layers[i].default_task;
		add_tasks(&m, &policy->layers[i]);
	}
	join_rules(&m);
	join_tests(&m);
	policy->tasks = (struct object_list){.items = m.tasks, .count = m.count};
	if (errors->count == 0)
		policy_settle(errors, policy);
	if (errors->count == 0)
		policy_resolve(errors, policy);
}
