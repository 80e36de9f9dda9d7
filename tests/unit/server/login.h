/* For tests of people: some who can sign in with a password, and signing in. Argon2 takes its time here, so one
 * password's hash serves whoever does not set one. */
#ifndef TESTS_UNIT_SERVER_LOGIN_H
#define TESTS_UNIT_SERVER_LOGIN_H

#include "server/password.h"
#include "tests/unit/server/access.h"

#define PASSWORD "seven odd herons 41"
#define OTHER    "nine even herons 52"
#define LINK     "the first link"

static char hash[SRV_PASSWORD_HASH];

static inline void add(const char *name, const char *role, const char *groups)
{
	access_add_person(name, role, groups);
	access_sql("UPDATE people SET password_hash = '%s' WHERE name = '%s'", hash, name);
}

static inline void setup(void)
{
	struct err err = {0};
	uint8_t secret[SRV_SECRET_BYTES];
	char link[65];
	struct srv_passwords *passwords = srv_passwords_new(&err);

	ck_assert_int_eq(srv_passwords_hash(passwords, PASSWORD, hash, &err), 0);
	srv_passwords_free(passwords);
	access_start();
	access_sql("INSERT INTO groups (name) VALUES ('a'), ('b')");
	add("root", "admin", "{*}");
	access_secret(LINK, secret, link);
	access_sql("INSERT INTO setup_links VALUES ('\\x%s', now(), now() + interval '1 hour')",
		   link);
}

/* Signs in from an address of its own; the status, the problem's code ("" = none) and the cookie. */
struct login {
	long status;
	char code[40];
	char cookie[200];
	char head[4096];
};

static inline struct login sign_in(const char *name, const char *password, const char *code)
{
	struct login out = {0};
	char body[400], more[80] = "";
	struct peer_call call = {.method = "POST",
				 .path = "/api/v1/session",
				 .content_type = "application/json",
				 .from = access_address(),
				 .body = body};

	if (code)
		snprintf(more, sizeof(more), ", \"code\": \"%s\"", code);
	snprintf(body, sizeof(body), "{\"name\": \"%s\", \"password\": \"%s\"%s}", name, password,
		 more);
	call.body_bytes = strlen(body);
	access_send(&call);
	out.status = call.status;
	snprintf(out.head, sizeof(out.head), "%s", call.head);
	const char *at = strstr(peer_text(&call), "\"code\":\"");
	const char *cookie = strstr(call.head, "Set-Cookie: ");

	if (at)
		sscanf(at, "\"code\":\"%39[^\"]", out.code);
	if (cookie)
		sscanf(cookie, "Set-Cookie: %199[^;\r]", out.cookie);
	peer_done(&call);
	return out;
}

static inline long get_with(const char *cookie, const char *path)
{
	struct peer_call call = {.method = "GET", .path = path, .cookie = cookie};

	access_send(&call);
	peer_done(&call);
	return call.status;
}

static inline void id_of(const char *name, char out[64])
{
	char sql[200];
	struct err err = {0};
	struct srv_rows *rows = NULL;
	struct srv_conn *conn = srv_conn_open(config.db, &err);

	snprintf(sql, sizeof(sql), "SELECT id::text FROM people WHERE name = '%s'", name);
	ck_assert_int_eq(srv_query(conn, &rows, &err, sql), 0);
	snprintf(out, 64, "%s", srv_rows_count(rows) ? srv_rows_text(rows, 0, 0) : "");
	srv_rows_free(rows);
	srv_conn_close(conn);
}

static inline const char *person_path(const char *name, const char *more)
{
	static char path[200];
	char id[64];

	id_of(name, id);
	snprintf(path, sizeof(path), "/api/v1/people/%s%s", id, more);
	return path;
}

#endif
