#include "common/policy/shadow.h"

#include <stdlib.h>
#include <string.h>

#include "common/policy/class.h"
#include "common/policy/report.h"
#include "microvisor/arbiter/glob.h"
#include "microvisor/arbiter/policy.h"

/* Works on the compiled table, where "~", "{file}", ports and variables are written out: an object is a text
 * there, and only three relations are left. Exceptions are all over by then, so that what is found holds on
 * every day. The answer may miss a shadow; what it tells is one. */

enum {
	ROWS_MAX = 200000, /* of all tasks together */
	GLOBS_MAX = 256    /* that each pattern is held against */
};

struct seen {
	uint32_t pattern; /* number + 1; 0 = free */
};

struct search {
	struct policy *policy;
	struct mv_policy table;
	const struct rule **rules; /* of each row of the table */
	uint32_t *rule_of;         /* the row of each pattern */
	struct seen *seen;         /* of exact and subtree patterns, by hash */
	size_t room;               /* a power of two, at least twice the patterns */
	uint32_t globs[GLOBS_MAX];
	size_t glob_count;
};

static const char *text_of(const struct search *s, uint32_t pattern)
{
	return s->table.strings + s->table.patterns[pattern].offset;
}

static uint32_t hash_of(unsigned class, unsigned kind, const char *text, size_t n)
{
	uint32_t hash = 2166136261U ^ (class << 8) ^ kind;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619U;
	return hash;
}

/* A layer may decide before those below it; a rule of the same document that does is a mistake. */
static bool may_tell(const struct rule *front, const struct rule *behind)
{
	return front && behind && (front->final || front->layer == behind->layer);
}

static unsigned class_of(const struct search *s, uint32_t pattern)
{
	return s->table.rules[s->rule_of[pattern]].class;
}

/* The pattern of that class, kind and text that was seen, or NULL. */
static const uint32_t *find(const struct search *s, unsigned class, unsigned kind, const char *text,
			    size_t n)
{
	size_t at = hash_of(class, kind, text, n) & (s->room - 1);

	for (; s->seen[at].pattern; at = (at + 1) & (s->room - 1)) {
		uint32_t pattern = s->seen[at].pattern - 1;
		const struct mv_table_pattern *row = &s->table.patterns[pattern];

		if (row->kind == kind && row->bytes == n && class_of(s, pattern) == class &&
		    !memcmp(text_of(s, pattern), text, n))
			return &s->seen[at].pattern;
	}
	return NULL;
}

static void remember(struct search *s, uint32_t pattern)
{
	const struct mv_table_pattern *row = &s->table.patterns[pattern];
	unsigned class = class_of(s, pattern);
	const char *text = text_of(s, pattern);

	if (row->kind == MV_PATTERN_GLOB && s->glob_count < GLOBS_MAX)
		s->globs[s->glob_count++] = pattern;
	if (find(s, class, row->kind, text, row->bytes))
		return;
	size_t at = hash_of(class, row->kind, text, row->bytes) & (s->room - 1);

	while (s->seen[at].pattern)
		at = (at + 1) & (s->room - 1);
	s->seen[at].pattern = pattern + 1;
}

/* The subtree that holds the first n bytes of a path. */
static const uint32_t *find_above(const struct search *s, unsigned class, const char *text,
				  size_t n)
{
	const uint32_t *found = NULL;

	for (;;) {
		found = find(s, class, MV_PATTERN_SUBTREE, text, n);
		if (found || n == 0)
			return found;
		while (n > 0 && text[n - 1] != '/')
			n--;
		if (n > 0)
			n--;
	}
}

/* A glob covers another when it matches its text: a star takes what a star may stand for, as long as no "?"
 * takes a star for one byte and no star takes two of them, which cross components. */
static bool glob_covers(const char *glob, size_t glob_bytes, const struct mv_table_pattern *row,
			const char *text)
{
	if (row->kind == MV_PATTERN_SUBTREE)
		return false;
	if (row->kind == MV_PATTERN_GLOB &&
	    (memchr(glob, '?', glob_bytes) || memmem(text, row->bytes, "**", 2)))
		return false;
	return mv_glob_matches(glob, glob_bytes, text, row->bytes);
}

/* Number + 1 of an earlier pattern that selects all that this one does; 0 = none. */
static uint32_t cover_of(const struct search *s, uint32_t pattern)
{
	const struct mv_table_pattern *row = &s->table.patterns[pattern];
	unsigned class = class_of(s, pattern);
	const char *text = text_of(s, pattern);
	size_t literal = row->bytes;

	if (row->kind == MV_PATTERN_GLOB) {
		literal = mv_glob_literal(text, row->bytes);
		while (literal > 0 && text[literal - 1] != '/')
			literal--;
		literal -= literal > 0;
	}
	const uint32_t *found = find(s, class, row->kind, text, row->bytes);

	if (!found && row->bytes && text[0] == '/')
		found = find_above(s, class, text, literal);
	if (found)
		return *found;
	for (size_t i = 0; i < s->glob_count; i++) {
		uint32_t glob = s->globs[i];

		if (class_of(s, glob) == class &&
		    glob_covers(text_of(s, glob), s->table.patterns[glob].bytes, row, text))
			return glob + 1;
	}
	return 0;
}

static void judge(struct search *s, uint32_t row)
{
	const struct mv_table_rule *rule = &s->table.rules[row];
	const struct rule *behind = s->rules[row], *front = NULL;
	uint32_t end = rule->pattern_first + rule->pattern_count, cover = 1;

	for (uint32_t i = rule->pattern_first; i < end && cover; i++) {
		cover = cover_of(s, i);
		if (cover)
			front = s->rules[s->rule_of[cover - 1]];
		if (!may_tell(front, behind))
			cover = 0;
	}
	if (cover)
		report(&s->policy->notes, behind->node,
		       "rule \"%s\" can never decide: it is shadowed by \"%s\", tried before it",
		       behind->id, front->id);
	/* An audit rule decides nothing, so it shadows nothing. */
	for (uint32_t i = rule->pattern_first; i < end && !rule->audit; i++)
		remember(s, i);
}

/* Rows stand in the order of the rules; those without a pattern are left out, and rows about names that come
 * of net rules have no rule here. */
static void name_rows(struct search *s, const struct rules *rules, uint32_t *at)
{
	for (enum rule_class class = 0; class < RULES_COUNT; class ++) {
		const struct rule *list = rules_of(rules, class);

		for (size_t i = 0; i < rules->lists[class].count; i++) {
			char id[MV_NAME_MAX];

			if (*at >= s->table.header->rule_count || !class_is_enforced(class))
				return;
			mv_policy_rule_id(&s->table, (int32_t)*at, id);
			if (!strcmp(id, list[i].id))
				s->rules[(*at)++] = &list[i];
		}
	}
}

static void skip_names(const struct search *s, const struct rules *rules, uint32_t *at)
{
	const struct rule *list = rules_of(rules, RULES_NET);
	char id[MV_NAME_MAX];

	for (size_t i = 0; i < rules->lists[RULES_NET].count; i++) {
		if (*at >= s->table.header->rule_count)
			return;
		mv_policy_rule_id(&s->table, (int32_t)*at, id);
		if (list[i].action == MV_ALLOW && !strcmp(id, list[i].id))
			(*at)++;
	}
}

static void search_table(struct search *s, const struct task *task)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < s->table.header->rule_count; i++) {
		const struct mv_table_rule *rule = &s->table.rules[i];

		for (uint32_t k = 0; k < rule->pattern_count; k++)
			s->rule_of[rule->pattern_first + k] = i;
	}
	name_rows(s, &s->policy->final, &at);
	skip_names(s, &s->policy->final, &at);
	name_rows(s, &task->rules, &at);
	for (uint32_t i = 0; i < s->table.header->rule_count; i++) {
		if (s->rules[i])
			judge(s, i);
	}
}

/* The number of rows looked at; what cannot be compiled is not searched. */
static size_t search_task(struct policy *policy, size_t n)
{
	/* Paths that no document can name: {file} is nobody's, and no home is another rule's. */
	static const struct policy_request request = {.user = "",
						      .home = "/home/\x01",
						      .file_count = 1,
						      .files = {"/\x01"},
						      .now_s = UINT64_MAX};
	struct search s = {.policy = policy, .room = 16};
	cleanup_buf struct buf bytes = {0};

	if (policy_compile(policy, n, &request, 0, &bytes) < 0 ||
	    mv_policy_init(&s.table, bytes.data, bytes.len) < 0)
		return 0;
	uint32_t rules = s.table.header->rule_count, patterns = s.table.header->pattern_count;

	while (s.room < 2 * (size_t)patterns)
		s.room *= 2;
	s.rules = calloc(rules + 1, sizeof(*s.rules));
	s.rule_of = calloc(patterns + 1, sizeof(*s.rule_of));
	s.seen = calloc(s.room, sizeof(*s.seen));
	if (s.rules && s.rule_of && s.seen)
		search_table(&s, &policy_tasks(policy)[n]);
	free(s.rules);
	free(s.rule_of);
	free(s.seen);
	return rules;
}

static bool has_program(const struct match *match, const char *program)
{
	for (const struct node *item = match->program->first; item; item = item->next) {
		if (mv_glob_matches(item->text, strlen(item->text), program, strlen(program)))
			return true;
	}
	return false;
}

/* Takes every program, with any files. */
static bool takes_all_of(const struct match *match, const struct match *other)
{
	if (match->file || match->mime || match->origin)
		return false;
	for (const struct node *item = other->program->first; item; item = item->next) {
		if (!has_program(match, item->text))
			return false;
	}
	return true;
}

static void find_shadowed_tasks(struct policy *policy)
{
	const struct task *tasks = policy_tasks(policy);

	for (size_t i = 1; i < policy->tasks.count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (tasks[k].layer != tasks[i].layer ||
			    !takes_all_of(tasks[k].match, tasks[i].match))
				continue;
			report(&policy->notes, tasks[i].rules.node,
			       "task \"%s\" can never match: it is shadowed by \"%s\", tried "
			       "before it",
			       tasks[i].id, tasks[k].id);
			break;
		}
	}
}

void policy_find_shadows(struct policy *policy)
{
	size_t rows = 0;

	find_shadowed_tasks(policy);
	for (size_t i = 0; i < policy->tasks.count && rows < ROWS_MAX; i++)
		rows += search_task(policy, i);
}
