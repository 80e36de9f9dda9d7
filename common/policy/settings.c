#include "common/policy/settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/policy/check.h"
#include "common/policy/class.h"
#include "common/policy/report.h"

struct entry {
	struct rule *rule;
	enum rule_class class;
};

struct index {
	struct entry *list; /* by id */
	size_t count;
};

static int by_id(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	return strcmp(a->rule->id, b->rule->id);
}

static size_t count_rules(const struct rules *rules)
{
	size_t n = 0;

	for (enum rule_class class = 0; class < RULES_COUNT; class ++)
		n += rules->lists[class].count;
	return n;
}

static void collect(struct index *index, const struct rules *rules)
{
	for (enum rule_class class = 0; class < RULES_COUNT; class ++) {
		for (size_t i = 0; i < rules->lists[class].count; i++)
			index->list[index->count++] =
				(struct entry){&rules_of(rules, class)[i], class};
	}
}

static bool make_index(struct index *index, const struct policy *policy)
{
	size_t n = count_rules(&policy->final);

	for (size_t i = 0; i < policy->tasks.count; i++)
		n += count_rules(&policy_tasks(policy)[i].rules);
	index->list = calloc(n ? n : 1, sizeof(*index->list));
	if (!index->list)
		return false;
	collect(index, &policy->final);
	for (size_t i = 0; i < policy->tasks.count; i++)
		collect(index, &policy_tasks(policy)[i].rules);
	qsort(index->list, index->count, sizeof(*index->list), by_id);
	return true;
}

static const char *nearest_rule(const struct index *index, const char *id)
{
	const char *nearest = NULL;
	unsigned best = 3;

	for (size_t i = 0; i < index->count; i++) {
		unsigned distance = report_distance(id, index->list[i].rule->id);

		if (distance < best) {
			best = distance;
			nearest = index->list[i].rule->id;
		}
	}
	return nearest;
}

static void refuse(struct policy_errors *errors, const struct index *index,
		   const struct setting *setting)
{
	const char *nearest = nearest_rule(index, setting->node->key);

	report_key(errors, setting->node, "there is no rule \"%s\" to change%s%s%s",
		   setting->node->key, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
		   nearest ? "\"?" : "");
}

static void set_action(struct policy_errors *errors, const struct setting *setting,
		       const struct entry *entry)
{
	for (const struct field_word *word = rule_classes[entry->class].actions; word->text;
	     word++) {
		if (strcmp(word->text, setting->action) != 0)
			continue;
		entry->rule->action = word->value & WORD_MASK;
		return;
	}
	report(errors, policy_key_of(setting->node, "do"), "\"%s\" is nothing that a %s rule does",
	       setting->action, rule_classes[entry->class].key);
}

static void apply(struct policy_errors *errors, const struct index *index,
		  const struct setting *setting)
{
	struct rule wanted = {.id = setting->node->key};
	struct entry key = {.rule = &wanted};
	const struct entry *entry =
		bsearch(&key, index->list, index->count, sizeof(*index->list), by_id);

	if (!entry) {
		refuse(errors, index, setting);
		return;
	}
	if (entry->rule->final || entry->rule->layer->kind == POLICY_KIND_EXCEPTION) {
		report_key(errors, setting->node, "rule \"%s\" is %s: no delta changes it",
			   setting->node->key, entry->rule->final ? "final" : "an exception's");
		return;
	}
	if (setting->action)
		set_action(errors, setting, entry);
	if (setting->mode)
		entry->rule->mode = setting->mode;
	if (setting->severity)
		entry->rule->severity = setting->severity;
	if (setting->attack)
		entry->rule->attack = setting->attack;
	if (entry->rule->mode == MODE_AUDIT && entry->rule->action != MV_DENY)
		report_key(errors, setting->node,
			   "only a deny can be on trial: an audit rule never decides");
}

void policy_settle(struct policy_errors *errors, struct policy *policy)
{
	struct index index = {0};

	if (!make_index(&index, policy)) {
		report_at(errors, NULL, 0, 0, "out of memory");
		return;
	}
	for (size_t i = 0; i < policy->layer_count; i++) {
		const struct object_list *set = &policy->layers[i].set;

		for (size_t k = 0; k < set->count; k++)
			apply(errors, &index, &((const struct setting *)set->items)[k]);
	}
	free(index.list);
}
