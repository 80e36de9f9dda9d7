#include <errno.h>
#include <stdio.h>

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

static const char stream[] =
	"ampoule: 1\nkind: base\nid: p\ntrust_levels: [u]\n"
	"tasks: [ { id: t, match: { program: [/bin/t] }, run: { image: i, level: u } } ]\n---\n"
	"ampoule: 1\nkind: exception\nid: e\nextends: p\nfor: { users: [u], devices: [d-1] }\n"
	"until: 2100-01-01T00:00:00Z\nreason: r\n"
	"tasks: [ { id: t, file: [ { id: e-1, path: [/srv/a], do: read } ] } ]\n";

#define END_OF_2099_S (UINT64_C(4102444800) - 1)

static unsigned verdict_of(struct agent_policies *policies, struct agent_request *request)
{
	static const struct mv_access access = {
		.class = MV_CLASS_FILE, .op = MV_OP_READ, .object_bytes = 6, .object = "/srv/a"};
	cleanup_buf struct buf table = {0};
	struct mv_policy policy;
	struct mv_decision decision;
	struct err err = {0};

	ck_assert_int_eq(agent_table_compile(policies, "t", request, "/bin/t", &table, &err), 0);
	ck_assert_int_eq(mv_policy_init(&policy, table.data, table.len), 0);
	mv_arbitrate(&policy, &access, &decision);
	return decision.verdict;
}

START_TEST(an_exception_ends_by_a_clock_that_never_goes_back)
{
	static struct agent_request request;
	struct policy_errors errors;
	struct agent_policies policies = {.id = "p", .serial = 1, .device = "d-1"};

	policies.policy = policy_parse(stream, sizeof(stream) - 1, &errors);
	ck_assert_ptr_nonnull(policies.policy);
	snprintf(request.account.name, sizeof(request.account.name), "u");
	snprintf(request.account.home, sizeof(request.account.home), "/home/u");
	ck_assert_uint_eq(verdict_of(&policies, &request), MV_ALLOW);
	policies.issued_s = END_OF_2099_S; /* the clock is behind: the policy knows better */
	ck_assert_uint_eq(verdict_of(&policies, &request), MV_ALLOW);
	policies.latest_s = END_OF_2099_S + 1; /* seen once, the end stays */
	ck_assert_uint_eq(verdict_of(&policies, &request), MV_HIDE);
	policies.latest_s = 0;
	policies.issued_s = 0;
	snprintf(policies.device, sizeof(policies.device), "d-2");
	ck_assert_uint_eq(verdict_of(&policies, &request), MV_HIDE);
	policy_free(policies.policy);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("table");

	tcase_add_test(t, a_task_that_is_gone_leaves_a_table_that_denies_everything);
	tcase_add_test(t, an_exception_ends_by_a_clock_that_never_goes_back);
	return suite_run("agent/table", t);
}
