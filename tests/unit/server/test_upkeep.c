#include <errno.h>
#include <string.h>

#include "server/upkeep.h"
#include "tests/support/pg.h"
#include "tests/support/suite.h"

static struct srv_config config;
static struct srv_db *db;
static struct err err;

static void setup(void)
{
	pg_database(true, config.db, sizeof(config.db));
	db = srv_db_open(config.db, 2, &err);
	ck_assert_msg(db != NULL, "%s", err.text);
}

static void teardown(void)
{
	srv_db_close(db);
}

static void sql(const char *text)
{
	struct srv_conn *conn = srv_db_get(db, &err);

	ck_assert_msg(conn && srv_script(conn, text, &err) == 0, "%s", err.text);
	srv_db_put(db, conn);
}

static const char old_day[] =
	"ALTER TABLE events DETACH PARTITION events_first; DROP TABLE events_first;"
	"CREATE TABLE events_old (LIKE events INCLUDING DEFAULTS);"
	"DO $$ BEGIN EXECUTE format('ALTER TABLE events ATTACH PARTITION events_old FOR VALUES "
	"FROM "
	"(%L) TO (%L)', date_trunc('day', now()) - interval '10 days', date_trunc('day', now()) - "
	"interval '9 days'); END $$";

static struct srv_upkeep *start(const char *days, const char *gib)
{
	(void)snprintf(config.events_days, sizeof(config.events_days), "%s", days);
	(void)snprintf(config.events_gib, sizeof(config.events_gib), "%s", gib);
	return srv_upkeep_start(db, &config, &err);
}

START_TEST(days_are_made_and_old_ones_dropped)
{
	sql(old_day);
	struct srv_upkeep *u = start("5", "");

	ck_assert_ptr_nonnull(u);
	pg_await(config.db, "SELECT count(*) FROM event_days WHERE name = 'events_old'", 0);
	pg_await(config.db, "SELECT (count(*) >= 7)::int FROM event_days WHERE ends_at > now()", 1);
	ck_assert(!srv_upkeep_is_full(u));
	srv_upkeep_stop(u);
}
END_TEST

/* What another instance is doing is not done twice. */
START_TEST(one_instance_does_it_at_a_time)
{
	struct srv_conn *leader = srv_conn_open(config.db, &err);

	sql(old_day);
	ck_assert_int_eq(srv_query(leader, NULL, &err, "SELECT pg_advisory_lock($1)",
				   SRV_INT(0x414d504f554c4533)),
			 0);
	struct srv_upkeep *u = start("5", "");

	ck_assert_ptr_nonnull(u);
	usleep(300000); /* a round is over by then, or it will find the lock taken too */
	ck_assert_int_eq(pg_number(config.db,
				   "SELECT count(*) FROM event_days WHERE name = 'events_old'"),
			 1);
	srv_upkeep_stop(u);
	srv_conn_close(leader);
}
END_TEST

static const struct {
	const char *days, *gib;
} bad[] = {{"-1", ""}, {"x", ""}, {"5d", ""}, {"99999", ""}, {"", "-1"}, {"", "1 GiB"}};

START_TEST(a_configuration_that_makes_no_sense_is_refused)
{
	ck_assert_ptr_null(start(bad[_i].days, bad[_i].gib));
	ck_assert_int_eq(err.code, -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, bad[_i].days[0] ? "events_days" : "events_gib"));
}
END_TEST

START_TEST(a_budget_drops_the_oldest_days_first)
{
	sql(old_day);
	sql("SELECT events_prepare()");
	sql("INSERT INTO events SELECT nextval('events_id'), '9', date_trunc('day', now()) - "
	    "interval "
	    "'10 days', gen_random_uuid(), 'default', '', 1, 0, '', '', '', 'file', 'open', "
	    "repeat('x', 200)::bytea, 'deny', false, 'low', '', 0, '', '', 0, 1, 0, '', '' FROM "
	    "generate_series(1, 1000)");
	ck_assert_int_eq(pg_number(config.db, "SELECT events_retain(90, 1000000000)"), 0);
	ck_assert_int_eq(pg_number(config.db, "SELECT events_retain(90, 1)"), 1);
	/* This day is not dropped, whatever the budget. */
	ck_assert_int_ge(
		pg_number(config.db, "SELECT count(*) FROM event_days WHERE ends_at > now()"), 7);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("upkeep");

	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, days_are_made_and_old_ones_dropped);
	tcase_add_test(t, one_instance_does_it_at_a_time);
	tcase_add_loop_test(t, a_configuration_that_makes_no_sense_is_refused, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, a_budget_drops_the_oldest_days_first);
	return suite_run("server/upkeep", t);
}
