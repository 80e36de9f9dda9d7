#include <check.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "microvisor/arbiter/arbiter.h"
#include "microvisor/microvisor.h"
#include "tests/support/suite.h"
#include "tests/support/table.h"

enum {
	MS = 1000000
};

static const struct table_rule rules[] = {
	{.id = "watch", .verdict = MV_DENY, .subtree = "/home/u/docs", .audit = 1},
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
	{.id = "keys", .verdict = MV_DENY, .subtree = "/home/u/.ssh", .severity = MV_HIGH},
	{.id = "trap", .verdict = MV_DENY, .exact = "/home/u/trap", .terminate = 1},
	{0},
};

static struct mv_event events[1024];
static size_t event_count;
static uint64_t now_ns;
static struct mv_audit *audit;
static struct mv_arbiter *arbiter;

static void keep(void *context, const struct mv_event *event)
{
	(void)context;
	ck_assert_uint_lt(event_count, 1024);
	events[event_count++] = *event;
}

static uint64_t now(void *context)
{
	(void)context;
	return now_ns;
}

static void setup(void)
{
	size_t n;
	void *table = table_build(rules, 7, &n);

	now_ns = 1000ULL * 1000 * MS;
	event_count = 0;
	audit = mv_audit_new(keep, now, NULL);
	ck_assert_ptr_nonnull(audit);
	ck_assert_int_eq(mv_arbiter_new(table, n, audit, &arbiter), 0);
	free(table);
}

static void teardown(void)
{
	mv_arbiter_free(arbiter);
	mv_audit_free(audit);
}

static uint8_t reach(enum mv_op op, const char *path)
{
	struct mv_access access = {.class = MV_CLASS_FILE,
				   .op = (uint8_t)op,
				   .object = path,
				   .object_bytes = (uint16_t)strlen(path)};
	struct mv_exit from = {.reason = 6, .rip = 0x1234, .claimed_uid = 1000, .claimed_pid = 42};

	return mv_arbiter_decide(arbiter, &access, &from, MV_CASE_PLAIN);
}

START_TEST(a_deny_is_told_at_once_and_in_full)
{
	reach(MV_OP_OPEN, "/home/u/.ssh/id");
	ck_assert_uint_eq(event_count, 1);
	ck_assert_uint_eq(events[0].type, MV_MSG_EVENT);
	ck_assert_uint_eq(events[0].class, MV_CLASS_FILE);
	ck_assert_uint_eq(events[0].op, MV_OP_OPEN);
	ck_assert_uint_eq(events[0].verdict, MV_DENY);
	ck_assert_uint_eq(events[0].severity, MV_HIGH);
	ck_assert_uint_eq(events[0].exit_reason, 6);
	ck_assert_uint_eq(events[0].guest_rip, 0x1234);
	ck_assert_uint_eq(events[0].claimed_uid, 1000);
	ck_assert_uint_eq(events[0].claimed_pid, 42);
	ck_assert_uint_eq(events[0].count, 1);
	ck_assert_uint_eq(events[0].serial, 7);
	ck_assert_uint_eq(events[0].wall_clock_ns, now_ns);
	ck_assert_str_eq(events[0].policy_id, "test");
	ck_assert_str_eq(events[0].rule, "keys");
	ck_assert_uint_eq(events[0].object_bytes, 15);
	ck_assert_mem_eq(events[0].object, "/home/u/.ssh/id\0", 16);
}
END_TEST

START_TEST(equal_ones_become_one_with_a_count)
{
	for (int i = 0; i < 100; i++)
		reach(MV_OP_OPEN, "/home/u/.ssh/id");
	ck_assert_uint_eq(event_count, 1);
	ck_assert_int_le(mv_audit_flush(audit, 0), MV_AUDIT_HIDE_MS + 1);
	ck_assert_uint_eq(event_count, 1);
	now_ns += (uint64_t)MV_AUDIT_FLUSH_MS * MS;
	ck_assert_int_eq(mv_audit_flush(audit, 0), -1);
	ck_assert_uint_eq(event_count, 2);
	ck_assert_uint_eq(events[1].count, 99);
	reach(MV_OP_LIST, "/home/u/.ssh/id");
	ck_assert_uint_eq(event_count, 3);
}
END_TEST

START_TEST(an_allow_is_not_told_but_an_audit_rule_is)
{
	const char other[] = "/home/v/x";

	ck_assert_uint_eq(reach(MV_OP_READ, "/home/u/docs/a"), MV_ALLOW);
	ck_assert_uint_eq(event_count, 1);
	ck_assert_uint_eq(events[0].audit, 1);
	ck_assert_uint_eq(events[0].verdict, MV_ALLOW);
	ck_assert_str_eq(events[0].rule, "watch");
	ck_assert_uint_eq(reach(MV_OP_READ, other), MV_HIDE);
	ck_assert_uint_eq(event_count, 1);
	mv_audit_flush(audit, 1);
	ck_assert_uint_eq(event_count, 2);
	ck_assert_str_eq(events[1].object, other);
}
END_TEST

START_TEST(hides_of_a_folder_are_one_event)
{
	char path[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/home/u/secret/%d", i);
		reach(MV_OP_LOOKUP, path);
	}
	reach(MV_OP_LOOKUP, "/home/u/other/x");
	reach(MV_OP_LOOKUP, "/home/u/other/x");
	ck_assert_uint_eq(event_count, 0);
	now_ns += (uint64_t)MV_AUDIT_HIDE_MS * MS;
	ck_assert_int_eq(mv_audit_flush(audit, 0), -1);
	ck_assert_uint_eq(event_count, 2);
	ck_assert_uint_eq(events[0].count, 1000);
	ck_assert_str_eq(events[0].object, "/home/u/secret/");
	ck_assert_uint_eq(events[0].object_bytes, 15);
	ck_assert_uint_eq(events[1].count, 2);
	ck_assert_str_eq(events[1].object, "/home/u/other/x");
}
END_TEST

START_TEST(over_the_rate_losses_are_counted_and_told)
{
	char path[64];
	uint64_t told = 0;
	uint64_t dropped = 0;

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/home/u/.ssh/%d", i);
		reach(MV_OP_LOOKUP, path);
	}
	ck_assert_uint_eq(event_count, MV_AUDIT_PER_SECOND);
	mv_audit_flush(audit, 1);
	for (size_t i = 0; i < event_count; i++) {
		told += events[i].class == MV_CLASS_FILE ? events[i].count : 0;
		dropped += events[i].dropped;
	}
	ck_assert_uint_eq(told, MV_AUDIT_PER_SECOND + MV_AUDIT_SLOTS);
	ck_assert_uint_eq(told + dropped, 1000);
	ck_assert_int_eq(mv_audit_flush(audit, 1), -1);
}
END_TEST

START_TEST(losses_without_a_later_event_are_an_event)
{
	char path[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/home/u/.ssh/%d", i);
		reach(MV_OP_LOOKUP, path);
	}
	mv_audit_flush(audit, 1); /* tells the losses with the first of the slots */
	reach(MV_OP_LOOKUP, "/home/u/.ssh/again");
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "/home/u/.ssh/b%d", i);
		reach(MV_OP_LOOKUP, path);
	}
	event_count = 0;
	now_ns += 2000ULL * MS;
	mv_audit_flush(audit, 0);
	uint64_t total = 0;

	for (size_t i = 0; i < event_count; i++)
		total += events[i].dropped +
			 (events[i].class == MV_CLASS_FILE ? events[i].count : 0);
	ck_assert_uint_eq(total, 101);
}
END_TEST

START_TEST(a_clock_set_back_holds_nothing_back)
{
	reach(MV_OP_LOOKUP, "/home/v/x");
	now_ns -= 500ULL * 1000 * MS;
	ck_assert_int_eq(mv_audit_flush(audit, 0), -1);
	ck_assert_uint_eq(event_count, 1);
}
END_TEST

START_TEST(an_object_longer_than_an_event_is_cut)
{
	static char path[MV_PATH_MAX + 100];

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	ck_assert_uint_eq(reach(MV_OP_OPEN, path), MV_DENY);
	ck_assert_uint_eq(reach(MV_OP_OPEN, path), MV_DENY);
	mv_audit_flush(audit, 1);
	ck_assert_uint_eq(event_count, 2);
	ck_assert_uint_eq(events[0].object_bytes, MV_PATH_MAX);
	ck_assert_uint_eq(events[1].count, 1);
}
END_TEST

START_TEST(a_wait_wakes_the_flusher)
{
	uint64_t count = 0;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	mv_audit_wake_by(audit, fd);
	reach(MV_OP_OPEN, "/home/u/.ssh/id");
	ck_assert_int_lt(read(fd, &count, sizeof(count)), 0);
	reach(MV_OP_OPEN, "/home/u/.ssh/id");
	ck_assert_int_eq(read(fd, &count, sizeof(count)), sizeof(count));
	close(fd);
}
END_TEST

START_TEST(a_terminate_is_told_and_remembered)
{
	ck_assert(!mv_arbiter_is_terminated(arbiter));
	ck_assert_uint_eq(reach(MV_OP_LOOKUP, "/home/u/trap"), MV_TERMINATE);
	ck_assert(mv_arbiter_is_terminated(arbiter));
	ck_assert_uint_eq(events[0].verdict, MV_TERMINATE);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("audit");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_deny_is_told_at_once_and_in_full);
	tcase_add_test(t, equal_ones_become_one_with_a_count);
	tcase_add_test(t, an_allow_is_not_told_but_an_audit_rule_is);
	tcase_add_test(t, hides_of_a_folder_are_one_event);
	tcase_add_test(t, over_the_rate_losses_are_counted_and_told);
	tcase_add_test(t, losses_without_a_later_event_are_an_event);
	tcase_add_test(t, a_clock_set_back_holds_nothing_back);
	tcase_add_test(t, an_object_longer_than_an_event_is_cut);
	tcase_add_test(t, a_wait_wakes_the_flusher);
	tcase_add_test(t, a_terminate_is_told_and_remembered);
	return suite_run("microvisor/audit", t);
}
