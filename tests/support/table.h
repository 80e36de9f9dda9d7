/* Builds compiled policies (microvisor/arbiter/policy.h) by hand, for tests of what reads them. */
#ifndef TESTS_SUPPORT_TABLE_H
#define TESTS_SUPPORT_TABLE_H

#include <stdlib.h>
#include <string.h>

#include "microvisor/arbiter/policy.h"

/* A rule as a test writes it. Zero fields: class FILE, severity LOW. Ends at a rule without an id. */
struct table_rule {
	const char *id;
	enum mv_verdict verdict;
	const char *exact;
	const char *subtree; /* without the trailing slash */
	const char *glob;
	enum mv_class class;
	enum mv_severity severity;
	unsigned audit;
	unsigned terminate;
};

static inline uint32_t table_string(char *strings, uint32_t *used, const char *text)
{
	uint32_t at = *used;

	memcpy(strings + at, text, strlen(text));
	*used += (uint32_t)strlen(text);
	return at;
}

static inline void table_pattern(struct mv_table_pattern *list, struct mv_table_rule *rule,
				 char *strings, uint32_t *used, unsigned kind, const char *text)
{
	struct mv_table_pattern *pattern = &list[rule->pattern_first + rule->pattern_count];

	if (!text)
		return;
	pattern->kind = kind;
	pattern->bytes = (uint32_t)strlen(text);
	pattern->offset = table_string(strings, used, text);
	rule->pattern_count++;
}

/* A table of the rules: FILE and SAVE fall back to hide, MACHINE and HYPERCALL to allow, the rest to deny.
 * The caller frees it. */
static inline void *table_build(const struct table_rule *rules, uint64_t serial, size_t *ret_bytes)
{
	struct mv_table_rule out[64] = {0};
	struct mv_table_pattern patterns[64 * 3] = {0};
	static char strings[64 * (64 + 3 * MV_PATH_MAX)];
	struct mv_table_header header = {
		.magic = MV_TABLE_MAGIC, .bucket_count = 1, .serial = serial};
	uint32_t index[1 + 64 * 3]; /* one bucket with all patterns */
	uint32_t used = 0;

	for (; rules[header.rule_count].id; header.rule_count++) {
		const struct table_rule *from = &rules[header.rule_count];
		struct mv_table_rule *rule = &out[header.rule_count];

		rule->class = (uint8_t)(from->class ? from->class : MV_CLASS_FILE);
		rule->verdict = (uint8_t)from->verdict;
		rule->severity = (uint8_t)(from->severity ? from->severity : MV_LOW);
		rule->audit = (uint8_t)from->audit;
		rule->terminate = (uint8_t)from->terminate;
		rule->id_bytes = (uint32_t)strlen(from->id);
		rule->id_offset = table_string(strings, &used, from->id);
		rule->pattern_first = header.pattern_count;
		table_pattern(patterns, rule, strings, &used, MV_PATTERN_EXACT, from->exact);
		table_pattern(patterns, rule, strings, &used, MV_PATTERN_SUBTREE, from->subtree);
		table_pattern(patterns, rule, strings, &used, MV_PATTERN_GLOB, from->glob);
		for (uint32_t i = 0; i < rule->pattern_count; i++)
			patterns[rule->pattern_first + i].rule = header.rule_count;
		header.pattern_count += rule->pattern_count;
	}
	memcpy(header.policy_id, "test", 4);
	memcpy(header.task_id, "task", 4);
	memset(header.fallback + 1, MV_DENY, MV_CLASS_COUNT - 1);
	header.fallback[MV_CLASS_FILE] = MV_HIDE;
	header.fallback[MV_CLASS_SAVE] = MV_HIDE;
	header.fallback[MV_CLASS_MACHINE] = MV_ALLOW;
	header.fallback[MV_CLASS_HYPERCALL] = MV_ALLOW;
	header.string_bytes = used;
	size_t rule_bytes = header.rule_count * sizeof(out[0]);
	size_t pattern_bytes = header.pattern_count * sizeof(patterns[0]);

	size_t index_bytes = (1 + header.pattern_count) * sizeof(index[0]);

	index[0] = header.pattern_count;
	for (uint32_t i = 0; i < header.pattern_count; i++)
		index[1 + i] = i;
	header.total_bytes =
		(uint32_t)(sizeof(header) + rule_bytes + pattern_bytes + index_bytes + used);
	char *table = malloc(header.total_bytes);

	if (!table)
		abort();
	memcpy(table, &header, sizeof(header));
	memcpy(table + sizeof(header), out, rule_bytes);
	memcpy(table + sizeof(header) + rule_bytes, patterns, pattern_bytes);
	memcpy(table + sizeof(header) + rule_bytes + pattern_bytes, index, index_bytes);
	memcpy(table + sizeof(header) + rule_bytes + pattern_bytes + index_bytes, strings, used);
	*ret_bytes = header.total_bytes;
	return table;
}

#endif
