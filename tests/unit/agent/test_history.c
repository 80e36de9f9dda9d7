#include "agent/agent/history.h"
#include "tests/support/suite.h"

static struct agent_history history;

static void put(uint64_t serial, uint8_t verdict)
{
	struct mv_event event = {.verdict = verdict, .count = 2, .serial = serial};

	agent_history_put(&history, &event);
}

static void teardown(void)
{
	agent_history_release(&history);
}

START_TEST(the_oldest_goes_when_there_is_no_room)
{
	for (uint64_t i = 0; i < AGENT_HISTORY_MAX + 3; i++)
		put(i, MV_DENY);
	ck_assert_uint_eq(history.count, AGENT_HISTORY_MAX);
	ck_assert_uint_eq(agent_history_at(&history, 0)->serial, 3);
	ck_assert_uint_eq(agent_history_at(&history, AGENT_HISTORY_MAX - 1)->serial,
			  AGENT_HISTORY_MAX + 2);
	ck_assert_uint_eq(history.refused, 2 * (AGENT_HISTORY_MAX + 3));
}
END_TEST

START_TEST(what_was_allowed_is_not_counted_as_refused)
{
	put(1, MV_ALLOW);
	put(1, MV_HIDE);
	ck_assert_uint_eq(history.count, 2);
	ck_assert_uint_eq(history.refused, 2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("history");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, the_oldest_goes_when_there_is_no_room);
	tcase_add_test(t, what_was_allowed_is_not_counted_as_refused);
	return suite_run("agent/history", t);
}
