/* Two instances over one database: a policy stored by either reaches the devices of both, and a device that goes
 * over loses and doubles nothing. */
#include "tests/support/suite.h"
#include "tests/unit/server/fleet.h"

static struct srv_context other_context;
static struct srv_fleet *other_fleet;
static uint16_t other_port;

static void start_both(void)
{
	fleet_start();
	other_context = context;
	other_context.db = srv_db_open(config.db, 4, &err);
	ck_assert_msg(other_context.db != NULL, "%s", err.text);
	other_context.hub = srv_hub_start(other_context.db, config.db, &err);
	ck_assert_msg(other_context.hub != NULL, "%s", err.text);
	other_fleet = srv_fleet_start(&other_context, ca, 20, &err);
	ck_assert_msg(other_fleet != NULL, "%s", err.text);
	other_port = srv_fleet_port(other_fleet);
}

static void stop_other(void)
{
	srv_fleet_stop(other_fleet);
	srv_hub_stop(other_context.hub);
	srv_db_close(other_context.db);
	other_fleet = NULL;
	other_context.hub = NULL;
	other_context.db = NULL;
}

static void stop_both(void)
{
	stop_other();
	fleet_stop();
}

/* As fleet_hello(), to the other instance. */
static uint64_t hello_to_other(struct client *c, const struct identity *id, uint64_t counter,
			       uint64_t *ret_acked)
{
	uint16_t own = port;

	port = other_port;
	counter = fleet_hello(c, id, counter, 0, ret_acked);
	port = own;
	return counter;
}

static uint64_t expect_ack(struct client *c)
{
	Ampoule__Frame *frame = client_expect(c, AMPOULE__FRAME__KIND_EVENT_ACK);
	uint64_t sequence = frame->event_ack->sequence;

	wire_free(&frame->base);
	return sequence;
}

START_TEST(a_policy_reaches_the_devices_of_both)
{
	struct identity a = fleet_enroll(), b = fleet_enroll();
	struct client here, there;

	(void)fleet_hello(&here, &a, 0, 0, NULL);
	(void)hello_to_other(&there, &b, 0, NULL);
	fleet_policy(1, "envelope");
	wire_free(&client_expect(&here, AMPOULE__FRAME__KIND_POLICY_ANNOUNCE)->base);
	wire_free(&client_expect(&there, AMPOULE__FRAME__KIND_POLICY_ANNOUNCE)->base);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT instance) FROM devices"), 2);
	client_close(&here);
	client_close(&there);
	fleet_forget(&a);
	fleet_forget(&b);
}
END_TEST

START_TEST(a_device_that_goes_over_loses_and_doubles_nothing)
{
	struct identity id = fleet_enroll();
	struct client here, there;
	uint64_t acked, counter = fleet_hello(&here, &id, 0, 0, NULL);

	client_events(&here, 1, 50, "file", "/a");
	ck_assert_uint_eq(expect_ack(&here), 50);
	client_events(&here, 51, 50, "file", "/a"); /* its ack is not waited for */
	counter = hello_to_other(&there, &id, counter, &acked);
	ck_assert_uint_ge(acked, 50);
	client_events(&there, acked + 1, 150 - acked, "file", "/a");
	ck_assert_uint_eq(expect_ack(&there), 150);
	client_close(&here);
	client_close(&there);
	/* The first connection's end is written last and must not hide the second. */
	(void)fleet_hello(&here, &id, counter, 0, &acked);
	ck_assert_uint_eq(acked, 150);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events"), 150);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(DISTINCT sequence) FROM events"), 150);
	client_close(&here);
	fleet_forget(&id);
}
END_TEST

START_TEST(the_devices_of_an_instance_that_stops_are_offline_and_may_go_over)
{
	struct identity id = fleet_enroll();
	struct client c;
	uint64_t counter = hello_to_other(&c, &id, 0, NULL);

	stop_other();
	client_close(&c);
	pg_await(config.db, "SELECT count(*) FROM device_overview WHERE state = 'offline'", 1);
	(void)fleet_hello(&c, &id, counter, 0, NULL);
	pg_await(config.db, "SELECT count(*) FROM device_overview WHERE state = 'connected'", 1);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("instances");

	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, start_both, stop_both);
	tcase_add_test(t, a_policy_reaches_the_devices_of_both);
	tcase_add_test(t, a_device_that_goes_over_loses_and_doubles_nothing);
	tcase_add_test(t, the_devices_of_an_instance_that_stops_are_offline_and_may_go_over);
	return suite_run("server/instances", t);
}
