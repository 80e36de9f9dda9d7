#include <check.h>
#include <time.h>

#include "server/chores/chores.h"
#include "server/store/devices.h"
#include "tests/support/suite.h"
#include "tests/unit/server/fleet.h"

static void send_health(struct client *c, bool isolation, uint32_t ready)
{
	Ampoule__Health health = AMPOULE__HEALTH__INIT;
	Ampoule__Frame frame;
	char version[] = "0.1", kernel[] = "6.1.0", reason[] = "no /dev/kvm";

	ampoule__frame__init(&frame);
	health.link_version = health.microvisor = version;
	health.kernel = kernel;
	health.isolation = isolation;
	health.isolation_reason = reason;
	health.images = 2;
	health.images_ready = ready;
	health.running = 3;
	health.wall_clock_ns = (uint64_t)(time(NULL) + 3600) * 1000000000u;
	frame.kind_case = AMPOULE__FRAME__KIND_HEALTH;
	frame.health = &health;
	client_send(c, &frame);
}

START_TEST(how_a_device_is_is_kept_and_lost_isolation_is_told_once)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	send_health(&c, true, 1);
	client_round_trip(&c);
	ck_assert_int_eq(
		pg_number(config.db,
			  "SELECT count(*) FROM device_overview WHERE isolation AND images "
			  "= 2 AND images_ready = 1 AND running = 3 AND isolation_reason = "
			  "'' AND clock_skew_ms BETWEEN 3500000 AND 3601000"),
		1);
	send_health(&c, false, 2);
	send_health(&c, false, 2);
	client_round_trip(&c);
	ck_assert_int_eq(pg_number(config.db,
				   "SELECT count(*) FROM device_overview WHERE NOT isolation AND "
				   "isolation_reason = 'no /dev/kvm' AND images_ready = 2"),
			 1);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events WHERE class = 'fleet' "
					      "AND object = 'isolation-unavailable'"),
			 1);
	send_health(&c, true, 3); /* of two */
	client_expect_refusal(&c, "bad-request", false);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(two_copies_are_shut_out_until_an_admin_lets_one_in)
{
	struct identity id = fleet_enroll();
	struct client c, copy;
	uint64_t counter = fleet_hello(&c, &id, 0, 0, NULL);

	client_close(&c);
	counter = fleet_hello(&c, &id, counter, 0, NULL);
	ck_assert_int_eq(client_connect(&copy, port, "ampoule/1", &id), 1);
	client_hello(&copy, 77, 0);
	client_expect_refusal(&copy, "stale-counter", false);
	client_close(&copy);
	client_expect_refusal(&c, "closing", false); /* the other one, too */
	client_close(&c);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	client_hello(&c, counter, 0);
	client_expect_refusal(&c, "quarantined", false);
	client_close(&c);

	struct srv_conn *conn = srv_conn_open(config.db, &err);
	struct srv_device_change change = {.state = "active"};

	ck_assert_int_eq(srv_devices_change(conn, id.device, &change, &err), 0);
	srv_conn_close(conn);
	(void)fleet_hello(&c, &id, counter, 0, NULL);
	client_close(&c);
	ck_assert_int_eq(client_connect(&copy, port, "ampoule/1", &id), 1);
	client_hello(&copy, 77, 0);
	client_expect_refusal(&copy, "stale-counter", false); /* one, not both */
	client_close(&copy);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_device_that_waits_for_approval_is_not_served)
{
	struct identity id = fleet_enroll();
	struct client c;

	fleet_sql("UPDATE devices SET state = 'waiting'", NULL, 0);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	client_hello(&c, 0, 0);
	client_expect_refusal(&c, "waiting", false);
	client_close(&c);
	fleet_sql("UPDATE devices SET state = 'active'", NULL, 0);
	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_machine_that_enrols_again_is_linked_to_what_it_was)
{
	struct identity old = fleet_enroll(), new = fleet_enroll();

	ck_assert_int_eq(
		pg_number(config.db,
			  "SELECT count(*) FROM device_overview o JOIN device_overview n ON "
			  "o.replaced_by = n.id AND n.replaces = o.id"),
		1);
	fleet_forget(&old);
	fleet_forget(&new);
}
END_TEST

START_TEST(what_nobody_would_notice_is_told_once)
{
	struct identity id = fleet_enroll();
	struct srv_conn *conn = srv_conn_open(config.db, &err);

	fleet_sql("UPDATE devices SET last_seen = now() - interval '4 days', certificate_expires = "
		  "now() + interval '5 days'",
		  NULL, 0);
	for (int i = 0; i < 2; i++)
		ck_assert_msg(srv_chore_devices(conn, &err) == 0, "%s", err.text);
	ck_assert_int_eq(pg_number(config.db,
				   "SELECT count(*) FROM events WHERE object IN ('silent', "
				   "'certificate-ends')"),
			 2);
	/* It was there again, and is silent again. */
	fleet_sql("UPDATE devices SET last_seen = now() - interval '3 days 1 hour'", NULL, 0);
	ck_assert_int_eq(srv_chore_devices(conn, &err), 0);
	ck_assert_int_eq(
		pg_number(config.db, "SELECT count(*) FROM events WHERE object = 'silent'"), 2);
	srv_conn_close(conn);
	fleet_forget(&id);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("devices");

	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, fleet_start, fleet_stop);
	tcase_add_test(t, how_a_device_is_is_kept_and_lost_isolation_is_told_once);
	tcase_add_test(t, two_copies_are_shut_out_until_an_admin_lets_one_in);
	tcase_add_test(t, a_device_that_waits_for_approval_is_not_served);
	tcase_add_test(t, a_machine_that_enrols_again_is_linked_to_what_it_was);
	tcase_add_test(t, what_nobody_would_notice_is_told_once);
	return suite_run("server/devices", t);
}
