#include <check.h>

#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

#define FRONT "ampoule: 1\nkind: base\nid: p\ntrust_levels: [u]\nvars: { w: [/srv/w/] }\n"
#define RULES \
	"tasks:\n- { id: t, match: { program: [/bin/t] }, run: { image: i, level: u }, file: ["
#define A   "{ id: a, path: [/srv/a/], do: read }"
#define B   "{ id: b, path: [/srv/b/], do: read }"
#define C   "{ id: c, path: [/srv/w/], do: read }"
#define END "] }\n"

static int put(void *context, enum policy_change change, const struct policy_item *old,
	       const struct policy_item *new)
{
	static const char *const words[] = {"", "added", "removed", "changed", "moved"};
	const struct policy_item *item = new ? new : old;

	return buf_printf(context, "%s %s.%s.%s;", words[change], item->task, item->class,
			  item->id);
}

static const struct {
	const char *old;
	const char *new;
	const char *says;
} cases[] = {
	{FRONT RULES A ", " B END, FRONT "# a comment\n" RULES "\n" A ",\n\n" B END, ""},
	{FRONT RULES A END, FRONT RULES A ", " B END, "added t.file.b;"},
	{FRONT RULES A ", " B END, FRONT RULES B END, "removed t.file.a;"},
	{FRONT RULES A ", " B ", " C END, FRONT RULES B ", " C ", " A END, "moved t.file.a;"},
	{FRONT RULES A END, FRONT RULES "{ id: a, path: [/srv/a/], do: deny }" END,
	 "changed t.file.a;"},
	/* spelling does not count */
	{FRONT RULES A ", " C END,
	 FRONT RULES "{ path: [/srv/a/], do: \"read\", severity: medium, id: a }, { id: c, path: "
		     "[\"${w}\"], do: read }" END,
	 ""},
	{FRONT RULES A END,
	 FRONT
	 "tasks:\n- { id: t, match: { program: [/bin/t] }, run: { image: i, level: u, memory: "
	 "512Mi }, file: [" A END,
	 "changed t.run.;"},
	{FRONT RULES A END, FRONT "default_task: t\n" RULES A END, "changed .default_task.;"},
	/* the document that a rule stands in does not count */
	{FRONT RULES A ", " B END,
	 FRONT RULES B END
	 "---\nampoule: 1\nkind: delta\nid: d\nextends: p\ngroup: g\ntasks: [ { id: t, file: [ " A
	 " ] } ]\n",
	 ""},
	{FRONT RULES A END,
	 FRONT RULES A END "---\nampoule: 1\nkind: exception\nid: e\nextends: p\nfor: { users: "
			   "[u], devices: [all] }\nuntil: 2026-01-01T00:00:00Z\nreason: r\n",
	 "added .exception.e;"},
};

START_TEST(changes_are_told_by_meaning)
{
	struct policy *old = parse_text(cases[_i].old), *new = parse_text(cases[_i].new);
	cleanup_buf struct buf out = {0};

	ck_assert_int_eq(policy_diff(old, new, put, &out), 0);
	ck_assert_int_eq(buf_put_u8(&out, 0), 0);
	ck_assert_str_eq((char *)out.data, cases[_i].says);
	policy_free(old);
	policy_free(new);
}
END_TEST

START_TEST(the_first_policy_is_all_new)
{
	struct policy *new = parse_text(FRONT RULES A END);
	cleanup_buf struct buf out = {0};

	ck_assert_int_eq(policy_diff(NULL, new, put, &out), 0);
	ck_assert_int_eq(buf_put_u8(&out, 0), 0);
	ck_assert_str_eq((char *)out.data, "added .trust_levels.;added .default_task.;added "
					   "t.match.;added t.run.;added t.file.a;");
	policy_free(new);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("diff");

	tcase_add_loop_test(t, changes_are_told_by_meaning, 0,
			    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(t, the_first_policy_is_all_new);
	return suite_run("common/policy/diff", t);
}
