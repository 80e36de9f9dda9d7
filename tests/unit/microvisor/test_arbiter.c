#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "microvisor/arbiter/arbiter.h"
#include "tests/support/suite.h"
#include "tests/support/table.h"

static const struct table_rule opening[] = {
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
	{.id = "hush", .verdict = MV_HIDE, .exact = "/home/u/hush"},
	{0},
};
static const struct table_rule closing[] = {
	{.id = "shut", .verdict = MV_DENY, .subtree = "/home/u/docs"},
	{0},
};

static struct mv_arbiter *arbiter;
static const struct mv_exit from;

static void setup(void)
{
	size_t n;
	void *table = table_build(opening, 1, &n);

	ck_assert_int_eq(mv_arbiter_new(table, n, NULL, &arbiter), 0);
	free(table);
}

static void teardown(void)
{
	mv_arbiter_free(arbiter);
}

static struct mv_access file(const char *path)
{
	return (struct mv_access){.class = MV_CLASS_FILE,
				  .op = MV_OP_OPEN,
				  .object = path,
				  .object_bytes = (uint16_t)strlen(path)};
}

static uint8_t verdict(const char *path)
{
	struct mv_access access = file(path);

	return mv_arbiter_decide(arbiter, &access, &from, MV_CASE_PLAIN);
}

START_TEST(a_new_policy_decides_the_next_access)
{
	size_t n;
	uint64_t serial = 0;
	void *table = table_build(closing, 2, &n);

	ck_assert_uint_eq(verdict("/home/u/docs/a"), MV_ALLOW);
	ck_assert_uint_eq(mv_arbiter_serial(arbiter), 1);
	ck_assert(!mv_arbiter_ask(arbiter, mv_policy_is_sealed, "/home/u/docs", 12));
	ck_assert(mv_arbiter_ask(arbiter, mv_policy_may_hold, "/home/u", 7));
	ck_assert_int_eq(mv_arbiter_replace(arbiter, table, n, &serial), 0);
	free(table);
	ck_assert_uint_eq(serial, 2);
	ck_assert_uint_eq(verdict("/home/u/docs/a"), MV_DENY);
	ck_assert(mv_arbiter_ask(arbiter, mv_policy_is_sealed, "/home/u/docs", 12));
	ck_assert(mv_arbiter_ask(arbiter, mv_policy_leads_to, "/home/u", 7));
	ck_assert(!mv_arbiter_ask(arbiter, mv_policy_may_hold, "/home/u", 7));
}
END_TEST

START_TEST(a_broken_policy_changes_nothing)
{
	uint64_t serial = 99;
	char bad[1000] = {0};

	ck_assert_int_eq(mv_arbiter_replace(arbiter, bad, sizeof(bad), &serial), -EBADMSG);
	ck_assert_int_eq(mv_arbiter_replace(arbiter, bad, 0, &serial), -EBADMSG);
	ck_assert_int_eq(mv_arbiter_replace(arbiter, bad, MV_TABLE_BYTES_MAX + 1UL, &serial),
			 -EFBIG);
	ck_assert_uint_eq(serial, 99);
	ck_assert_uint_eq(verdict("/home/u/docs/a"), MV_ALLOW);
}
END_TEST

START_TEST(a_way_is_passable_unless_a_rule_says_otherwise)
{
	struct mv_access way = file("/home/u");
	struct mv_access hushed = file("/home/u/hush");
	struct mv_access malformed = file("/home/..");
	struct mv_decision decision;

	mv_arbiter_peek(arbiter, &way, &decision);
	ck_assert_uint_eq(decision.verdict, MV_HIDE);
	ck_assert_uint_eq(mv_arbiter_decide(arbiter, &way, &from, MV_CASE_WAY), MV_ALLOW);
	ck_assert_uint_eq(mv_arbiter_decide(arbiter, &hushed, &from, MV_CASE_WAY), MV_HIDE);
	ck_assert_uint_eq(mv_arbiter_decide(arbiter, &malformed, &from, MV_CASE_WAY), MV_DENY);
}
END_TEST

static void *swap_often(void *rules)
{
	size_t n;
	uint64_t serial;
	void *table = table_build(rules, 3, &n);

	for (int i = 0; i < 2000; i++)
		ck_assert_int_eq(mv_arbiter_replace(arbiter, table, n, &serial), 0);
	free(table);
	return NULL;
}

START_TEST(decisions_go_on_while_policies_are_swapped)
{
	pthread_t thread;
	struct table_rule rules[2];

	memcpy(rules, closing, sizeof(rules));
	ck_assert_int_eq(pthread_create(&thread, NULL, swap_often, rules), 0);
	for (int i = 0; i < 2000; i++)
		ck_assert_uint_ne(verdict("/home/u/docs/a"), MV_HIDE);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(verdict("/home/u/docs/a"), MV_DENY);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("arbiter");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_new_policy_decides_the_next_access);
	tcase_add_test(t, a_broken_policy_changes_nothing);
	tcase_add_test(t, a_way_is_passable_unless_a_rule_says_otherwise);
	tcase_add_test(t, decisions_go_on_while_policies_are_swapped);
	return suite_run("microvisor/arbiter", t);
}
