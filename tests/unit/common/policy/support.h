/* What the tests of common/policy share. */
#ifndef TESTS_UNIT_COMMON_POLICY_SUPPORT_H
#define TESTS_UNIT_COMMON_POLICY_SUPPORT_H

#include <check.h>
#include <string.h>

#include "common/policy/policy.h"
#include "microvisor/arbiter/policy.h"

/* A document around the text of its task and what follows it. */
#define HEAD                                                                                \
	"ampoule: 1\nkind: base\nid: p\ntrust_levels: [trusted, untrusted]\nvars: { work: " \
	"[\"~/work/\", /srv/work/] }\n"
#define TASK                                                                                    \
	"tasks:\n- id: t\n  match: { program: [/bin/t] }\n  run: { image: i, level: untrusted " \
	"}\n"

static inline struct policy *parse_text(const char *text)
{
	struct policy_errors errors;
	struct policy *policy = policy_parse(text, strlen(text), &errors);

	ck_assert_msg(policy != NULL, "%d:%d: %s: %s", errors.list[0].line, errors.list[0].column,
		      errors.list[0].path, errors.list[0].text);
	return policy;
}

static inline struct policy *parse_file(const char *path)
{
	cleanup_buf struct buf text = {0};
	struct policy_errors errors;

	ck_assert_int_eq(buf_read_file(&text, path, POLICY_BYTES_MAX), 0);
	struct policy *policy = policy_parse(text.data, text.len, &errors);

	ck_assert_msg(policy != NULL, "%s:%d:%d: %s: %s", path, errors.list[0].line,
		      errors.list[0].column, errors.list[0].path, errors.list[0].text);
	return policy;
}

/* The verdict for one access under a compiled table, and the rule's id. */
static inline unsigned decide(const struct buf *table, unsigned class, unsigned op,
			      const char *object, char rule[MV_NAME_MAX])
{
	struct mv_policy compiled;
	struct mv_decision decision;
	struct mv_access access = {.class = (uint8_t) class,
				   .op = (uint8_t)op,
				   .object_bytes = (uint16_t)strlen(object),
				   .object = object};

	ck_assert_int_eq(mv_policy_init(&compiled, table->data, table->len), 0);
	mv_arbitrate(&compiled, &access, &decision);
	mv_policy_rule_id(&compiled, decision.rule, rule);
	return decision.verdict;
}

#endif
