/* Finds the rules that may select an object, without asking every one: the hash index of a table.
 *
 * A pattern hangs in the bucket of its key, a part of the object that it must be, begin with or end with:
 * the whole text of an exact one, the folder of a subtree, the literal folder in front of a glob's first
 * wildcard; in classes without paths, what stands behind a glob's last wildcard from its first "." or ":" on. An
 * object is looked up by each key that it can have: its folders, or its endings. Pure; internal to arbiter/
 * and common/policy. */
#ifndef MV_ARBITER_INDEX_H
#define MV_ARBITER_INDEX_H

#include "microvisor/arbiter/policy.h"

enum {
	MV_INDEX_BUCKETS_MAX = 1 << 17
};

/* The bucket of a pattern of that class, of so many (a power of two). */
uint32_t mv_index_bucket(unsigned class, const struct mv_table_pattern *pattern, const char *text,
			 uint32_t buckets);
/* Whether the index of a table, whose rules and patterns are good, holds each pattern once and in its
 * bucket, so that no rule is missed. */
bool mv_index_is_valid(const struct mv_policy *policy);
/* Fills out->rule with the first rule that decides, -1 for none, and out->audit and audit_hits with the audit
 * rules before it, in their order. */
void mv_index_find(const struct mv_policy *policy, const struct mv_access *access,
		   struct mv_decision *out);

/* Whether the pattern, with its text, selects the object (policy.c). */
bool mv_policy_selects(const struct mv_table_pattern *pattern, const char *text, const char *object,
		       size_t n);

#endif
