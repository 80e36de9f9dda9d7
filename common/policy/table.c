#include "common/policy/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "microvisor/arbiter/index.h"

void table_release(struct table *table)
{
	buf_release(&table->rules);
	buf_release(&table->patterns);
	buf_release(&table->strings);
	*table = (struct table){0};
}

static int put_string(struct table *table, const char *text, size_t n, uint32_t *ret_offset)
{
	if (n > MV_TABLE_BYTES_MAX || table->strings.len > MV_TABLE_BYTES_MAX - n)
		return -EFBIG;
	*ret_offset = (uint32_t)table->strings.len;
	return buf_put(&table->strings, text, n);
}

int table_add_pattern(struct table *table, const struct pattern *pattern)
{
	struct mv_table_pattern row = {.bytes = (uint32_t)pattern->n, .kind = pattern->kind};
	int r = put_string(table, pattern->text, pattern->n, &row.offset);

	if (r == 0 && table->patterns.len > MV_TABLE_BYTES_MAX)
		r = -EFBIG;
	if (r == 0)
		r = buf_put(&table->patterns, &row, sizeof(row));
	if (r == 0)
		table->pattern_count++;
	return r;
}

static uint32_t patterns_used(const struct table *table)
{
	struct mv_table_rule last;

	if (!table->rule_count)
		return 0;
	memcpy(&last, table->rules.data + table->rules.len - sizeof(last), sizeof(last));
	return last.pattern_first + last.pattern_count;
}

int table_add_rule(struct table *table, const struct mv_table_rule *rule, const char *id)
{
	struct mv_table_rule row = *rule;

	row.pattern_first = patterns_used(table);
	row.pattern_count = table->pattern_count - row.pattern_first;
	row.id_bytes = (uint32_t)strlen(id);
	if (!row.pattern_count)
		return 0;
	if (table->rule_count == MV_TABLE_RULES_MAX)
		return -EFBIG;
	int r = put_string(table, id, row.id_bytes, &row.id_offset);

	if (r == 0)
		r = buf_put(&table->rules, &row, sizeof(row));
	if (r == 0)
		table->rule_count++;
	return r;
}

/* Below it, one bucket is as quick. */
enum {
	INDEX_FROM = 64
};

struct index {
	uint32_t count;
	uint32_t *ends;  /* owned: of each bucket in order; order lies behind them */
	uint32_t *order; /* pattern numbers */
};

static uint32_t bucket_count(uint32_t patterns)
{
	uint32_t count = 1;

	while (patterns >= INDEX_FROM && count < 2 * patterns && count < MV_INDEX_BUCKETS_MAX)
		count *= 2;
	return count;
}

static void name_rules(struct table *table)
{
	const struct mv_table_rule *rules = (const void *)table->rules.data;
	struct mv_table_pattern *patterns = (void *)table->patterns.data;

	for (uint32_t i = 0; i < table->rule_count; i++) {
		for (uint32_t k = 0; k < rules[i].pattern_count; k++)
			patterns[rules[i].pattern_first + k].rule = i;
	}
}

static uint32_t bucket_at(const struct table *table, const struct index *index, uint32_t number)
{
	const struct mv_table_pattern *pattern =
		(const struct mv_table_pattern *)(const void *)table->patterns.data + number;
	const struct mv_table_rule *rule =
		(const struct mv_table_rule *)(const void *)table->rules.data + pattern->rule;

	return mv_index_bucket(rule->class, pattern,
			       (const char *)table->strings.data + pattern->offset, index->count);
}

/* Sorts the patterns by bucket, by counting; within one they keep their order. */
static int make_index(struct table *table, struct index *index)
{
	uint32_t n = table->pattern_count, sum = 0;

	index->count = bucket_count(n);
	index->ends = calloc((size_t)index->count + n, sizeof(*index->ends));
	if (!index->ends)
		return -ENOMEM;
	index->order = index->ends + index->count;
	name_rules(table);
	for (uint32_t i = 0; i < n; i++)
		index->ends[bucket_at(table, index, i)]++;
	for (uint32_t b = 0; b < index->count; b++) {
		uint32_t in_bucket = index->ends[b];

		index->ends[b] = sum;
		sum += in_bucket;
	}
	for (uint32_t i = 0; i < n; i++)
		index->order[index->ends[bucket_at(table, index, i)]++] = i;
	return 0;
}

static int put_parts(const struct table *table, const struct mv_table_header *head,
		     const struct index *index, struct buf *out)
{
	size_t before = out->len;
	int r = buf_put(out, head, sizeof(*head));

	if (r == 0)
		r = buf_put(out, table->rules.data, table->rules.len);
	if (r == 0)
		r = buf_put(out, table->patterns.data, table->patterns.len);
	if (r == 0)
		r = buf_put(out, index->ends,
			    ((size_t)index->count + table->pattern_count) * sizeof(uint32_t));
	if (r == 0)
		r = buf_put(out, table->strings.data, table->strings.len);
	if (r < 0)
		out->len = before;
	return r;
}

int table_put(struct table *table, const struct mv_table_header *header, struct buf *out)
{
	struct mv_table_header head = *header;
	struct index index = {0};
	size_t total = sizeof(head) + table->rules.len + table->patterns.len + table->strings.len;
	int r = total > MV_TABLE_BYTES_MAX ? -EFBIG : make_index(table, &index);

	if (r == 0)
		total += ((size_t)index.count + table->pattern_count) * sizeof(uint32_t);
	if (r == 0 && total > MV_TABLE_BYTES_MAX)
		r = -EFBIG;
	head.magic = MV_TABLE_MAGIC;
	head.total_bytes = (uint32_t)total;
	head.rule_count = table->rule_count;
	head.pattern_count = table->pattern_count;
	head.bucket_count = index.count;
	head.string_bytes = (uint32_t)table->strings.len;
	if (r == 0)
		r = put_parts(table, &head, &index, out);
	free(index.ends);
	return r;
}
