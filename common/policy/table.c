#include "common/policy/table.h"

#include <errno.h>
#include <string.h>

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

int table_put(const struct table *table, const struct mv_table_header *header, struct buf *out)
{
	struct mv_table_header head = *header;
	size_t before = out->len;
	size_t total = sizeof(head) + table->rules.len + table->patterns.len + table->strings.len;

	if (total > MV_TABLE_BYTES_MAX)
		return -EFBIG;
	head.magic = MV_TABLE_MAGIC;
	head.total_bytes = (uint32_t)total;
	head.rule_count = table->rule_count;
	head.pattern_count = table->pattern_count;
	head.string_bytes = (uint32_t)table->strings.len;
	int r = buf_put(out, &head, sizeof(head));

	if (r == 0)
		r = buf_put(out, table->rules.data, table->rules.len);
	if (r == 0)
		r = buf_put(out, table->patterns.data, table->patterns.len);
	if (r == 0)
		r = buf_put(out, table->strings.data, table->strings.len);
	if (r < 0)
		out->len = before;
	return r;
}
