#include "common/policy/resolve.h"

#include <string.h>

#include "common/log.h"
#include "common/policy/pattern.h"
#include "common/policy/report.h"

/* A variable of a thousand items, used a thousand times, would be a million patterns, compiled again for
 * each test: they are counted before they are copied. */
enum {
	PATTERNS_MAX = 16384,
	QUOTED = 96
};

struct resolving {
	struct policy_errors *errors;
	struct policy *policy;
	bool base_only; /* the base's variables, not those of deltas */
	size_t patterns;
};

static const struct node *find_var(const struct resolving *r, const char *item)
{
	const struct node *found = NULL;

	for (size_t i = r->base_only ? 1 : r->policy->layer_count; i-- > 0 && !found;)
		found = pattern_find_var(r->policy->layers[i].vars, item);
	return found;
}

static size_t count_items(const struct resolving *r, const struct node *list)
{
	size_t n = 0;

	for (const struct node *item = list->first; item; item = item->next) {
		const struct node *var =
			pattern_is_var(item->text) ? find_var(r, item->text) : NULL;

		n += var ? var->count : 1;
	}
	return n;
}

/* A copy hangs in the new list, but its parent stays: findings name the place in the document. */
static void append_copy(struct resolving *r, struct node *list, const struct node *item)
{
	struct node *copy = arena_alloc(&r->policy->arena, sizeof(*copy));

	if (!copy) {
		report_at(r->errors, NULL, 0, 0, "out of memory");
		return;
	}
	*copy = *item;
	copy->next = NULL;
	if (list->last)
		list->last->next = copy;
	else
		list->first = copy;
	list->last = copy;
	list->count++;
}

static void append_var(struct resolving *r, struct node *list, const struct node *item)
{
	const struct node *var = find_var(r, item->text);
	char quoted[QUOTED];

	if (!var)
		report(r->errors, item, "\"%s\": vars: has no such list",
		       log_quote(quoted, sizeof(quoted), item->text, strlen(item->text)));
	for (const struct node *v = var ? var->first : NULL; v; v = v->next)
		append_copy(r, list, v);
}

static bool has_var(const struct node *list)
{
	for (const struct node *item = list->first; item; item = item->next) {
		if (pattern_is_var(item->text))
			return true;
	}
	return false;
}

static void resolve(struct resolving *r, const struct node **list)
{
	const struct node *old = *list;

	if (!old || r->patterns > PATTERNS_MAX)
		return;
	r->patterns += count_items(r, old);
	if (r->patterns > PATTERNS_MAX) {
		report(r->errors, old,
		       "more than %d patterns in the policy, variables counted in full",
		       PATTERNS_MAX);
		return;
	}
	if (!has_var(old))
		return;
	struct node *new = arena_alloc(&r->policy->arena, sizeof(*new));

	if (!new) {
		report_at(r->errors, NULL, 0, 0, "out of memory");
		return;
	}
	*new = *old;
	new->first = new->last = new->next = NULL;
	new->count = 0;
	for (const struct node *item = old->first; item; item = item->next) {
		if (pattern_is_var(item->text))
			append_var(r, new, item);
		else
			append_copy(r, new, item);
	}
	*list = new;
}

static void resolve_rules(struct resolving *r, const struct rules *rules)
{
	for (enum rule_class class = 0; class < RULES_COUNT; class ++) {
		for (size_t i = 0; i < rules->lists[class].count; i++)
			resolve(r, &rules_of(rules, class)[i].objects);
	}
}

static void resolve_match(struct resolving *r, struct task *task)
{
	struct match *copy = arena_alloc(&r->policy->arena, sizeof(*copy));

	if (!copy) {
		report_at(r->errors, NULL, 0, 0, "out of memory");
		return;
	}
	*copy = *task->match;
	resolve(r, &copy->program);
	resolve(r, &copy->file);
	resolve(r, &copy->mime);
	task->match = copy;
}

void policy_resolve(struct policy_errors *errors, struct policy *policy)
{
	struct resolving r = {.errors = errors, .policy = policy, .base_only = true};

	resolve_rules(&r, &policy->final);
	r.base_only = false;
	for (size_t i = 0; i < policy->tasks.count; i++) {
		resolve_match(&r, &policy_tasks(policy)[i]);
		resolve_rules(&r, &policy_tasks(policy)[i].rules);
	}
}
