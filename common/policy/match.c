#include <string.h>

#include "common/policy/document.h"
#include "common/policy/pattern.h"
#include "common/policy/policy.h"
#include "microvisor/arbiter/glob.h"
#include "microvisor/arbiter/path.h"
#include "microvisor/arbiter/policy.h"

/* Matching answers "yes" by a positive result: pattern_items() stops at it. */
enum {
	NO = 0,
	YES = 1
};

struct matching {
	const struct policy_request *request;
	const char *path;
};

static int program_matches(void *context, const char *item)
{
	const struct matching *m = context;

	return mv_glob_matches(item, strlen(item), m->path, strlen(m->path)) ? YES : NO;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int pattern_matches(void *context, const struct pattern *p)
{
	const struct matching *m = context;
	size_t n = strlen(m->path);
	bool yes;

	if (p->kind == MV_PATTERN_GLOB)
		yes = mv_glob_matches(p->text, p->n, m->path, n);
	else if (p->kind == MV_PATTERN_SUBTREE)
		yes = mv_path_is_in(m->path, n, p->text, p->n);
	else
		yes = p->n == n && !memcmp(p->text, m->path, n);
	return yes ? YES : NO;
}

/* A pattern without "/" is about the last component. Paths that cannot be expanded match nothing. */
static int file_matches(void *context, const char *item)
{
	struct matching *m = context;
	const char *name = last_component(m->path);

	if (!strchr(item, '/'))
		return mv_glob_matches(item, strlen(item), name, strlen(name)) ? YES : NO;
	return pattern_expand_item(m->request, item, pattern_matches, m) == YES ? YES : NO;
}

bool policy_task_matches(const struct policy *policy, size_t n,
			 const struct policy_request *request)
{
	struct matching m = {.request = request, .path = request->program};

	if (n >= policy->tasks.count || !request->program)
		return false;
	const struct match *match = policy_tasks(policy)[n].match;

	/* What this version cannot tell of a file may be the very thing that keeps the task from it. */
	if (match->mime || match->origin)
		return false;
	if (pattern_items(match->program, program_matches, &m) != YES)
		return false;
	if (!match->file)
		return true;
	for (size_t i = 0; i < request->file_count; i++) {
		m.path = request->files[i];
		if (pattern_items(match->file, file_matches, &m) != YES)
			return false;
	}
	return request->file_count > 0;
}
