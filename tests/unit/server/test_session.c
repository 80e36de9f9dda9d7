#include "tests/support/suite.h"
#include "tests/unit/server/fleet.h"

START_TEST(a_policy_reaches_a_connected_device)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	fleet_policy(1, "envelope");
	Ampoule__Frame *frame = client_expect(&c, AMPOULE__FRAME__KIND_POLICY_ANNOUNCE);

	ck_assert_uint_eq(frame->policy_announce->serial, 1);
	ck_assert_str_eq(frame->policy_announce->policy_id, "office");
	ck_assert_uint_eq(frame->policy_announce->digest.len, 32);
	wire_free(&frame->base);

	Ampoule__PolicyFetch fetch = AMPOULE__POLICY_FETCH__INIT;
	Ampoule__Frame ask;

	ampoule__frame__init(&ask);
	fetch.serial = 1;
	ask.kind_case = AMPOULE__FRAME__KIND_POLICY_FETCH;
	ask.policy_fetch = &fetch;
	client_send(&c, &ask);
	frame = client_expect(&c, AMPOULE__FRAME__KIND_POLICY_BODY);
	ck_assert_uint_eq(frame->policy_body->envelope.len, 8);
	ck_assert_mem_eq(frame->policy_body->envelope.data, "envelope", 8);
	wire_free(&frame->base);
	fetch.serial = 2;
	client_send(&c, &ask);
	client_expect_refusal(&c, "unknown-policy", true);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

static void send_state(struct client *c, uint64_t serial, Ampoule__PolicyState__Phase phase)
{
	Ampoule__PolicyState state;
	Ampoule__Frame frame;
	uint8_t digest[32] = {0xab};
	char reason[] = "why";

	ampoule__policy_state__init(&state);
	ampoule__frame__init(&frame);
	state.serial = serial;
	state.phase = phase;
	state.digest.data = digest;
	state.digest.len = sizeof(digest);
	state.reason = reason;
	frame.kind_case = AMPOULE__FRAME__KIND_POLICY_STATE;
	frame.policy_state = &state;
	client_send(c, &frame);
}

/* The second comes while the first is being read: it must not wait for the next beat, half a minute later. */
START_TEST(policies_stored_close_together_are_all_announced)
{
	struct identity id = fleet_enroll();
	struct srv_conn *conn = srv_conn_open(config.db, &err);
	struct client c;

	ck_assert_ptr_nonnull(conn);
	(void)fleet_hello(&c, &id, 0, 0, NULL);
	for (uint64_t last = 2, serial = 0; last <= 200; last += 2) {
		for (uint64_t n = last - 1; n <= last; n++)
			ck_assert_int_eq(
				srv_query(conn, NULL, &err,
					  "INSERT INTO policies (group_name, serial, policy_id, "
					  "document, envelope, digest) VALUES ('default', $1, "
					  "'office', 'x', 'x', decode(repeat('ab', 32), 'hex'))",
					  SRV_INT(n)),
				0);
		while (serial < last) {
			Ampoule__Frame *frame =
				client_expect(&c, AMPOULE__FRAME__KIND_POLICY_ANNOUNCE);

			serial = frame->policy_announce->serial;
			wire_free(&frame->base);
		}
	}
	srv_conn_close(conn);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(what_became_of_a_policy_is_recorded)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	send_state(&c, 2, AMPOULE__POLICY_STATE__PHASE__RECEIVED);
	send_state(&c, 2, AMPOULE__POLICY_STATE__PHASE__FAILED);
	client_round_trip(&c);
	pg_await(config.db,
		 "SELECT count(*) FROM device_overview WHERE state = 'connected' AND "
		 "received_serial = 2 AND failed_serial = 2 AND failed_reason = 'why'",
		 1);
	send_state(&c, 3, AMPOULE__POLICY_STATE__PHASE__APPLIED);
	client_round_trip(&c);
	pg_await(config.db,
		 "SELECT count(*) FROM device_policy_state WHERE applied_serial = 3 AND "
		 "failed_serial IS NULL",
		 1);
	send_state(&c, 3, AMPOULE__POLICY_STATE__PHASE__NONE);
	client_expect_refusal(&c, "bad-request", false);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_device_that_goes_is_offline)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	ck_assert(srv_hub_is_connected(context.hub, id.device));
	client_close(&c);
	pg_await(
		config.db,
		"SELECT count(*) FROM device_overview WHERE state = 'offline' AND last_seen IS NOT "
		"NULL",
		1);
	ck_assert_uint_eq(srv_hub_count(context.hub), 0);
	fleet_forget(&id);
}
END_TEST

/* The end of the first connection is written after the second one's Hello. */
START_TEST(a_device_that_came_again_at_once_stays_connected)
{
	struct identity id = fleet_enroll();
	struct client first, second;
	uint64_t counter = fleet_hello(&first, &id, 0, 0, NULL);

	client_close(&first);
	counter = fleet_hello(&second, &id, counter, 0, NULL);
	send_state(&second, 9, AMPOULE__POLICY_STATE__PHASE__APPLIED);
	pg_await(config.db, "SELECT count(*) FROM device_policy_state WHERE applied_serial = 9", 1);
	ck_assert_uint_eq(srv_hub_count(context.hub), 1);
	ck_assert_int_eq(
		pg_number(config.db,
			  "SELECT count(*) FROM device_overview WHERE state = 'connected'"),
		1);
	client_close(&second);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_second_channel_replaces_the_first)
{
	struct identity id = fleet_enroll();
	struct client first, second;
	uint64_t counter = fleet_hello(&first, &id, 0, 0, NULL);

	(void)fleet_hello(&second, &id, counter, 0, NULL);
	client_expect_refusal(&first, "closing", false);
	client_round_trip(&second);
	client_close(&first);
	client_close(&second);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_lost_welcome_is_forgiven_and_a_copy_of_the_state_is_not)
{
	struct identity id = fleet_enroll();
	struct client c;
	uint64_t first = fleet_hello(&c, &id, 0, 0, NULL);

	client_close(&c);
	uint64_t second = fleet_hello(&c, &id, first, 0, NULL);

	client_close(&c);
	(void)fleet_hello(&c, &id, first, 0, NULL); /* as if the second Welcome was lost */
	client_close(&c);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	client_hello(&c, second, 0); /* but it was not: there are two of them */
	client_expect_refusal(&c, "stale-counter", false);
	client_close(&c);
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM events WHERE class = 'fleet'"),
			 1);
	fleet_forget(&id);
}
END_TEST

START_TEST(revocation_ends_the_connection)
{
	struct identity id = fleet_enroll();
	struct client c;
	uint64_t counter = fleet_hello(&c, &id, 0, 0, NULL);

	fleet_sql("UPDATE devices SET state = 'revoked'", NULL, 0);
	srv_hub_disconnect(context.hub, id.device);
	client_expect_refusal(&c, "closing", false);
	client_close(&c);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	client_hello(&c, counter, 0);
	client_expect_refusal(&c, "revoked", false);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

static void send_renew(struct client *c, EVP_PKEY *key)
{
	Ampoule__Renew renew;
	Ampoule__Frame frame;
	uint8_t *der;

	ampoule__renew__init(&renew);
	ampoule__frame__init(&frame);
	renew.csr_der.len = (size_t)client_csr(key, &der);
	renew.csr_der.data = der;
	frame.kind_case = AMPOULE__FRAME__KIND_RENEW;
	frame.renew = &renew;
	client_send(c, &frame);
	OPENSSL_free(der);
}

/* Replaces the certificate by one that was issued so many days ago. */
static void age(struct identity *id, int days)
{
	struct buf certificate = {0};
	uint8_t *der;
	time_t expires;
	int n = client_csr(id->key, &der);

	ck_assert_int_eq(srv_ca_issue_device(ca, der, (size_t)n, id->device,
					     time(NULL) - (time_t)days * 86400, &certificate,
					     &expires, &err),
			 0);
	const uint8_t *at = certificate.data;

	X509_free(id->certificate);
	id->certificate = d2i_X509(NULL, &at, (long)certificate.len);
	OPENSSL_free(der);
	buf_release(&certificate);
}

START_TEST(an_expired_certificate_may_only_renew)
{
	struct identity id = fleet_enroll();
	struct client c;

	age(&id, SRV_DEVICE_DAYS + 10);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	client_hello(&c, 0, 0);
	client_expect_refusal(&c, "unexpected", false);
	client_close(&c);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	send_renew(&c, id.key);
	Ampoule__Frame *frame = client_expect(&c, AMPOULE__FRAME__KIND_RENEW_REPLY);
	const uint8_t *at = frame->renew_reply->certificate_der.data;

	X509_free(id.certificate);
	id.certificate = d2i_X509(NULL, &at, (long)frame->renew_reply->certificate_der.len);
	wire_free(&frame->base);
	client_close(&c);
	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_certificate_of_two_years_ago_may_not)
{
	struct identity id = fleet_enroll();
	struct client c;

	age(&id, 730);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	send_renew(&c, id.key);
	client_expect_refusal(&c, "certificate-expired", false);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

/* Frames that end the connection, said after Hello. */
static const struct {
	const char *bytes;
	size_t n;
	const char *code;
} bad_frames[] = {
	{"\0\x20\0\1", 4, "too-large"},                   /* 2 MiB and a byte */
	{"\0\0\0\0", 4, "bad-frame"},                     /* empty */
	{"\0\0\0\3\x12\x7f\1", 7, "bad-frame"},           /* truncated inside */
	{"\0\0\0\4\xa2\x3e\1x", 8, "unknown-frame"},      /* field 996 */
	{"\0\0\0\2\x12\0", 6, "unexpected"},              /* a second Hello */
	{"\0\0\0\5\x32\3\x0a\1\0", 9, "bad-text"},        /* ImageFetch, NUL in its name */
	{"\0\0\0\6\x32\4\x0a\2\xc3\x28", 10, "bad-text"}, /* not UTF-8 */
	{"\0\0\0\4\x0a\2\x0a\0", 8, "unexpected"},        /* enrolment on a channel */
	{"\0\0\0\3\x92\2\0", 7, "unexpected"},            /* a frame that only we send */
	{"\0\0\0\4\x2a\2\x0a\0", 8, "bad-batch"},         /* events of no stream */
};

START_TEST(a_bad_frame_is_refused_and_ends_the_connection)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_write(&c, bad_frames[_i].bytes, bad_frames[_i].n);
	client_expect_refusal(&c, bad_frames[_i].code, false);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_frame_over_the_memory_budget_is_refused)
{
	struct identity id = fleet_enroll();
	struct client c;
	size_t events = 400000, n = 4 + 1 + 3 + events * 2, body = n - 4, inside = body - 4;
	uint8_t *bytes = calloc(1, n + 1);
	uint8_t *p = bytes;

	for (int i = 3; i >= 0; i--)
		*p++ = (uint8_t)(body >> (8 * i));
	*p++ = 0x2a; /* event_batch */
	*p++ = (uint8_t)(inside | 0x80);
	*p++ = (uint8_t)(inside >> 7 | 0x80);
	*p++ = (uint8_t)(inside >> 14);
	for (; p + 2 <= bytes + n; p += 2)
		*p = 0x12; /* an empty Event each */
	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_write(&c, bytes, n);
	client_expect_refusal(&c, "too-large", false);
	client_close(&c);
	free(bytes);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_ping_without_a_nonce_wants_no_answer)
{
	struct identity id = fleet_enroll();
	struct client c;
	static const char ping[] = "\0\0\0\3\x82\4\0";

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	client_write(&c, ping, sizeof(ping) - 1);
	client_round_trip(&c); /* of the next one: no other pong came before */
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_channel_must_begin_with_hello)
{
	struct identity id = fleet_enroll();
	struct client c;

	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	client_events(&c, 1, 1, "file", "/home/user1/a");
	client_expect_refusal(&c, "unexpected", false);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(connections_above_the_cap_are_closed)
{
	struct identity id = fleet_enroll();
	struct client c[21];

	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(client_connect(&c[i], port, "ampoule/1", &id), 1);
	ck_assert_int_eq(client_connect(&c[20], port, "ampoule/1", &id), 0);
	for (int i = 0; i < 21; i++)
		client_close(&c[i]);
	fleet_forget(&id);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("session"), *bad = tcase_create("refusals");

	pg_start();
	tcase_set_timeout(t, 60);
	tcase_set_timeout(bad, 60);
	tcase_add_checked_fixture(t, fleet_start, fleet_stop);
	tcase_add_checked_fixture(bad, fleet_start, fleet_stop);
	tcase_add_test(t, a_policy_reaches_a_connected_device);
	tcase_add_test(t, policies_stored_close_together_are_all_announced);
	tcase_add_test(t, what_became_of_a_policy_is_recorded);
	tcase_add_test(t, a_device_that_goes_is_offline);
	tcase_add_test(t, a_device_that_came_again_at_once_stays_connected);
	tcase_add_test(t, a_second_channel_replaces_the_first);
	tcase_add_test(t, a_ping_without_a_nonce_wants_no_answer);
	tcase_add_test(t, a_lost_welcome_is_forgiven_and_a_copy_of_the_state_is_not);
	tcase_add_test(t, revocation_ends_the_connection);
	tcase_add_test(t, an_expired_certificate_may_only_renew);
	tcase_add_test(t, a_certificate_of_two_years_ago_may_not);
	tcase_add_test(t, connections_above_the_cap_are_closed);
	tcase_add_loop_test(bad, a_bad_frame_is_refused_and_ends_the_connection, 0,
			    sizeof(bad_frames) / sizeof(bad_frames[0]));
	tcase_add_test(bad, a_frame_over_the_memory_budget_is_refused);
	tcase_add_test(bad, a_channel_must_begin_with_hello);
	return suite_run("server/session", t, bad);
}
