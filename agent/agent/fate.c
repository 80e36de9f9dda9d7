#include "agent/agent/fate.h"

#include <stdbool.h>
#include <string.h>

#include "microvisor/arbiter/glob.h"
#include "microvisor/arbiter/path.h"

/* The rule is found by the arbiter; here is only what a verdict cannot express. */

static const char starter[] = ".desktop";

static bool ends_in_starter(const char *text, size_t n)
{
	size_t m = sizeof(starter) - 1;

	return n >= m && memcmp(text + n - m, starter, m) == 0;
}

/* How much of the pattern stands for itself. */
static size_t literal_of(const struct mv_table_pattern *pattern, const char *text)
{
	return pattern->kind == MV_PATTERN_GLOB ? mv_glob_literal(text, pattern->bytes)
						: pattern->bytes;
}

static bool selects(const struct mv_table_pattern *pattern, const char *text, const char *path,
		    size_t n)
{
	if (pattern->kind == MV_PATTERN_EXACT)
		return n == pattern->bytes && memcmp(text, path, n) == 0;
	if (pattern->kind == MV_PATTERN_SUBTREE)
		return mv_path_is_in(path, n, text, pattern->bytes);
	return mv_glob_matches(text, pattern->bytes, path, n);
}

/* Whether the last component of the pattern begins with a dot. */
static bool ends_in_dotted(const char *text, size_t n)
{
	const char *slash = memrchr(text, '/', n);

	return slash && slash + 1 < text + n && slash[1] == '.';
}

/* Each name of the path that begins with a dot does so in what the pattern spells out, or is the last one of both. A
 * subtree of the home spells none below it. */
static bool spells_dots(const struct mv_table_pattern *pattern, const char *text, const char *path,
			size_t n)
{
	size_t literal = literal_of(pattern, text);
	size_t last = n;

	while (last > 0 && path[last - 1] != '/')
		last--;
	for (size_t i = 1; i < n; i++) {
		bool spelled = i < literal || (i == last && pattern->kind == MV_PATTERN_GLOB &&
					       ends_in_dotted(text, pattern->bytes));

		if (path[i] == '.' && path[i - 1] == '/' && !spelled)
			return false;
	}
	return true;
}

static bool is_named_by(const struct mv_table_pattern *pattern, const char *text, const char *path,
			size_t n)
{
	if (!selects(pattern, text, path, n) || !spells_dots(pattern, text, path, n))
		return false;
	return !ends_in_starter(path, n) || ends_in_starter(text, pattern->bytes);
}

/* Whether the rule means a name that is not saved by the way: one that hides itself, or that a desktop starts. */
static bool is_named(const struct mv_policy *table, int32_t rule, const char *path, size_t n)
{
	const struct mv_table_rule *row = &table->rules[rule];

	for (uint32_t i = 0; i < row->pattern_count; i++) {
		const struct mv_table_pattern *pattern = &table->patterns[row->pattern_first + i];

		if (is_named_by(pattern, table->strings + pattern->offset, path, n))
			return true;
	}
	return false;
}

static bool can_be_saved(const struct agent_change *change)
{
	return change->kind == AGENT_CHANGE_CHANGED || change->kind == AGENT_CHANGE_NEW ||
	       change->kind == AGENT_CHANGE_FOLDER;
}

static void keep(struct agent_change *change, enum agent_reason reason)
{
	change->fate = AGENT_FATE_KEEP;
	change->reason = reason;
}

void agent_fate_decide(const struct mv_policy *table, const struct policy *policy,
		       struct agent_change *change)
{
	size_t n = strlen(change->path);
	struct mv_access access = {.class = MV_CLASS_SAVE,
				   .op = MV_OP_WRITE,
				   .object = change->path,
				   .object_bytes = (uint16_t)n};
	struct mv_decision decision;

	change->rule[0] = '\0';
	if (!can_be_saved(change)) {
		keep(change, AGENT_REASON_KIND);
		return;
	}
	mv_arbitrate(table, &access, &decision);
	mv_policy_rule_id(table, decision.rule, change->rule);
	uint64_t max = policy_save_max(policy, change->rule);

	change->fate = decision.verdict == MV_ALLOW ? AGENT_FATE_SAVE : AGENT_FATE_ASK;
	change->reason = AGENT_REASON_NONE;
	if (decision.rule < 0)
		keep(change, AGENT_REASON_NO_RULE);
	else if (decision.verdict != MV_ALLOW && decision.verdict != MV_COPY)
		keep(change, AGENT_REASON_RULE);
	else if (max > 0 && change->bytes > max)
		keep(change, AGENT_REASON_MAX);
	else if (!is_named(table, decision.rule, change->path, n))
		keep(change, AGENT_REASON_NAME);
}
