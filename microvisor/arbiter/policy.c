#include "microvisor/arbiter/policy.h"

#include <errno.h>
#include <string.h>

#include "microvisor/arbiter/glob.h"
#include "microvisor/arbiter/index.h"
#include "microvisor/arbiter/path.h"

/* mv_policy_init() proves what every other function relies on: indices, offsets and lengths of rules and
 * patterns lie inside the table. Nothing here writes to it. */

_Static_assert(sizeof(struct mv_table_header) % 8 == 0, "rules follow the header");
_Static_assert(sizeof(struct mv_table_rule) == 24, "no padding between fields");
_Static_assert(sizeof(struct mv_table_pattern) == 16, "no padding between fields");

/* An enum's number: they count from 1. */
static bool is_number(unsigned n, unsigned count)
{
	return n > 0 && n < count;
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static bool is_string(const struct mv_policy *policy, uint32_t offset, uint32_t bytes)
{
	uint32_t end;

	if (__builtin_add_overflow(offset, bytes, &end) || end > policy->header->string_bytes)
		return false;
	return !memchr(policy->strings + offset, '\0', bytes);
}

static bool header_is_valid(const struct mv_table_header *header, size_t n)
{
	uint64_t bytes = sizeof(*header);

	if (header->magic != MV_TABLE_MAGIC || header->total_bytes != n ||
	    header->rule_count > MV_TABLE_RULES_MAX)
		return false;
	/* 32-bit counts times 24 cannot overflow 64 bits. */
	bytes += (uint64_t)header->rule_count * sizeof(struct mv_table_rule);
	bytes += (uint64_t)header->pattern_count * sizeof(struct mv_table_pattern);
	bytes += ((uint64_t)header->bucket_count + header->pattern_count) * sizeof(uint32_t);
	bytes += header->string_bytes;
	if (bytes != n || !memchr(header->policy_id, '\0', MV_NAME_MAX) ||
	    !memchr(header->task_id, '\0', MV_NAME_MAX))
		return false;
	if (header->fallback[0] != 0 || !all_zero(header->padding, sizeof(header->padding)))
		return false;
	for (unsigned class = 1; class < MV_CLASS_COUNT; class ++) {
		if (!is_number(header->fallback[class], MV_VERDICT_COUNT))
			return false;
	}
	return true;
}

static bool rule_is_valid(const struct mv_policy *policy, const struct mv_table_rule *rule)
{
	uint32_t end;

	if (!is_number(rule->class, MV_CLASS_COUNT) ||
	    !is_number(rule->severity, MV_CRITICAL + 1) || !is_number(rule->verdict, MV_HIDE + 1))
		return false;
	if (rule->audit > 1 || rule->terminate > 1 || (rule->audit && rule->verdict != MV_DENY) ||
	    !all_zero(rule->reserved, sizeof(rule->reserved)))
		return false;
	if (rule->id_bytes == 0 || rule->id_bytes >= MV_NAME_MAX ||
	    !is_string(policy, rule->id_offset, rule->id_bytes))
		return false;
	return rule->pattern_count > 0 &&
	       !__builtin_add_overflow(rule->pattern_first, rule->pattern_count, &end) &&
	       end <= policy->header->pattern_count;
}

static bool pattern_is_valid(const struct mv_policy *policy, const struct mv_table_pattern *pattern)
{
	if (pattern->kind < MV_PATTERN_EXACT || pattern->kind > MV_PATTERN_GLOB ||
	    pattern->bytes > MV_PATH_MAX || !is_string(policy, pattern->offset, pattern->bytes))
		return false;
	if (pattern->kind != MV_PATTERN_SUBTREE)
		return pattern->bytes > 0;
	/* "" is the subtree of "/" */
	return pattern->bytes == 0 || policy->strings[pattern->offset + pattern->bytes - 1] != '/';
}

int mv_policy_init(struct mv_policy *policy, const void *bytes, size_t n)
{
	const struct mv_table_header *header = bytes;

	if (n > MV_TABLE_BYTES_MAX)
		return -EFBIG;
	if (n < sizeof(*header) || (uintptr_t)bytes % 8 != 0 || !header_is_valid(header, n))
		return -EBADMSG;
	struct mv_policy views = {.header = header, .rules = (const void *)(header + 1)};

	views.patterns = (const void *)(views.rules + header->rule_count);
	views.buckets = (const void *)(views.patterns + header->pattern_count);
	views.order = views.buckets + header->bucket_count;
	views.strings = (const char *)(views.order + header->pattern_count);
	for (uint32_t i = 0; i < header->rule_count; i++) {
		if (!rule_is_valid(&views, &views.rules[i]))
			return -EBADMSG;
		views.has_audit = views.has_audit || views.rules[i].audit;
	}
	for (uint32_t i = 0; i < header->pattern_count; i++) {
		if (!pattern_is_valid(&views, &views.patterns[i]))
			return -EBADMSG;
	}
	if (!mv_index_is_valid(&views))
		return -EBADMSG;
	*policy = views;
	return 0;
}

/* How a pattern stands to an object: each relation is one function over one pattern. */
typedef bool relation(const struct mv_table_pattern *pattern, const char *text, const char *object,
		      size_t n);

bool mv_policy_selects(const struct mv_table_pattern *pattern, const char *text, const char *object,
		       size_t n)
{
	if (pattern->kind == MV_PATTERN_EXACT)
		return n == pattern->bytes && memcmp(text, object, n) == 0;
	if (pattern->kind == MV_PATTERN_SUBTREE)
		return mv_path_is_in(object, n, text, pattern->bytes);
	return mv_glob_matches(text, pattern->bytes, object, n);
}

/* Selects something below the folder. */
static bool may_hold(const struct mv_table_pattern *pattern, const char *text, const char *folder,
		     size_t n)
{
	if (pattern->kind == MV_PATTERN_GLOB)
		return mv_glob_may_hold(text, pattern->bytes, folder, n);
	if (pattern->kind == MV_PATTERN_SUBTREE && mv_path_is_in(folder, n, text, pattern->bytes))
		return true;
	return pattern->bytes > n && mv_path_is_in(text, pattern->bytes, folder, n);
}

/* Selects the folder and everything below it, and is a subtree. */
static bool covers(const struct mv_table_pattern *pattern, const char *text, const char *folder,
		   size_t n)
{
	return pattern->kind == MV_PATTERN_SUBTREE &&
	       mv_path_is_in(folder, n, text, pattern->bytes);
}

/* The folder is a proper ancestor of the literal prefix. */
static bool leads(const struct mv_table_pattern *pattern, const char *text, const char *folder,
		  size_t n)
{
	size_t literal = pattern->bytes;

	if (pattern->kind == MV_PATTERN_GLOB)
		literal = mv_glob_literal(text, pattern->bytes);
	if (n == 1 && folder[0] == '/')
		return literal > 0 && text[0] == '/';
	return literal > n && mv_path_is_in(text, literal, folder, n);
}

static bool any_pattern(const struct mv_policy *policy, const struct mv_table_rule *rule,
			relation *holds, const char *object, size_t n)
{
	for (uint32_t i = 0; i < rule->pattern_count; i++) {
		const struct mv_table_pattern *pattern = &policy->patterns[rule->pattern_first + i];

		if (holds(pattern, policy->strings + pattern->offset, object, n))
			return true;
	}
	return false;
}

static bool is_well_formed(const struct mv_access *access)
{
	if (!is_number(access->class, MV_CLASS_COUNT) || !is_number(access->op, MV_OP_COUNT) ||
	    access->object_bytes == 0 || access->object_bytes > MV_PATH_MAX)
		return false;
	if (access->class == MV_CLASS_FILE || access->class == MV_CLASS_SAVE)
		return mv_path_is_canonical(access->object, access->object_bytes);
	return !memchr(access->object, '\0', access->object_bytes);
}

static bool is_change(const struct mv_access *access)
{
	return access->op == MV_OP_WRITE || access->op == MV_OP_CREATE ||
	       access->op == MV_OP_DELETE || access->op == MV_OP_RENAME;
}

/* The operation decided inside the rule (or fallback) that won. */
static uint8_t decide_op(const struct mv_access *access, uint8_t verdict, bool terminate)
{
	if (access->class == MV_CLASS_FILE && verdict == MV_ALLOW && is_change(access))
		verdict = MV_DENY;
	return verdict == MV_DENY && terminate ? MV_TERMINATE : verdict;
}

void mv_arbitrate(const struct mv_policy *policy, const struct mv_access *access,
		  struct mv_decision *out)
{
	*out = (struct mv_decision){.verdict = MV_DENY, .severity = MV_LOW, .rule = -1};
	if (!is_well_formed(access))
		return;
	mv_index_find(policy, access, out);
	if (out->rule < 0) {
		out->verdict = decide_op(access, policy->header->fallback[access->class], false);
		return;
	}
	const struct mv_table_rule *rule = &policy->rules[out->rule];

	out->verdict = decide_op(access, rule->verdict, rule->terminate);
	out->severity = rule->severity;
}

/* Whether some FILE rule with a verdict up to this one has a pattern for which the relation holds. */
static bool any_rule(const struct mv_policy *policy, enum mv_verdict most, relation *holds,
		     const char *path, size_t n)
{
	if (!mv_path_is_canonical(path, n))
		return false;
	for (uint32_t i = 0; i < policy->header->rule_count; i++) {
		const struct mv_table_rule *rule = &policy->rules[i];

		if (rule->class == MV_CLASS_FILE && rule->verdict <= most &&
		    any_pattern(policy, rule, holds, path, n))
			return true;
	}
	return false;
}

bool mv_policy_leads_to(const struct mv_policy *policy, const char *path, size_t n)
{
	return any_rule(policy, MV_HIDE, leads, path, n);
}

bool mv_policy_may_hold(const struct mv_policy *policy, const char *path, size_t n)
{
	return any_rule(policy, MV_NEW, may_hold, path, n);
}

bool mv_policy_is_sealed(const struct mv_policy *policy, const char *path, size_t n)
{
	if (!mv_path_is_canonical(path, n))
		return false;
	for (uint32_t i = 0; i < policy->header->rule_count; i++) {
		const struct mv_table_rule *rule = &policy->rules[i];

		if (rule->class != MV_CLASS_FILE || rule->audit)
			continue;
		if (rule->verdict == MV_DENY && any_pattern(policy, rule, covers, path, n))
			return true;
		if (rule->verdict != MV_DENY &&
		    (any_pattern(policy, rule, mv_policy_selects, path, n) ||
		     any_pattern(policy, rule, may_hold, path, n)))
			return false;
	}
	return false;
}

void mv_policy_rule_id(const struct mv_policy *policy, int32_t rule, char out[MV_NAME_MAX])
{
	memset(out, 0, MV_NAME_MAX);
	if (rule < 0 || (uint32_t)rule >= policy->header->rule_count)
		return;
	const struct mv_table_rule *found = &policy->rules[rule];

	memcpy(out, policy->strings + found->id_offset, found->id_bytes);
}
