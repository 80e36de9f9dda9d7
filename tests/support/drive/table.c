#include "tests/support/drive/table.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const CLASSES[MV_CLASS_COUNT] = {
	[MV_CLASS_FILE] = "file",       [MV_CLASS_STDIO] = "stdio",
	[MV_CLASS_NET] = "net",         [MV_CLASS_DNS] = "dns",
	[MV_CLASS_PORT] = "port",       [MV_CLASS_MMIO] = "mmio",
	[MV_CLASS_MSR] = "msr",         [MV_CLASS_HYPERCALL] = "hypercall",
	[MV_CLASS_MACHINE] = "machine", [MV_CLASS_SAVE] = "save"};
static const char *const VERDICTS[MV_VERDICT_COUNT] = {
	[MV_ALLOW] = "allow", [MV_COPY] = "copy", [MV_NEW] = "new",
	[MV_DENY] = "deny",   [MV_HIDE] = "hide", [MV_TERMINATE] = "terminate"};

static uint8_t find(const char *const *names, unsigned count, const char *word, size_t n)
{
	for (unsigned i = 1; i < count; i++) {
		if (strlen(names[i]) == n && memcmp(names[i], word, n) == 0)
			return (uint8_t)i;
	}
	errx(2, "no such class or verdict: %.*s", (int)n, word);
}

void table_init(struct table *t)
{
	*t = (struct table){.serial = 1};
	for (unsigned i = 1; i < MV_CLASS_COUNT; i++)
		t->fallback[i] = MV_DENY;
	t->fallback[MV_CLASS_FILE] = MV_HIDE;
	t->fallback[MV_CLASS_STDIO] = MV_ALLOW;
	t->fallback[MV_CLASS_MACHINE] = MV_TERMINATE;
}

void table_fallback(struct table *t, const char *words)
{
	size_t n = strcspn(words, "=");

	if (!words[n])
		errx(2, "not CLASS=VERDICT: %s", words);
	uint8_t class = find(CLASSES, MV_CLASS_COUNT, words, n);

	t->fallback[class] = find(VERDICTS, MV_VERDICT_COUNT, words + n + 1, strlen(words + n + 1));
}

void table_rule(struct table *t, const char *words)
{
	size_t class = strcspn(words, ":");
	const char *rest = words[class] ? words + class + 1 : "";
	size_t verdict = strcspn(rest, ":");
	const char *pattern = rest[verdict] ? rest + verdict + 1 : "";
	size_t n = strlen(pattern);

	if (n < 2 || n >= MV_PATH_MAX || t->count == TABLE_RULES_MAX)
		errx(2, "not CLASS:VERDICT:PATTERN, or too many: %s", words);
	struct table_rule *r = &t->rules[t->count++];

	r->class = find(CLASSES, MV_CLASS_COUNT, words, class);
	r->verdict = find(VERDICTS, MV_VERDICT_COUNT, rest, verdict);
	r->kind = MV_PATTERN_EXACT;
	if (pattern[n - 1] == '/') {
		r->kind = MV_PATTERN_SUBTREE;
		n--;
	} else if (strpbrk(pattern, "*?")) {
		r->kind = MV_PATTERN_GLOB;
	}
	memcpy(r->pattern, pattern, n);
}

void *table_build(const struct table *t, size_t *ret_n)
{
	enum {
		ID_BYTES = 4
	};
	size_t strings = 0;

	for (unsigned i = 0; i < t->count; i++)
		strings += ID_BYTES + strlen(t->rules[i].pattern);
	/* The index is one bucket with all patterns. */
	size_t n = sizeof(struct mv_table_header) + strings + sizeof(uint32_t) +
		   t->count * (sizeof(struct mv_table_rule) + sizeof(struct mv_table_pattern) +
			       sizeof(uint32_t));
	uint8_t *bytes = calloc(1, n);

	if (!bytes)
		err(1, "table");
	struct mv_table_header *h = (void *)bytes;
	struct mv_table_rule *rules = (void *)(h + 1);
	struct mv_table_pattern *patterns = (void *)(rules + t->count);
	uint32_t *index = (uint32_t *)(patterns + t->count);
	char *at = (char *)(index + 1 + t->count);
	char *begin = at;

	*h = (struct mv_table_header){.magic = MV_TABLE_MAGIC,
				      .total_bytes = (uint32_t)n,
				      .rule_count = t->count,
				      .pattern_count = t->count,
				      .bucket_count = 1,
				      .string_bytes = (uint32_t)strings,
				      .serial = t->serial,
				      .policy_id = "drive",
				      .task_id = "drive"};
	memcpy(h->fallback, t->fallback, sizeof(t->fallback));
	index[0] = t->count;
	for (unsigned i = 0; i < t->count; i++) {
		const struct table_rule *r = &t->rules[i];
		size_t length = strlen(r->pattern);
		char id[16];

		rules[i] = (struct mv_table_rule){
			.class = r->class,
			.verdict = r->verdict == MV_TERMINATE ? MV_DENY : r->verdict,
			.terminate = r->verdict == MV_TERMINATE,
			.severity = MV_HIGH,
			.id_offset = (uint32_t)(at - begin),
			.id_bytes = (uint32_t)snprintf(id, sizeof(id), "r%u", i + 1),
			.pattern_first = i,
			.pattern_count = 1};
		memcpy(at, id, ID_BYTES);
		at += ID_BYTES;
		patterns[i] = (struct mv_table_pattern){.offset = (uint32_t)(at - begin),
							.bytes = (uint32_t)length,
							.kind = r->kind,
							.rule = i};
		index[1 + i] = i;
		memcpy(at, r->pattern, length);
		at += length;
	}
	*ret_n = n;
	return bytes;
}
