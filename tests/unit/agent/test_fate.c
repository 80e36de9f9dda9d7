#include "agent/agent/fate.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static const char document[] =
	"ampoule: 1\nkind: base\nid: office\ntrust_levels: [trusted, untrusted]\n"
	"default_task: refuse\n"
	"tasks:\n"
	"  - id: t\n"
	"    match: { program: [/bin/t] }\n"
	"    run: { image: i, level: untrusted }\n"
	"    save:\n"
	"      - { id: back, path: [\"{file}\"], do: save, unsealed: true, max: 1Ki }\n"
	"      - { id: never, path: [\"~/out/x\"], do: discard }\n"
	"      - { id: out, path: [\"~/out/\", \"~/Desktop/*.desktop\"], do: save, unsealed: true "
	"}\n"
	"      - { id: git, path: [\"~/work/.git/\", \"~/.*\", \"~/d?/.name\"], do: ask }\n"
	"      - { id: any, path: [\"~/**\"], do: ask }\n";

static const struct {
	const char *path;
	const char *rule;
	uint8_t kind;
	uint8_t fate;
	uint8_t reason;
	uint64_t bytes;
} cases[] = {
	{"/home/u/a.pdf", "back", AGENT_CHANGE_CHANGED, AGENT_FATE_SAVE, AGENT_REASON_NONE, 1024},
	{"/home/u/a.pdf", "back", AGENT_CHANGE_CHANGED, AGENT_FATE_KEEP, AGENT_REASON_MAX, 1025},
	{"/home/u/a.pdf", "", AGENT_CHANGE_DELETED, AGENT_FATE_KEEP, AGENT_REASON_KIND, 0},
	{"/home/u/a.pdf", "", AGENT_CHANGE_LINK, AGENT_FATE_KEEP, AGENT_REASON_KIND, 0},
	{"/home/u/a.pdf", "", AGENT_CHANGE_DAMAGED, AGENT_FATE_KEEP, AGENT_REASON_KIND, 0},
	{"/home/u/.given", "back", AGENT_CHANGE_CHANGED, AGENT_FATE_SAVE, AGENT_REASON_NONE, 1},
	{"/home/u/out/x", "never", AGENT_CHANGE_NEW, AGENT_FATE_KEEP, AGENT_REASON_RULE, 1},
	{"/home/u/out/y/z", "out", AGENT_CHANGE_NEW, AGENT_FATE_SAVE, AGENT_REASON_NONE, 1 << 30},
	{"/home/u/out/y", "out", AGENT_CHANGE_FOLDER, AGENT_FATE_SAVE, AGENT_REASON_NONE, 0},
	{"/home/u/out/.y", "out", AGENT_CHANGE_NEW, AGENT_FATE_KEEP, AGENT_REASON_NAME, 1},
	{"/home/u/out/.d/z", "out", AGENT_CHANGE_NEW, AGENT_FATE_KEEP, AGENT_REASON_NAME, 1},
	{"/home/u/out/a.desktop", "out", AGENT_CHANGE_NEW, AGENT_FATE_KEEP, AGENT_REASON_NAME, 1},
	{"/home/u/Desktop/a.desktop", "out", AGENT_CHANGE_NEW, AGENT_FATE_SAVE, AGENT_REASON_NONE,
	 1},
	{"/home/u/work/.git/config", "git", AGENT_CHANGE_NEW, AGENT_FATE_ASK, AGENT_REASON_NONE, 1},
	{"/home/u/work/.git/.x", "git", AGENT_CHANGE_NEW, AGENT_FATE_KEEP, AGENT_REASON_NAME, 1},
	{"/home/u/.profile", "git", AGENT_CHANGE_NEW, AGENT_FATE_ASK, AGENT_REASON_NONE, 1},
	{"/home/u/d1/.name", "git", AGENT_CHANGE_NEW, AGENT_FATE_ASK, AGENT_REASON_NONE, 1},
	{"/home/u/d1/.other", "any", AGENT_CHANGE_NEW, AGENT_FATE_KEEP, AGENT_REASON_NAME, 1},
	{"/home/u/b.txt", "any", AGENT_CHANGE_NEW, AGENT_FATE_ASK, AGENT_REASON_NONE, 1},
	{"/home/v/b.txt", "", AGENT_CHANGE_NEW, AGENT_FATE_KEEP, AGENT_REASON_NO_RULE, 1},
	{"/home/u/../v", "", AGENT_CHANGE_NEW, AGENT_FATE_KEEP, AGENT_REASON_NO_RULE, 1},
};

START_TEST(the_policy_decides_and_some_names_have_to_be_named)
{
	struct policy_errors errors;
	struct policy *policy = policy_parse(document, strlen(document), &errors);
	struct policy_request request = {.user = "u",
					 .home = "/home/u",
					 .file_count = 2,
					 .files = {"/home/u/a.pdf", "/home/u/.given"},
					 .program = "/bin/t"};
	struct buf bytes = {0};
	struct mv_policy table;
	struct agent_change change = {
		.kind = cases[_i].kind, .bytes = cases[_i].bytes, .path = cases[_i].path};

	ck_assert_msg(policy != NULL, "%s", errors.list[0].text);
	ck_assert_int_eq(policy_compile(policy, 0, &request, 1, &bytes), 0);
	ck_assert_int_eq(mv_policy_init(&table, bytes.data, bytes.len), 0);
	agent_fate_decide(&table, policy, &change);
	ck_assert_msg(change.fate == cases[_i].fate && change.reason == cases[_i].reason,
		      "%s: fate %u reason %u rule %s", change.path, change.fate, change.reason,
		      change.rule);
	ck_assert_str_eq(change.rule, cases[_i].rule);
	policy_free(policy);
	buf_release(&bytes);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fate");

	tcase_add_loop_test(t, the_policy_decides_and_some_names_have_to_be_named, 0,
			    sizeof(cases) / sizeof(cases[0]));
	return suite_run("agent/fate", t);
}
