#include "common/policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/check.h"
#include "common/policy/document.h"
#include "common/policy/merge.h"
#include "common/policy/read.h"
#include "common/policy/report.h"
#include "common/policy/shadow.h"

static bool read_root(struct policy *policy, struct policy_errors *errors,
		      const struct policy_layer *source, struct layer *out)
{
	struct node *root = node_parse(&policy->arena, source, errors);

	if (!root)
		return false;
	if (root->kind != NODE_MAP) {
		report(errors, root, "a policy is a map that begins with \"ampoule: 1\"");
		return false;
	}
	read_layer(&policy->arena, errors, &policy->notes, root, out);
	return errors->count == 0;
}

/* The layers' descriptions are kept with the tree; their texts are not. */
static bool read_layers(struct policy *policy, struct policy_errors *errors,
			const struct policy_layer *layers, size_t count)
{
	struct policy_layer *sources = arena_alloc(&policy->arena, count * sizeof(*sources));

	policy->layers = arena_alloc(&policy->arena, count * sizeof(*policy->layers));
	if (!sources || !policy->layers) {
		report_at(errors, NULL, 0, 0, "out of memory");
		return false;
	}
	policy->layer_count = count;
	for (size_t i = 0; i < count; i++) {
		sources[i] = layers[i];
		if (layers[i].name)
			sources[i].name =
				arena_copy(&policy->arena, layers[i].name, strlen(layers[i].name));
		(void)read_root(policy, errors, &sources[i], &policy->layers[i]);
	}
	return errors->count == 0;
}

static size_t total_bytes(const struct policy_layer *layers, size_t count)
{
	size_t total = 0;

	/* No sum of so many texts, each below the limit, comes near an overflow. */
	for (size_t i = 0; i < count && total <= POLICY_BYTES_MAX; i++)
		total += layers[i].n;
	return total;
}

struct policy *policy_merge(const struct policy_layer *layers, size_t count,
			    struct policy_errors *errors)
{
	*errors = (struct policy_errors){0};
	if (count == 0 || count > POLICY_LAYERS_MAX)
		report_at(errors, NULL, 0, 0, "%zu documents: 1 to %d", count, POLICY_LAYERS_MAX);
	else if (total_bytes(layers, count) > POLICY_BYTES_MAX)
		report_at(errors, NULL, 0, 0, "larger than %d bytes", POLICY_BYTES_MAX);
	if (errors->count)
		return NULL;
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy) {
		report_at(errors, NULL, 0, 0, "out of memory");
		return NULL;
	}
	if (read_layers(policy, errors, layers, count))
		policy_lay(errors, policy);
	if (errors->count == 0)
		policy_check(errors, policy);
	if (errors->count == 0) {
		policy_find_shadows(policy);
		report_sort(&policy->notes);
		return policy;
	}
	report_sort(errors);
	policy_free(policy);
	return NULL;
}

struct policy *policy_parse(const void *yaml, size_t n, struct policy_errors *errors)
{
	cleanup_free struct policy_layer *layers = calloc(POLICY_LAYERS_MAX, sizeof(*layers));

	*errors = (struct policy_errors){0};
	if (n > POLICY_BYTES_MAX)
		report_at(errors, NULL, 0, 0, "larger than %d bytes", POLICY_BYTES_MAX);
	else if (!layers)
		report_at(errors, NULL, 0, 0, "out of memory");
	if (errors->count)
		return NULL;
	return policy_merge(layers, policy_split(yaml, n, layers, POLICY_LAYERS_MAX), errors);
}

int policy_read_head(const struct policy_layer *source, struct policy_head *ret_head,
		     struct policy_errors *errors)
{
	struct policy *policy = NULL;
	struct layer layer = {0};

	*errors = (struct policy_errors){0};
	if (source->n > POLICY_BYTES_MAX)
		report_at(errors, source, 0, 0, "larger than %d bytes", POLICY_BYTES_MAX);
	else if (!(policy = calloc(1, sizeof(*policy))))
		report_at(errors, source, 0, 0, "out of memory");
	else
		(void)read_root(policy, errors, source, &layer); /* it counts its findings */
	if (errors->count == 0) {
		*ret_head = (struct policy_head){.kind = layer.kind, .until_s = layer.until_s};
		/* Ids and names are shorter than MV_NAME_MAX: read.c has seen to it. */
		(void)snprintf(ret_head->id, MV_NAME_MAX, "%s", layer.id);
		(void)snprintf(ret_head->extends, MV_NAME_MAX, "%s",
			       layer.extends ? layer.extends : "");
		(void)snprintf(ret_head->group, MV_NAME_MAX, "%s", layer.group ? layer.group : "");
	}
	report_sort(errors);
	policy_free(policy);
	return errors->count ? -EINVAL : 0;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	arena_release(&policy->arena);
	free(policy);
}

const char *policy_id(const struct policy *policy)
{
	return policy->layers[0].id;
}

const char *policy_image(const struct policy *policy, size_t n, int *ret_line)
{
	if (n >= policy->tasks.count)
		return NULL;
	const struct run *run = policy_tasks(policy)[n].run;

	*ret_line = node_find(run->node, "image")->line;
	return run->image;
}

size_t policy_task_count(const struct policy *policy)
{
	return policy->tasks.count;
}

void policy_task_at(const struct policy *policy, size_t n, struct policy_task *out)
{
	const struct task *task = &policy_tasks(policy)[n];
	const struct run *run = task->run;

	/* The field table keeps these numbers within 32 bits. */
	*out = (struct policy_task){.id = task->id,
				    .image = run->image,
				    .level = run->level,
				    .memory_bytes = run->memory_bytes,
				    .cpus = (uint32_t)run->cpus,
				    .processes = (uint32_t)run->processes,
				    .lifetime_ms = run->lifetime_ms,
				    .uid = (uint32_t)run->uid,
				    .quota_bytes = run->quota_bytes};
}

static uint64_t max_of(const struct rules *rules, const char *id)
{
	const struct rule *list = rules_of(rules, RULES_SAVE);

	for (size_t i = 0; i < rules->lists[RULES_SAVE].count; i++)
		if (strcmp(list[i].id, id) == 0)
			return list[i].max_bytes;
	return 0;
}

uint64_t policy_save_max(const struct policy *policy, const char *rule_id)
{
	uint64_t max = max_of(&policy->final, rule_id);

	for (size_t i = 0; i < policy->tasks.count && !max; i++)
		max = max_of(&policy_tasks(policy)[i].rules, rule_id);
	return max;
}

size_t policy_default_task(const struct policy *policy)
{
	return policy_find_task(policy, policy->default_task); /* no task is called "refuse" */
}

const struct policy_errors *policy_notes(const struct policy *policy)
{
	return &policy->notes;
}

uint64_t policy_next_end(const struct policy *policy, uint64_t now_s)
{
	uint64_t next = 0;

	for (size_t i = 0; i < policy->layer_count; i++) {
		uint64_t until_s = policy->layers[i].until_s;

		if (until_s > now_s && (!next || until_s < next))
			next = until_s;
	}
	return next;
}
