/* Builds the compiled table (microvisor/arbiter/policy.h) rule by rule. Internal to common/policy. */
#ifndef COMMON_POLICY_TABLE_H
#define COMMON_POLICY_TABLE_H

#include "common/buf.h"
#include "common/policy/pattern.h"
#include "microvisor/arbiter/policy.h"

/* Plain data: `struct table t = {0};` is an empty table. */
struct table {
	struct buf rules;
	struct buf patterns;
	struct buf strings;
	uint32_t rule_count;
	uint32_t pattern_count;
};

void table_release(struct table *table);
/* A pattern of the rule that is added next. -ENOMEM, -EFBIG. */
int table_add_pattern(struct table *table, const struct pattern *pattern) must_check;
/* A rule of the patterns added since the last one; none when there was no pattern. The rule's offsets and
 * counts are filled here. -ENOMEM, -EFBIG. */
int table_add_rule(struct table *table, const struct mv_table_rule *rule,
		   const char *id) must_check;
/* Appends header, rules, patterns, an index when there are many, and strings to out; header's counts are
 * filled here. -ENOMEM, -EFBIG. */
int table_put(struct table *table, const struct mv_table_header *header,
	      struct buf *out) must_check;

#endif
