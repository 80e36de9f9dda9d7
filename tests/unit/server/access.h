/* For tests of who may do what: the whole REST listener over real TLS on a real PostgreSQL, with people, sessions
 * and tokens put into the tables, and clients that use them. The tests' processes talk to the listener of the
 * process that started it, so one start serves every test of a program. */
#ifndef TESTS_UNIT_SERVER_ACCESS_H
#define TESTS_UNIT_SERVER_ACCESS_H

#include <jansson.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "common/log.h"
#include "server/audit.h"
#include "server/ca.h"
#include "server/config.h"
#include "server/rest/rest.h"
#include "server/rest/route.h"
#include "server/secret.h"
#include "tests/support/pg.h"
#include "tests/unit/server/rest_peer.h"

static pid_t access_pid; /* who started the listener */

#ifdef __SANITIZE_ADDRESS__
/* What the threads of the listener hold looks leaked in a test's own process, which has none of them. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return access_pid && getpid() != access_pid;
}
#endif

static struct srv_config config;
static struct srv_context context;
static struct srv_rest *rest;
static struct peer_identity identity; /* its certificate is the CA's */

/* Runs SQL on a connection of the test's own. */
static inline void access_sql(const char *fmt, ...)
{
	char sql[2000];
	struct err err = {0};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	struct srv_conn *conn = srv_conn_open(config.db, &err);

	ck_assert_msg(conn != NULL, "%s", err.text);
	ck_assert_msg(srv_script(conn, sql, &err) == 0, "%s: %s", sql, err.text);
	srv_conn_close(conn);
}

static inline int64_t access_number(const char *sql)
{
	return pg_number(config.db, sql);
}

/* Secrets are made of names, so that tests need not remember them. */
static inline void access_secret(const char *name, uint8_t secret[SRV_SECRET_BYTES], char hash[65])
{
	uint8_t bytes[32];

	SHA256((const uint8_t *)name, strlen(name), secret);
	srv_secret_hash(secret, bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(hash + 2 * i, 3, "%02x", bytes[i]);
}

static inline const char *access_cookie(const char *name)
{
	static char texts[4][256];
	static unsigned next;
	uint8_t secret[SRV_SECRET_BYTES];
	char hash[65], text[SRV_SECRET_TEXT], *out = texts[next++ % 4];

	access_secret(name, secret, hash);
	srv_secret_text(SRV_SESSION_PREFIX, secret, text);
	snprintf(out, sizeof(texts[0]), "__Host-ampoule=%s", text);
	return out;
}

static inline const char *access_token(const char *name)
{
	static char texts[4][SRV_API_TOKEN_TEXT];
	static unsigned next;
	uint8_t secret[SRV_SECRET_BYTES];
	char hash[65], *out = texts[next++ % 4];

	access_secret(name, secret, hash);
	srv_api_token_text(secret, out);
	return out;
}

/* A person who is signed in and has just shown who it is; role NULL = has none. */
static inline void access_add_person(const char *name, const char *role, const char *groups)
{
	uint8_t secret[SRV_SECRET_BYTES];
	char hash[65];

	access_secret(name, secret, hash);
	access_sql("INSERT INTO people (name, password_hash) VALUES ('%s', 'none')", name);
	access_sql("INSERT INTO sessions (secret_hash, person, expires_at, proved_at) SELECT "
		   "'\\x%s', id, now() + interval '1 hour', now() FROM people WHERE name = '%s'",
		   hash, name);
	if (role)
		access_sql("INSERT INTO grants SELECT id, '%s', '%s' FROM people WHERE name = '%s'",
			   role, groups, name);
}

/* maker NULL = nobody's. */
static inline void access_add_token(const char *name, const char *role, const char *groups,
				    const char *maker)
{
	uint8_t secret[SRV_SECRET_BYTES];
	char hash[65];

	access_secret(name, secret, hash);
	access_sql(
		"INSERT INTO tokens (kind, secret_hash, name, role, groups, maker) VALUES ('api', "
		"'\\x%s', '%s', '%s', '%s', (SELECT id FROM people WHERE name = '%s'))",
		hash, name, role, groups, maker ? maker : "");
}

static inline void access_start(void)
{
	struct err err = {0};
	FILE *f;
	char path[SRV_PATH_MAX + 16];

	access_pid = getpid();
	(void)signal(SIGPIPE, SIG_IGN);
	snprintf(config.state_dir, sizeof(config.state_dir), "/tmp/ampoule-access-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(config.state_dir));
	snprintf(config.listen_api, sizeof(config.listen_api), "127.0.0.1:0");
	pg_database(true, config.db, sizeof(config.db));
	ck_assert_msg(srv_ca_create(config.state_dir, &err) == 0, "%s", err.text);
	struct srv_ca *ca = srv_ca_open(config.state_dir, &err);

	ck_assert_msg(ca && srv_ca_issue_server(ca, config.state_dir, "127.0.0.1", &err) == 0, "%s",
		      err.text);
	srv_ca_close(ca);
	snprintf(path, sizeof(path), "%s/ca.pem", config.state_dir);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(identity.certificate, 1, sizeof(identity.certificate) - 1, f), 0);
	fclose(f);
	context.config = &config;
	context.db = srv_db_open(config.db, 6, &err);
	ck_assert_msg(context.db != NULL, "%s", err.text);
	context.audit = srv_audit_start(context.db, &config, &err);
	ck_assert_msg(context.audit != NULL, "%s", err.text);
	rest = srv_rest_start(&context, &err);
	ck_assert_msg(rest != NULL, "%s", err.text);
}

static inline void access_stop(void)
{
	static const char *const files[] = {"ca.pem", "ca.key", "server.pem", "server.key",
					    "audit.head"};
	char path[SRV_PATH_MAX + 16];

	srv_rest_stop(rest);
	srv_audit_stop(context.audit);
	srv_db_close(context.db);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", config.state_dir, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(config.state_dir);
}

/* An address that no test has called from, so that no limit of addresses is met by chance. */
static inline const char *access_address(void)
{
	static char text[32];
	static unsigned n;

	n++;
	snprintf(text, sizeof(text), "host!127.%u.%u.%u", 1 + ((unsigned)getpid() >> 8) % 250,
		 (unsigned)getpid() % 256, 1 + n % 250);
	return text;
}

/* Sends; the status is in call. */
static inline void access_send(struct peer_call *call)
{
	peer_send(call, &identity, srv_rest_port(rest));
	ck_assert_msg(call->result == CURLE_OK, "%s %s: %s", call->method, call->path,
		      curl_easy_strerror(call->result));
}

/* Sends and must get this problem. */
static inline void access_refused(struct peer_call *call, enum srv_problem problem)
{
	char code[80];

	access_send(call);
	snprintf(code, sizeof(code), "\"code\":\"%s\"", srv_problem_code(problem));
	ck_assert_msg(call->status == srv_problem_status(problem) && strstr(peer_text(call), code),
		      "%s %s: %ld %s, expected %s", call->method, call->path, call->status,
		      peer_text(call), srv_problem_code(problem));
	ck_assert_ptr_nonnull(strstr(call->head, "Content-Type: application/problem+json"));
	ck_assert_ptr_nonnull(strstr(call->head, "X-Request-Id: "));
	peer_done(call);
}

/* Sends a JSON body as somebody ("" = nobody); the answer's JSON, which the caller frees, or NULL. */
static inline json_t *access_ask(const char *who, const char *method, const char *path,
				 const char *body, long expected)
{
	struct peer_call call = {
		.method = method,
		.path = path,
		.cookie = who[0] ? access_cookie(who) : NULL,
		.marker = who[0] ? "1" : NULL,
		.content_type = body ? "application/json" : NULL,
		.body = body,
		.body_bytes = body ? strlen(body) : 0,
	};

	access_send(&call);
	ck_assert_msg(call.status == expected, "%s %s: %ld %s, expected %ld", method, path,
		      call.status, peer_text(&call), expected);
	json_t *json = json_loads(peer_text(&call), 0, NULL);

	peer_done(&call);
	return json;
}

/* The same for who needs only the status. */
static inline void access_do(const char *who, const char *method, const char *path,
			     const char *body, long expected)
{
	json_decref(access_ask(who, method, path, body, expected));
}

#endif
