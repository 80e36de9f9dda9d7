#include <string.h>

#include "common/policy/document.h"
#include "common/policy/merge.h"
#include "common/policy/pattern.h"
#include "common/policy/policy.h"
#include "microvisor/arbiter/glob.h"
#include "microvisor/arbiter/path.h"
#include "microvisor/arbiter/policy.h"

struct gathering {
	struct policy_place *places;
	size_t count; /* in places */
	size_t max;
	size_t lost; /* found, but places is full */
};

/* The folder that everything a glob selects lies in: "/home/u" of a glob like "/home/u/a?.pdf". */
static size_t literal_folder(const struct pattern *p)
{
	size_t n = mv_glob_literal(p->text, p->n);

	while (n > 1 && p->text[n - 1] != '/')
		n--;
	return n > 1 ? n - 1 : n;
}

static bool is_covered(const struct gathering *g, const char *path, size_t n)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct policy_place *old = &g->places[i];
		size_t m = strlen(old->path);

		if (old->folder ? mv_path_is_in(path, n, old->path, m)
				: m == n && !memcmp(old->path, path, n))
			return true;
	}
	return false;
}

/* Drops what lies in the folder: the folder opens it. */
static void drop_below(struct gathering *g, const char *folder, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->count; i++) {
		const struct policy_place *old = &g->places[i];

		if (mv_path_is_in(old->path, strlen(old->path), folder, n))
			continue;
		if (kept != i)
			g->places[kept] = *old;
		kept++;
	}
	g->count = kept;
}

static int gather(void *context, const struct pattern *p)
{
	struct gathering *g = context;
	bool folder = p->kind != MV_PATTERN_EXACT;
	size_t n = p->kind == MV_PATTERN_GLOB ? literal_folder(p) : p->n;

	if (n >= MV_PATH_MAX || is_covered(g, p->text, n))
		return 0;
	if (folder)
		drop_below(g, p->text, n);
	if (g->count == g->max) {
		g->lost++;
		return 0;
	}
	struct policy_place *place = &g->places[g->count++];

	*place = (struct policy_place){.folder = folder, .given = p->given};
	memcpy(place->path, p->text, n);
	return 0;
}

size_t policy_places(const struct policy *policy, size_t n, const struct policy_request *request,
		     struct policy_place *places, size_t max)
{
	struct gathering g = {.places = places, .max = max};
	const struct rules *layers[] = {&policy->final, NULL};

	if (n >= policy->tasks.count)
		return 0;
	layers[1] = &policy_tasks(policy)[n].rules;
	for (size_t l = 0; l < 2; l++) {
		const struct rule *rules = rules_of(layers[l], RULES_FILE);

		for (size_t i = 0; i < layers[l]->lists[RULES_FILE].count; i++) {
			if (rules[i].action == MV_DENY ||
			    !policy_layer_applies(rules[i].layer, request))
				continue;
			/* What cannot be expanded fails in policy_compile(), which comes with it. */
			(void)pattern_expand(request, rules[i].objects, gather, &g);
		}
	}
	return g.count + g.lost;
}
