/* A fleet listener for the tests, on a free port, with a database and a CA of its own. */
#ifndef TESTS_UNIT_SERVER_FLEET_H
#define TESTS_UNIT_SERVER_FLEET_H

#include "server/ca.h"
#include "server/config.h"
#include "server/fleet/listener.h"
#include "server/hub.h"
#include "server/secret.h"
#include "tests/support/pg.h"
#include "tests/unit/server/client.h"

static struct srv_config config;
static struct srv_context context;
static struct srv_ca *ca;
static struct srv_fleet *fleet;
static struct err err;
static uint16_t port;

static inline void fleet_make_state(void)
{
	(void)snprintf(config.state_dir, sizeof(config.state_dir), "/tmp/ampoule-fleet-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(config.state_dir));
	(void)snprintf(config.listen_agents, sizeof(config.listen_agents), "127.0.0.1:0");
	pg_database(true, config.db, sizeof(config.db));
	ck_assert_msg(srv_ca_create(config.state_dir, &err) == 0, "%s", err.text);
	ca = srv_ca_open(config.state_dir, &err);
	ck_assert_msg(ca != NULL, "%s", err.text);
	ck_assert_msg(srv_ca_issue_server(ca, config.state_dir, "localhost,127.0.0.1", &err) == 0,
		      "%s", err.text);
}

static inline void fleet_serve(void)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as serve does */
	context.config = &config;
	context.db = srv_db_open(config.db, 4, &err);
	ck_assert_msg(context.db != NULL, "%s", err.text);
	context.hub = srv_hub_start(context.db, config.db, &err);
	ck_assert_msg(context.hub != NULL, "%s", err.text);
	fleet = srv_fleet_start(&context, ca, 20, &err);
	ck_assert_msg(fleet != NULL, "%s", err.text);
	port = srv_fleet_port(fleet);
}

static inline void fleet_start(void)
{
	fleet_make_state();
	fleet_serve();
}

static inline void fleet_stop(void)
{
	static const char *const files[] = {"ca.pem", "ca.key", "server.pem", "server.key"};
	char path[SRV_PATH_MAX + 16];

	srv_fleet_stop(fleet);
	srv_hub_stop(context.hub);
	srv_db_close(context.db);
	srv_ca_close(ca);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		ck_assert_int_eq(srv_config_path(&config, files[i], path, sizeof(path)), 0);
		(void)unlink(path);
	}
	(void)rmdir(config.state_dir);
}

static inline void fleet_sql(const char *sql, const struct srv_param *params, size_t n)
{
	struct srv_conn *conn = srv_conn_open(config.db, &err);

	ck_assert_msg(conn != NULL, "%s", err.text);
	ck_assert_msg(srv_exec(conn, sql, params, n, NULL, &err) == 0, "%s", err.text);
	srv_conn_close(conn);
}

/* Stores an enrolment token for so many uses that ends in ttl_s (negative: ended). */
static inline void fleet_token(uint8_t secret[32], int uses, int ttl_s)
{
	uint8_t hash[SRV_HASH_BYTES];

	ck_assert_int_eq(srv_secret_make(secret), 0);
	srv_secret_hash(secret, hash);
	const struct srv_param params[] = {SRV_BYTES(hash, sizeof(hash)), SRV_INT(uses),
					   SRV_INT(ttl_s)};

	fleet_sql("INSERT INTO tokens (kind, secret_hash, group_name, uses, uses_left, expires_at) "
		  "VALUES ('enrol', $1, 'default', $2, $2, now() + $3::bigint * interval '1 s')",
		  params, 3);
}

static inline void fleet_policy(uint64_t serial, const char *envelope)
{
	const struct srv_param params[] = {SRV_INT(serial), SRV_BYTES(envelope, strlen(envelope))};

	fleet_sql(
		"INSERT INTO policies (group_name, serial, policy_id, document, envelope, digest) "
		"VALUES ('default', $1, 'office', 'x', $2, decode(repeat('ab', 32), 'hex'))",
		params, 2);
}

/* Enrols a device with a fresh token. */
static inline struct identity fleet_enroll(void)
{
	struct identity id = {.key = EVP_EC_gen("P-256")};
	uint8_t secret[32];
	struct client c;

	fleet_token(secret, 1, 60);
	ck_assert_int_eq(client_connect(&c, port, "ampoule-enroll/1", NULL), 1);
	client_enroll(&c, id.key, secret);
	Ampoule__Frame *frame = client_expect(&c, AMPOULE__FRAME__KIND_ENROLL_REPLY);
	const uint8_t *der = frame->enroll_reply->certificate_der.data;

	id.certificate = d2i_X509(NULL, &der, (long)frame->enroll_reply->certificate_der.len);
	ck_assert_ptr_nonnull(id.certificate);
	(void)snprintf(id.device, sizeof(id.device), "%s", frame->enroll_reply->device_id);
	wire_free(&frame->base);
	client_close(&c);
	return id;
}

static inline void fleet_forget(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->certificate);
}

/* Connects as the device and says Hello; the counter to say next. */
static inline uint64_t fleet_hello(struct client *c, const struct identity *id, uint64_t counter,
				   uint64_t applied, uint64_t *ret_acked)
{
	ck_assert_int_eq(client_connect(c, port, "ampoule/1", id), 1);
	client_hello(c, counter, applied);
	Ampoule__Frame *frame = client_expect(c, AMPOULE__FRAME__KIND_WELCOME);

	ck_assert_str_eq(frame->welcome->device_id, id->device);
	counter = frame->welcome->counter;
	if (ret_acked)
		*ret_acked = frame->welcome->acked_sequence;
	wire_free(&frame->base);
	return counter;
}

#endif
