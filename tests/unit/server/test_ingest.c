#include <sys/wait.h>

#include "tests/support/suite.h"
#include "tests/unit/server/fleet.h"

static uint64_t expect_ack(struct client *c)
{
	Ampoule__Frame *frame = client_expect(c, AMPOULE__FRAME__KIND_EVENT_ACK);
	uint64_t sequence = frame->event_ack->sequence;

	wire_free(&frame->base);
	return sequence;
}

START_TEST(events_are_stored_with_every_field)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_events(&c, 1, 2, "file", "/home/user1/.ssh/id_rsa");
	ck_assert_uint_eq(expect_ack(&c), 2);
	ck_assert_int_eq(
		pg_number(
			config.db,
			"SELECT count(*) FROM events e JOIN devices d ON d.id = e.device WHERE "
			"object = '/home/user1/.ssh/id_rsa' AND class = 'file' AND operation = "
			"'open' "
			"AND verdict = 'deny' AND severity = 'high' AND user_name = 'user1' AND "
			"e.group_name = 'default' AND guest_rip = x'ffffffff81000000'::bigint AND "
			"count = 1 AND NOT audit AND wall_clock_ns = 1790000000000000000"),
		2);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(events_sent_again_are_stored_once)
{
	struct identity id = fleet_enroll();
	struct client c;
	uint64_t acked, counter = fleet_hello(&c, &id, 0, 0, &acked);

	ck_assert_uint_eq(acked, 0);
	client_events(&c, 1, 5, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 5);
	client_events(&c, 1, 5, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 5);
	client_events(&c, 3, 5, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 7);
	client_close(&c);
	(void)fleet_hello(&c, &id, counter, 0, &acked);
	ck_assert_uint_eq(acked, 7);
	client_close(&c);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 7);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT sequence) FROM events"), 7);
	fleet_forget(&id);
}
END_TEST

START_TEST(an_event_that_cannot_be_stored_is_quarantined_and_acked)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_events(&c, 1, 1, "file", "/a");
	client_events(&c, 2, 1, "no-class", "/b");
	client_events(&c, 3, 1, "file", "/c");
	ck_assert_uint_eq(expect_ack(&c), 1);
	ck_assert_uint_eq(expect_ack(&c), 2);
	ck_assert_uint_eq(expect_ack(&c), 3);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 2);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events_quarantine WHERE "
					      "sequence = 2 AND reason = 'an unknown class' AND "
					      "octet_length(packed) > 0"),
			 1);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_batch_of_too_many_is_refused)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_events(&c, 1, 512, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 512);
	client_events(&c, 513, 513, "file", "/a");
	client_expect_refusal(&c, "bad-batch", false);
	client_close(&c);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 512);
	fleet_forget(&id);
}
END_TEST

START_TEST(without_the_database_nothing_is_acked)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	fleet_sql("ALTER TABLE events RENAME TO gone", NULL, 0);
	client_events(&c, 1, 1, "file", "/a");
	client_expect_refusal(&c, "unavailable", false);
	client_close(&c);
	ck_assert_int_eq(pg_number(config.db, "SELECT max(last_sequence) FROM streams"), 0);
	fleet_forget(&id);
}
END_TEST

/* A policy of another group, and the device's own; events name them. */
START_TEST(an_event_of_a_policy_that_was_never_assigned_is_quarantined)
{
	struct identity id = fleet_enroll();
	struct client c;

	fleet_sql("INSERT INTO groups (name) VALUES ('eng')", NULL, 0);
	fleet_policy(3, "mine");
	fleet_sql(
		"INSERT INTO policies (group_name, serial, policy_id, document, envelope, digest) "
		"VALUES ('eng', 4, 'office', 'x', 'x', decode(repeat('ab', 32), 'hex'))",
		NULL, 0);
	uint64_t counter = fleet_hello(&c, &id, 0, 3, NULL);

	wire_free(&client_expect(&c, AMPOULE__FRAME__KIND_POLICY_ANNOUNCE)->base);
	client_events_of(&c, 1, 1, "office", 3);
	ck_assert_uint_eq(expect_ack(&c), 1);
	client_events_of(&c, 2, 1, "office", 4); /* of the other group */
	client_events_of(&c, 3, 1, "home", 3);   /* the serial is, the id is not */
	ck_assert_uint_eq(expect_ack(&c), 2);
	ck_assert_uint_eq(expect_ack(&c), 3);
	client_close(&c);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 1);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events_quarantine WHERE reason "
					      "LIKE 'a policy that no group%'"),
			 2);
	/* Moved, it may speak of both. */
	fleet_sql("UPDATE devices SET group_name = 'eng'", NULL, 0);
	(void)fleet_hello(&c, &id, counter, 0, NULL);
	wire_free(&client_expect(&c, AMPOULE__FRAME__KIND_POLICY_ANNOUNCE)->base);
	client_events_of(&c, 4, 1, "office", 4);
	client_events_of(&c, 5, 1, "office", 3);
	ck_assert_uint_eq(expect_ack(&c), 4);
	ck_assert_uint_eq(expect_ack(&c), 5);
	ck_assert_int_eq(
		pg_number(config.db, "SELECT count(*) FROM events WHERE group_name = 'eng'"), 2);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

/* Nothing that is acceptable to us is refused by the table; so the table is made to refuse one. */
START_TEST(an_event_that_the_database_refuses_takes_no_other_with_it)
{
	struct identity a = fleet_enroll(), b = fleet_enroll();
	struct client first, second;

	fleet_sql("ALTER TABLE events ADD CHECK (object <> '/poison')", NULL, 0);
	(void)fleet_hello(&first, &a, 0, 0, NULL);
	(void)fleet_hello(&second, &b, 0, 0, NULL);
	client_events(&first, 1, 3, "file", "/a");
	client_events(&second, 1, 2, "file", "/poison");
	client_events(&second, 3, 2, "file", "/b");
	ck_assert_uint_eq(expect_ack(&first), 3);
	ck_assert_uint_eq(expect_ack(&second), 2);
	ck_assert_uint_eq(expect_ack(&second), 4);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 5);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events_quarantine WHERE reason "
					      "= 'the database refuses it'"),
			 2);
	client_close(&first);
	client_close(&second);
	fleet_forget(&a);
	fleet_forget(&b);
}
END_TEST

START_TEST(a_database_that_comes_back_gets_what_waited)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_events(&c, 1, 1, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 1);
	ck_assert_int_eq(pg_run("kill"), 0);
	client_events(&c, 2, 7, "file", "/a");
	usleep(300000); /* long enough to fail at least once; nothing depends on it */
	ck_assert_int_eq(pg_run("start"), 0);
	ck_assert_uint_eq(expect_ack(&c), 8);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 8);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT sequence) FROM events"), 8);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

/* A transaction that has read nothing yet and commits late: what it locked, another may not pass. */
START_TEST(a_batch_that_another_instance_has_not_committed_is_not_stored_twice)
{
	struct identity id = fleet_enroll();
	struct client c;
	uint64_t acked, counter = fleet_hello(&c, &id, 0, 0, &acked);
	struct srv_conn *other = srv_conn_open(config.db, &err);

	client_events(&c, 1, 2, "file", "/a");
	ck_assert_uint_eq(expect_ack(&c), 2);
	client_close(&c);
	/* The other instance has 3 to 5 of the stream stored and not committed ... */
	ck_assert_int_eq(srv_begin(other, &err), 0);
	ck_assert_int_eq(
		srv_script(other,
			   "UPDATE streams SET last_sequence = 5;"
			   "INSERT INTO events (device, group_name, stream, sequence, "
			   "wall_clock_ns, vm, task, user_name, class, operation, object, verdict, "
			   "audit, severity, policy_id, serial, rule, exit_reason, guest_rip, "
			   "count, dropped, image, program) SELECT device, group_name, stream, n, "
			   "0, '', '', '', 'file', 'open', '/a', 'deny', false, 'high', '', 0, '', "
			   "'', 0, 1, 0, '', '' FROM events, generate_series(3, 5) n WHERE "
			   "sequence = 2",
			   &err),
		0);
	/* ... while the device, which saw no ack, is here with the same. */
	(void)fleet_hello(&c, &id, counter, 0, &acked);
	ck_assert_uint_eq(acked, 2);
	client_events(&c, 3, 4, "file", "/a");
	usleep(200000); /* the ingest waits for the row by now, or will: either is right */
	ck_assert_int_eq(srv_commit(other, &err), 0);
	ck_assert_uint_eq(expect_ack(&c), 6);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 6);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT sequence) FROM events"), 6);
	srv_conn_close(other);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(events_are_counted_by_the_minute)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_events(&c, 1, 5, "file", "/a");
	client_events(&c, 6, 3, "net", "tcp:a.example:443");
	ck_assert_uint_eq(expect_ack(&c), 5);
	ck_assert_uint_eq(expect_ack(&c), 8);
	client_events(&c, 8, 2, "file", "/a"); /* 8 is there already */
	ck_assert_uint_eq(expect_ack(&c), 9);
	ck_assert_int_eq(pg_number(config.db,
				   "SELECT sum(events)::bigint FROM events_minutes WHERE "
				   "class = 'file' AND verdict = 'deny' AND severity = "
				   "'high' AND group_name = 'default' AND NOT audit"),
			 6);
	ck_assert_int_eq(pg_number(config.db, "SELECT sum(total)::bigint FROM events_minutes WHERE "
					      "class = 'net'"),
			 3);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

/* Nine batches without waiting for an ack: four are under way, the rest waits in the socket. */
START_TEST(batches_sent_ahead_are_stored_in_order)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	for (uint64_t i = 0; i < 9; i++)
		client_events(&c, 1 + i * 100, 100, "file", "/a");
	for (uint64_t i = 0; i < 9; i++)
		ck_assert_uint_eq(expect_ack(&c), 100 + i * 100);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT sequence) FROM events"), 900);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(days_are_made_ahead_and_dropped)
{
	fleet_sql("SELECT events_prepare()", NULL, 0);
	ck_assert_int_ge(
		pg_number(config.db, "SELECT count(*) FROM event_days WHERE ends_at > now()"), 7);
	/* A day of ten days ago, as if it had been made then. */
	fleet_sql("CREATE TABLE events_old (LIKE events INCLUDING DEFAULTS)", NULL, 0);
	fleet_sql("ALTER TABLE events DETACH PARTITION events_first", NULL, 0);
	fleet_sql("DROP TABLE events_first", NULL, 0);
	fleet_sql("DO $$ BEGIN EXECUTE format('ALTER TABLE events ATTACH PARTITION events_old FOR "
		  "VALUES FROM (%L) TO (%L)', date_trunc('day', now()) - interval '10 days', "
		  "date_trunc('day', now()) - interval '9 days'); END $$",
		  NULL, 0);
	fleet_sql(
		"INSERT INTO events SELECT nextval('events_id'), '77', date_trunc('day', now()) - "
		"interval '10 days' + interval '1 hour', gen_random_uuid(), 'default', '', 1, 0, "
		"'', '', '', 'file', 'open', '', 'deny', false, 'low', '', 0, '', '', 0, 1, 0, '', "
		"''",
		NULL, 0);
	ck_assert_int_eq(pg_number(config.db, "SELECT events_retain(30, 0)"), 0);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 1);
	ck_assert_int_eq(pg_number(config.db, "SELECT events_retain(5, 0)"), 1);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 0);
	ck_assert_int_eq(pg_number(config.db, "SELECT gone_xact FROM event_log"), 77);
}
END_TEST

/* Serves in a process of its own, so that it can be killed; its port. */
static pid_t serve_elsewhere(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	pid_t pid = fork();

	if (pid == 0) {
		fleet_serve();
		(void)!write(fds[1], &port, sizeof(port));
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(fds[0], &port, sizeof(port)), sizeof(port));
	close(fds[0]);
	close(fds[1]);
	return pid;
}

/* The server is killed at 12 different moments after a batch has left; what was not acked is sent again. */
START_TEST(a_killed_server_loses_and_doubles_nothing)
{
	uint64_t counter = 0, acked = 0, sent = 0;
	struct client c;
	pid_t pid = serve_elsewhere();
	struct identity id = fleet_enroll();

	for (unsigned round = 0; round < 12; round++) {
		counter = fleet_hello(&c, &id, counter, 0, &acked);
		ck_assert_uint_le(acked, sent);
		client_events(&c, acked + 1, 100, "file", "/a");
		sent = acked + 100;
		usleep(round * 700);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		client_close(&c);
		pid = serve_elsewhere();
	}
	(void)fleet_hello(&c, &id, counter, 0, &acked);
	client_events(&c, acked + 1, 10, "file", "/a");
	sent = acked + 10;
	ck_assert_uint_eq(expect_ack(&c), sent);
	client_close(&c);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), (int64_t)sent);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT sequence) FROM events"),
			 (int64_t)sent);
	fleet_forget(&id);
}
END_TEST

static void stop_nothing(void)
{
	fleet = NULL;
	context.hub = NULL;
	context.db = NULL;
	fleet_stop();
}

int main(void)
{
	TCase *t = tcase_create("events"), *killed = tcase_create("kill -9");

	pg_start();
	tcase_set_timeout(t, 60);
	tcase_set_timeout(killed, 120);
	tcase_add_checked_fixture(t, fleet_start, fleet_stop);
	tcase_add_checked_fixture(killed, fleet_make_state, stop_nothing);
	tcase_add_test(t, events_are_stored_with_every_field);
	tcase_add_test(t, events_sent_again_are_stored_once);
	tcase_add_test(t, an_event_that_cannot_be_stored_is_quarantined_and_acked);
	tcase_add_test(t, a_batch_of_too_many_is_refused);
	tcase_add_test(t, without_the_database_nothing_is_acked);
	tcase_add_test(t, an_event_of_a_policy_that_was_never_assigned_is_quarantined);
	tcase_add_test(t, an_event_that_the_database_refuses_takes_no_other_with_it);
	tcase_add_test(t, a_database_that_comes_back_gets_what_waited);
	tcase_add_test(t, a_batch_that_another_instance_has_not_committed_is_not_stored_twice);
	tcase_add_test(t, events_are_counted_by_the_minute);
	tcase_add_test(t, batches_sent_ahead_are_stored_in_order);
	tcase_add_test(t, days_are_made_ahead_and_dropped);
	tcase_add_test(killed, a_killed_server_loses_and_doubles_nothing);
	return suite_run("server/ingest", t, killed);
}
