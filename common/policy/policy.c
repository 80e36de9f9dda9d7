#include "common/policy/policy.h"

#include <string.h>

#include "common/policy/check.h"
#include "common/policy/document.h"
#include "common/policy/read.h"
#include "common/policy/report.h"

/* A delta or an exception is another language to this version: one clear refusal, no list of keys. */
static bool is_base(const struct node *root, struct policy_errors *errors)
{
	const struct node *kind = node_find(root, "kind");

	if (!kind || kind->kind != NODE_SCALAR ||
	    (strcmp(kind->text, "delta") != 0 && strcmp(kind->text, "exception") != 0))
		return true;
	report(errors, kind, "\"%s\" is not supported yet by this version", kind->text);
	return false;
}

static bool read_root(struct policy *policy, const void *yaml, size_t n,
		      struct policy_errors *errors)
{
	struct node *root = node_parse(&policy->arena, yaml, n, errors);

	if (!root)
		return false;
	if (root->kind != NODE_MAP) {
		report(errors, root, "a policy is a map that begins with \"ampoule: 1\"");
		return false;
	}
	if (!is_base(root, errors))
		return false;
	read_object(&policy->arena, errors, OBJECT_POLICY, root, policy);
	return errors->count == 0;
}

struct policy *policy_parse(const void *yaml, size_t n, struct policy_errors *errors)
{
	*errors = (struct policy_errors){0};
	if (n > POLICY_BYTES_MAX) {
		report_at(errors, 0, 0, "larger than %d bytes", POLICY_BYTES_MAX);
		return NULL;
	}
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy) {
		report_at(errors, 0, 0, "out of memory");
		return NULL;
	}
	if (read_root(policy, yaml, n, errors))
		policy_check(errors, policy);
	if (errors->count == 0)
		return policy;
	report_sort(errors);
	policy_free(policy);
	return NULL;
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
	return policy->id;
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
				    .uid = (uint32_t)run->uid};
}
