#include <check.h>
#include <errno.h>

#include "common/policy/words.h"
#include "tests/support/suite.h"
#include "tests/unit/common/policy/support.h"

static const struct policy_request user1 = {.user = "user1",
					    .home = "/home/user1",
					    .file_count = 1,
					    .files = {"/home/user1/a.pdf"},
					    .program = "/bin/t"};

static struct buf compile(const char *rules, const struct policy_request *request)
{
	char text[4096];
	struct buf table = {0};

	snprintf(text, sizeof(text), "%s%s%s", HEAD, TASK, rules);
	struct policy *policy = parse_text(text);

	ck_assert_int_eq(policy_compile(policy, 0, request, 7, &table), 0);
	policy_free(policy);
	return table;
}

static void expect_file(const struct buf *table, const char *path, unsigned verdict,
			const char *rule)
{
	char got[MV_NAME_MAX];
	unsigned v = decide(table, MV_CLASS_FILE, MV_OP_OPEN, path, got);

	ck_assert_msg(v == verdict && !strcmp(got, rule), "%s: %s by '%s'", path, words_verdict(v),
		      got);
}

START_TEST(the_header_names_policy_task_and_serial)
{
	struct buf table = compile("", &user1);
	struct mv_policy p;

	ck_assert_int_eq(mv_policy_init(&p, table.data, table.len), 0);
	ck_assert_str_eq(p.header->policy_id, "p");
	ck_assert_str_eq(p.header->task_id, "t");
	ck_assert_uint_eq(p.header->serial, 7);
	buf_release(&table);
}
END_TEST

static const struct {
	unsigned class;
	unsigned op;
	const char *object;
	unsigned verdict;
} unmatched[] = {
	{MV_CLASS_FILE, MV_OP_OPEN, "/home/user1/x", MV_HIDE},
	{MV_CLASS_STDIO, MV_OP_WRITE, "stdout", MV_ALLOW},
	{MV_CLASS_NET, MV_OP_CONNECT, "tcp:[].a.example:443", MV_DENY},
	{MV_CLASS_DNS, MV_OP_LOOKUP, "a.example", MV_DENY},
	{MV_CLASS_PORT, MV_OP_OUT, "0x3f8", MV_DENY},
	{MV_CLASS_MMIO, MV_OP_WRITE, "0xd0000000", MV_DENY},
	{MV_CLASS_MSR, MV_OP_WRITE, "0x1a0", MV_DENY},
	{MV_CLASS_HYPERCALL, MV_OP_OUT, "12", MV_DENY},
	{MV_CLASS_MACHINE, MV_OP_WRITE, "triple-fault", MV_TERMINATE},
	{MV_CLASS_SAVE, MV_OP_WRITE, "/home/user1/x", MV_HIDE},
};

START_TEST(what_no_rule_names_has_its_class_fallback)
{
	struct buf table = compile("", &user1);
	char rule[MV_NAME_MAX];

	ck_assert_uint_eq(decide(&table, unmatched[_i].class, unmatched[_i].op,
				 unmatched[_i].object, rule),
			  unmatched[_i].verdict);
	ck_assert_str_eq(rule, "");
	buf_release(&table);
}
END_TEST

START_TEST(homes_variables_and_files_are_expanded)
{
	struct buf table = compile("  file:\n"
				   "  - { id: doc, path: [\"{file}\"], do: read }\n"
				   "  - { id: work, path: [\"${work}\"], do: copy }\n"
				   "  - { id: one, path: [\"~/one\"], do: read }\n",
				   &user1);

	expect_file(&table, "/home/user1/a.pdf", MV_ALLOW, "doc");
	expect_file(&table, "/home/user1/a.pdf.bak", MV_HIDE, "");
	expect_file(&table, "/home/user1/work/deep/x", MV_COPY, "work");
	expect_file(&table, "/home/user1/work", MV_COPY, "work");
	expect_file(&table, "/home/user1/workshop", MV_HIDE, "");
	expect_file(&table, "/srv/work/x", MV_COPY, "work");
	expect_file(&table, "/home/user2/work/x", MV_HIDE, "");
	expect_file(&table, "/home/user1/one", MV_ALLOW, "one");
	expect_file(&table, "/home/user1/one/below", MV_HIDE, "");
	buf_release(&table);
}
END_TEST

START_TEST(a_write_under_read_is_a_deny_by_that_rule)
{
	struct buf table =
		compile("  file: [ { id: doc, path: [\"{file}\"], do: read } ]\n", &user1);
	char rule[MV_NAME_MAX];

	ck_assert_uint_eq(decide(&table, MV_CLASS_FILE, MV_OP_WRITE, "/home/user1/a.pdf", rule),
			  MV_DENY);
	ck_assert_str_eq(rule, "doc");
	buf_release(&table);
}
END_TEST

START_TEST(wildcards_in_the_name_of_a_given_file_are_letters)
{
	struct policy_request request = user1;

	request.files[0] = "/home/user1/*.pdf";
	struct buf table =
		compile("  file: [ { id: doc, path: [\"{file}\"], do: read } ]\n", &request);

	expect_file(&table, "/home/user1/*.pdf", MV_ALLOW, "doc");
	expect_file(&table, "/home/user1/b.pdf", MV_HIDE, "");
	buf_release(&table);
}
END_TEST

START_TEST(save_rules_save_ask_or_discard)
{
	struct buf table =
		compile("  save:\n"
			"  - { id: back, path: [\"{file}\"], do: save, unsealed: true }\n"
			"  - { id: never, path: [\"~/in/x.pdf\"], do: discard }\n"
			"  - { id: dl, path: [\"~/in/*.pdf\"], do: ask, max: 5Mi }\n",
			&user1);
	char rule[MV_NAME_MAX];

	ck_assert_uint_eq(decide(&table, MV_CLASS_SAVE, MV_OP_WRITE, "/home/user1/a.pdf", rule),
			  MV_ALLOW);
	ck_assert_str_eq(rule, "back");
	ck_assert_uint_eq(decide(&table, MV_CLASS_SAVE, MV_OP_WRITE, "/home/user1/in/y.pdf", rule),
			  MV_COPY);
	ck_assert_str_eq(rule, "dl");
	ck_assert_uint_eq(decide(&table, MV_CLASS_SAVE, MV_OP_WRITE, "/home/user1/in/x.pdf", rule),
			  MV_HIDE);
	ck_assert_str_eq(rule, "never");
	buf_release(&table);
}
END_TEST

START_TEST(a_save_rule_tells_how_large_a_file_may_be)
{
	struct policy *policy = parse_text(
		HEAD "final:\n  save: [ { id: f, path: [\"~/\"], do: ask, max: 1Ki } ]\n" TASK
		     "  save:\n"
		     "  - { id: dl, path: [\"~/in/*.pdf\"], do: ask, max: 5Mi }\n"
		     "  - { id: any, path: [\"~/in/*.txt\"], do: ask }\n");

	ck_assert_uint_eq(policy_save_max(policy, "f"), 1024);
	ck_assert_uint_eq(policy_save_max(policy, "dl"), 5 << 20);
	ck_assert_uint_eq(policy_save_max(policy, "any"), 0);
	ck_assert_uint_eq(policy_save_max(policy, "none"), 0);
	policy_free(policy);
}
END_TEST

START_TEST(globs_stay_in_a_component_or_cross)
{
	struct buf table = compile("  file:\n"
				   "  - { id: flat, path: [\"~/in/*.pdf\"], do: read }\n"
				   "  - { id: deep, path: [\"~/all/**/*.txt\"], do: read }\n"
				   "  - { id: dirs, path: [\"~/proj-?/\"], do: read }\n",
				   &user1);

	expect_file(&table, "/home/user1/in/.a.pdf", MV_ALLOW, "flat");
	expect_file(&table, "/home/user1/in/b/a.pdf", MV_HIDE, "");
	expect_file(&table, "/home/user1/all/x.txt", MV_ALLOW, "deep");
	expect_file(&table, "/home/user1/all/b/c/x.txt", MV_ALLOW, "deep");
	expect_file(&table, "/home/user1/proj-1", MV_ALLOW, "dirs");
	expect_file(&table, "/home/user1/proj-1/a/b", MV_ALLOW, "dirs");
	expect_file(&table, "/home/user1/proj-12/a", MV_HIDE, "");
	buf_release(&table);
}
END_TEST

START_TEST(final_rules_come_first)
{
	struct policy *policy = parse_text(
		HEAD "final: { file: [ { id: keys, path: [\"~/.ssh/\"], do: deny } ] }\n" TASK
		     "  file: [ { id: all, path: [\"~/\"], do: read } ]\n");
	struct buf table = {0};

	ck_assert_int_eq(policy_compile(policy, 0, &user1, 1, &table), 0);
	expect_file(&table, "/home/user1/.ssh/id", MV_DENY, "keys");
	expect_file(&table, "/home/user1/.sshd", MV_ALLOW, "all");
	buf_release(&table);
	policy_free(policy);
}
END_TEST

START_TEST(severe_denies_terminate_where_the_task_says_so)
{
	struct buf table =
		compile("  file:\n"
			"  - { id: high, path: [\"~/h/\"], do: deny, severity: high }\n"
			"  - { id: worst, path: [\"~/c/\"], do: deny, severity: critical }\n"
			"  - { id: usual, path: [\"~/m/\"], do: deny }\n"
			"  - { id: trial, path: [\"~/\"], do: deny, mode: audit, severity: high }\n"
			"  on_deny: { at_least: high, do: terminate }\n",
			&user1);

	expect_file(&table, "/home/user1/h/x", MV_TERMINATE, "high");
	expect_file(&table, "/home/user1/c/x", MV_TERMINATE, "worst");
	expect_file(&table, "/home/user1/m/x", MV_DENY, "usual");
	expect_file(&table, "/home/user1/x", MV_HIDE, "");
	buf_release(&table);
}
END_TEST

START_TEST(network_rules_name_host_and_port)
{
	struct buf table =
		compile("  net:\n"
			"  - { id: no, host: [bad.corp.example], port: [443], do: deny }\n"
			"  - { id: corp, host: [\"*.corp.example\"], port: [443, 8443], do: "
			"allow }\n",
			&user1);
	char rule[MV_NAME_MAX];

#define CONNECT(object) decide(&table, MV_CLASS_NET, MV_OP_CONNECT, object, rule)
	ck_assert_uint_eq(CONNECT("tcp:[].a.corp.example:8443"), MV_ALLOW);
	ck_assert_uint_eq(CONNECT("tcp:[].corp.example:443"), MV_DENY);
	ck_assert_str_eq(rule, "");
	ck_assert_uint_eq(CONNECT("tcp:[0a000005].bad.corp.example:443"), MV_DENY);
	ck_assert_str_eq(rule, "no");
	ck_assert_uint_eq(CONNECT("tcp:[].a.corp.example:80"), MV_DENY);
	ck_assert_uint_eq(CONNECT("udp:[].a.corp.example:443"), MV_DENY);
	ck_assert_uint_eq(decide(&table, MV_CLASS_DNS, MV_OP_LOOKUP, "a.corp.example", rule),
			  MV_ALLOW);
	buf_release(&table);
}
END_TEST

START_TEST(networks_and_names_are_one_list)
{
	struct buf table = compile(
		"  net:\n"
		"  - { id: own, host: [\"git.corp.example\"], port: [443], do: allow }\n"
		"  - { id: lan, host: [10.0.0.0/8, 172.16.0.0/12, \"fd00::/8\"], port: [443, 22], "
		"do: deny }\n"
		"  - { id: one, host: [192.0.2.1], port: [443], do: deny }\n"
		"  - { id: all, host: [\"*\"], port: [443], do: allow }\n",
		&user1);
	char rule[MV_NAME_MAX];

	/* A name that is tried first, an address inside, one beside, and none known. */
	ck_assert_uint_eq(CONNECT("tcp:[0a000005].git.corp.example:443"), MV_ALLOW);
	ck_assert_str_eq(rule, "own");
	ck_assert_uint_eq(CONNECT("tcp:[0a000005].x.corp.example:443"), MV_DENY);
	ck_assert_str_eq(rule, "lan");
	ck_assert_uint_eq(CONNECT("tcp:[0b000005].x.corp.example:443"), MV_ALLOW);
	ck_assert_uint_eq(CONNECT("tcp:[].x.corp.example:443"), MV_ALLOW);
	ck_assert_uint_eq(CONNECT("tcp:[ac1fffff]:443"), MV_DENY);
	ck_assert_uint_eq(CONNECT("tcp:[ac200000]:443"), MV_ALLOW);
	ck_assert_uint_eq(CONNECT("tcp:[ac0fffff]:443"), MV_ALLOW);
	ck_assert_uint_eq(CONNECT("tcp:[c0000201]:443"), MV_DENY);
	ck_assert_str_eq(rule, "one");
	ck_assert_uint_eq(CONNECT("tcp:[c0000202]:443"), MV_ALLOW);
	/* IPv6 that begins with the same digits is another address. */
	ck_assert_uint_eq(CONNECT("tcp:[0a000005000000000000000000000000]:443"), MV_ALLOW);
	ck_assert_uint_eq(CONNECT("tcp:[fd000000000000000000000000000001]:443"), MV_DENY);
	ck_assert_uint_eq(CONNECT("tcp:[fc000000000000000000000000000001]:443"), MV_ALLOW);
	ck_assert_uint_eq(decide(&table, MV_CLASS_DNS, MV_OP_LOOKUP, "192.0.2.1", rule), MV_ALLOW);
	ck_assert_str_eq(rule, "all");
	buf_release(&table);
}
END_TEST

START_TEST(a_rule_about_files_that_were_not_given_is_left_out)
{
	struct policy_request request = user1;

	request.file_count = 0;
	struct buf table =
		compile("  file: [ { id: doc, path: [\"{file}\"], do: read } ]\n", &request);
	struct mv_policy p;

	ck_assert_int_eq(mv_policy_init(&p, table.data, table.len), 0);
	ck_assert_uint_eq(p.header->rule_count, 0);
	buf_release(&table);
}
END_TEST

START_TEST(the_table_is_the_same_each_time_and_appended)
{
	struct policy *policy = parse_file("tests/story/policy.yaml");
	struct buf one = {0}, two = {0};

	ck_assert_int_eq(policy_compile(policy, 1, &user1, 3, &one), 0);
	ck_assert_int_eq(buf_put(&two, "12345678", 8), 0);
	ck_assert_int_eq(policy_compile(policy, 1, &user1, 3, &two), 0);
	ck_assert_uint_eq(two.len, one.len + 8);
	ck_assert_mem_eq(two.data + 8, one.data, one.len);
	buf_release(&one);
	buf_release(&two);
	policy_free(policy);
}
END_TEST

static const struct policy_request bad_requests[] = {
	{.user = "u", .home = NULL},
	{.user = "u", .home = "/"},
	{.user = "u", .home = "home/u"},
	{.user = "u", .home = "/home/u/"},
	{.user = "u", .home = "/home/../etc"},
	{.user = "u", .home = "/home/u*"}, /* would act as a glob in "~/x?" */
	{.user = "u", .home = "/home/u", .file_count = 9},
	{.user = "u", .home = "/home/u", .file_count = 1, .files = {"a.pdf"}},
	{.user = "u", .home = "/home/u", .file_count = 1, .files = {"/home/u/./a.pdf"}},
	{.user = "u", .home = "/home/u", .file_count = 1, .files = {""}},
};

START_TEST(facts_that_are_no_paths_are_refused)
{
	struct policy *policy =
		parse_text(HEAD TASK "  file: [ { id: a, path: [\"~/x?\"], do: read } ]\n");
	struct buf table = {0};

	ck_assert_int_eq(policy_compile(policy, 0, &bad_requests[_i], 1, &table), -EINVAL);
	ck_assert_uint_eq(table.len, 0);
	ck_assert_int_eq(policy_compile(policy, 1, &user1, 1, &table), -EINVAL); /* no such task */
	policy_free(policy);
}
END_TEST

START_TEST(a_home_that_makes_paths_too_long_is_refused)
{
	static char home[MV_PATH_MAX];
	struct policy_request request = {.user = "u", .home = home};
	struct policy *policy = parse_text(
		HEAD TASK "  file: [ { id: a, path: [\"~/0123456789abcdef\"], do: read } ]\n");
	struct buf table = {0};

	memset(home, 'h', MV_PATH_MAX - 10);
	home[0] = '/';
	ck_assert_int_eq(policy_compile(policy, 0, &request, 1, &table), -ENAMETOOLONG);
	policy_free(policy);
	buf_release(&table);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("compile");

	tcase_add_test(t, the_header_names_policy_task_and_serial);
	tcase_add_loop_test(t, what_no_rule_names_has_its_class_fallback, 0,
			    sizeof(unmatched) / sizeof(unmatched[0]));
	tcase_add_test(t, homes_variables_and_files_are_expanded);
	tcase_add_test(t, a_write_under_read_is_a_deny_by_that_rule);
	tcase_add_test(t, wildcards_in_the_name_of_a_given_file_are_letters);
	tcase_add_test(t, save_rules_save_ask_or_discard);
	tcase_add_test(t, a_save_rule_tells_how_large_a_file_may_be);
	tcase_add_test(t, globs_stay_in_a_component_or_cross);
	tcase_add_test(t, final_rules_come_first);
	tcase_add_test(t, severe_denies_terminate_where_the_task_says_so);
	tcase_add_test(t, network_rules_name_host_and_port);
	tcase_add_test(t, networks_and_names_are_one_list);
	tcase_add_test(t, a_rule_about_files_that_were_not_given_is_left_out);
	tcase_add_test(t, the_table_is_the_same_each_time_and_appended);
	tcase_add_loop_test(t, facts_that_are_no_paths_are_refused, 0,
			    sizeof(bad_requests) / sizeof(bad_requests[0]));
	tcase_add_test(t, a_home_that_makes_paths_too_long_is_refused);
	return suite_run("common/policy/compile", t);
}
