#include "microvisor/arbiter/index.h"

#include <string.h>

#include "microvisor/arbiter/glob.h"

/* Keys are hashed from their fixed end: folders forwards, endings backwards, so that one pass over an object
 * gives the hashes of all its keys. */

enum tag {
	TAG_WHOLE,
	TAG_FOLDER,
	TAG_ENDING
};

struct key {
	enum tag tag;
	size_t bytes;
};

static uint32_t step(uint32_t hash, char byte)
{
	return (hash ^ (uint8_t)byte) * 16777619U;
}

static uint32_t bucket_of(uint32_t hash, unsigned class, enum tag tag, uint32_t buckets)
{
	hash = (hash ^ (class << 4 | tag)) * 0x9e3779b1U;
	return (hash ^ hash >> 16) & (buckets - 1);
}

static bool has_paths(unsigned class)
{
	return class == MV_CLASS_FILE || class == MV_CLASS_SAVE;
}

static struct key key_of(unsigned class, const struct mv_table_pattern *pattern, const char *text)
{
	size_t n = pattern->bytes;

	if (pattern->kind != MV_PATTERN_GLOB)
		return (struct key){pattern->kind == MV_PATTERN_EXACT ? TAG_WHOLE : TAG_FOLDER, n};
	if (has_paths(class)) {
		n = mv_glob_literal(text, n);
		while (n > 0 && text[n - 1] != '/')
			n--;
		return (struct key){TAG_FOLDER, n > 0 ? n - 1 : 0};
	}
	size_t at = n;

	while (at > 0 && text[at - 1] != '*' && text[at - 1] != '?')
		at--;
	while (at < n && text[at] != '.' && text[at] != ':')
		at++;
	return (struct key){TAG_ENDING, n - at};
}

uint32_t mv_index_bucket(unsigned class, const struct mv_table_pattern *pattern, const char *text,
			 uint32_t buckets)
{
	struct key key = key_of(class, pattern, text);
	uint32_t hash = 0;

	for (size_t i = 0; i < key.bytes; i++)
		hash = step(hash, key.tag == TAG_ENDING ? text[pattern->bytes - 1 - i] : text[i]);
	return bucket_of(hash, class, key.tag, buckets);
}

/* Each bucket rises strictly and each pattern lies in its own: as many entries as patterns are then all of
 * them. */
bool mv_index_is_valid(const struct mv_policy *policy)
{
	const struct mv_table_header *header = policy->header;
	uint32_t buckets = header->bucket_count, used = 0, at = 0;

	if (buckets == 0 || buckets > MV_INDEX_BUCKETS_MAX || (buckets & (buckets - 1)))
		return false;
	for (uint32_t i = 0; i < header->rule_count; i++) {
		const struct mv_table_rule *rule = &policy->rules[i];

		if (rule->pattern_first != used)
			return false;
		for (uint32_t end = used + rule->pattern_count; used < end; used++) {
			if (policy->patterns[used].rule != i)
				return false;
		}
	}
	for (uint32_t bucket = 0; bucket < buckets; bucket++) {
		uint32_t end = policy->buckets[bucket];

		if (end < at || end > used)
			return false;
		for (uint32_t first = at; at < end; at++) {
			uint32_t number = policy->order[at];

			if (number >= used)
				return false;
			const struct mv_table_pattern *pattern = &policy->patterns[number];

			if ((at > first && number <= policy->order[at - 1]) ||
			    mv_index_bucket(policy->rules[pattern->rule].class, pattern,
					    policy->strings + pattern->offset, buckets) != bucket)
				return false;
		}
	}
	return at == used && used == header->pattern_count;
}

/* What is done with the patterns of a key's bucket. */
struct search {
	const struct mv_policy *policy;
	const struct mv_access *access;
	uint32_t before;         /* rules from here on do not count */
	struct mv_decision *out; /* NULL: looks for the first that decides */
};

static bool is_selected(const struct search *s, const struct mv_table_pattern *pattern)
{
	return mv_policy_selects(pattern, s->policy->strings + pattern->offset, s->access->object,
				 s->access->object_bytes);
}

/* One rule is told of once, by the first of its patterns that selects. */
static void add_audit(struct search *s, uint32_t number, const struct mv_table_rule *rule)
{
	struct mv_decision *out = s->out;
	uint32_t row = s->policy->patterns[number].rule;

	for (uint32_t i = rule->pattern_first; i < number; i++) {
		if (is_selected(s, &s->policy->patterns[i]))
			return;
	}
	size_t at = out->audit_hits < MV_AUDIT_MAX ? out->audit_hits : MV_AUDIT_MAX;

	if (out->audit_hits < UINT16_MAX)
		out->audit_hits++;
	while (at > 0 && out->audit[at - 1] > (int32_t)row) {
		if (at < MV_AUDIT_MAX)
			out->audit[at] = out->audit[at - 1];
		at--;
	}
	if (at < MV_AUDIT_MAX)
		out->audit[at] = (int32_t)row;
}

static void probe(struct search *s, uint32_t hash, enum tag tag, size_t bytes)
{
	const struct mv_policy *policy = s->policy;
	unsigned class = s->access->class;
	uint32_t bucket = bucket_of(hash, class, tag, policy->header->bucket_count);
	uint32_t at = bucket ? policy->buckets[bucket - 1] : 0;

	for (; at < policy->buckets[bucket]; at++) {
		uint32_t number = policy->order[at];
		const struct mv_table_pattern *pattern = &policy->patterns[number];
		const struct mv_table_rule *rule = &policy->rules[pattern->rule];

		if (pattern->rule >= s->before || rule->class != class ||
		    rule->audit != (s->out != NULL))
			continue;
		/* Two keys may share a bucket: a pattern counts under its own. */
		struct key key = key_of(class, pattern, policy->strings + pattern->offset);

		if (key.tag != tag || key.bytes != bytes || !is_selected(s, pattern))
			continue;
		if (s->out)
			add_audit(s, number, rule);
		else
			s->before = pattern->rule;
	}
}

static void probe_all(struct search *s)
{
	const char *object = s->access->object;
	size_t n = s->access->object_bytes;
	uint32_t hash = 0;

	for (size_t i = 0; i < n; i++) {
		if (object[i] == '/')
			probe(s, hash, TAG_FOLDER, i);
		hash = step(hash, object[i]);
	}
	probe(s, hash, TAG_FOLDER, n);
	probe(s, hash, TAG_WHOLE, n);
	if (has_paths(s->access->class))
		return;
	hash = 0;
	probe(s, hash, TAG_ENDING, 0);
	for (size_t i = n; i-- > 0;) {
		hash = step(hash, object[i]);
		if (object[i] == '.' || object[i] == ':')
			probe(s, hash, TAG_ENDING, n - i);
	}
}

void mv_index_find(const struct mv_policy *policy, const struct mv_access *access,
		   struct mv_decision *out)
{
	uint32_t count = policy->header->rule_count;
	struct search s = {.policy = policy, .access = access, .before = count};

	probe_all(&s);
	out->rule = s.before < count ? (int32_t)s.before : -1;
	s.out = out;
	if (policy->has_audit)
		probe_all(&s);
}
