#include <errno.h>

#include "agent/agent/table.h"
#include "microvisor/arbiter/policy.h"
#include "tests/support/suite.h"

START_TEST(a_task_that_is_gone_leaves_a_table_that_denies_everything)
{
	struct agent_policies policies = {.id = "office", .serial = 9};
	struct buf table = {0};
	struct mv_policy policy;
	struct mv_decision decision;
	static const struct mv_access access = {
		.class = MV_CLASS_FILE, .op = MV_OP_OPEN, .object_bytes = 7, .object = "/home/a"};

	ck_assert_int_eq(agent_table_find_task(&policies, "pdf"), -ENOENT);
	ck_assert_int_eq(agent_table_deny_all(&policies, "pdf", &table), 0);
	ck_assert_int_eq(mv_policy_init(&policy, table.data, table.len), 0);
	mv_arbitrate(&policy, &access, &decision);
	ck_assert_int_eq(decision.verdict, MV_DENY);
	ck_assert_int_eq(decision.rule, -1);
	ck_assert_uint_eq(policy.header->serial, 9);
	buf_release(&table);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("table");

	tcase_add_test(t, a_task_that_is_gone_leaves_a_table_that_denies_everything);
	return suite_run("agent/table", t);
}
