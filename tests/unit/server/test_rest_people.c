/* People, sessions and second factors, over real HTTPS on a real database. Argon2 takes its time here, so
 * one password's hash serves whoever does not set one. */
#include <errno.h>
#include <liboath/oath.h>
#include <time.h>

#include "server/password.h"
#include "tests/support/suite.h"
#include "tests/unit/server/access.h"

#define PASSWORD "seven odd herons 41"
#define OTHER    "nine even herons 52"
#define LINK     "the first link"

static char hash[SRV_PASSWORD_HASH];

static void add(const char *name, const char *role, const char *groups)
{
	access_add_person(name, role, groups);
	access_sql("UPDATE people SET password_hash = '%s' WHERE name = '%s'", hash, name);
}

static void setup(void)
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

static struct login sign_in(const char *name, const char *password, const char *code)
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

static long get_with(const char *cookie, const char *path)
{
	struct peer_call call = {.method = "GET", .path = path, .cookie = cookie};

	access_send(&call);
	peer_done(&call);
	return call.status;
}

static void id_of(const char *name, char out[64])
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

static const char *person_path(const char *name, const char *more)
{
	static char path[200];
	char id[64];

	id_of(name, id);
	snprintf(path, sizeof(path), "/api/v1/people/%s%s", id, more);
	return path;
}

/* ---- the first admin ---- */

static long use_link(const char *prefix, const char *name)
{
	char body[400], hex[65], text[SRV_SECRET_TEXT];
	uint8_t secret[SRV_SECRET_BYTES];
	struct peer_call call = {.method = "POST",
				 .path = "/api/v1/setup",
				 .content_type = "application/json",
				 .from = access_address(),
				 .body = body};

	access_secret(LINK, secret, hex);
	srv_secret_text(prefix, secret, text);
	snprintf(body, sizeof(body),
		 "{\"link\": \"%s\", \"name\": \"%s\", \"password\": \"" PASSWORD "\"}", text,
		 name);
	call.body_bytes = strlen(body);
	access_send(&call);
	peer_done(&call);
	return call.status;
}

START_TEST(a_link_makes_one_admin_once)
{
	ck_assert_int_eq(use_link("ampoule_api_", "first"), 410);
	ck_assert_int_eq(use_link(SRV_LINK_PREFIX, "No Name"), 422);
	ck_assert_int_eq(use_link(SRV_LINK_PREFIX, "first"), 201);
	ck_assert_int_eq(use_link(SRV_LINK_PREFIX, "second"), 410);
	ck_assert_int_eq(sign_in("first", PASSWORD, NULL).status, 200);
	ck_assert_int_eq(access_number(
				 "SELECT count(*) FROM grants g JOIN people p ON p.id = g.person "
				 "WHERE name = 'first' AND role = 'admin' AND groups = '{*}'"),
			 1);
	ck_assert_int_eq(access_number("SELECT count(*) FROM people WHERE name = 'second'"), 0);
}
END_TEST

/* ---- signing in ---- */

START_TEST(a_session_is_a_cookie_that_only_this_host_gets)
{
	add("ann", "viewer", "{a}");
	struct login l = sign_in("ann", PASSWORD, NULL);

	ck_assert_int_eq(l.status, 200);
	ck_assert_ptr_nonnull(strstr(l.head, "Set-Cookie: __Host-ampoule=ampoule_session_"));
	ck_assert_ptr_nonnull(strstr(l.head, "; Path=/; Secure; HttpOnly; SameSite=Strict\r\n"));
	ck_assert_int_eq(get_with(l.cookie, "/api/v1/session"), 200);
	ck_assert_int_eq(get_with(l.cookie, "/api/v1/devices"), 200);
	ck_assert_int_eq(access_number("SELECT count(*) FROM sessions WHERE "
				       "encode(secret_hash, 'hex') LIKE '%ampoule%'"),
			 0);
	json_t *json = access_ask("ann", "GET", "/api/v1/session", NULL, 200);
	const char *group, *role;
	int idle;

	ck_assert_int_eq(json_unpack(json, "{s:{s:[{s:s, s:[s]}]}, s:i}", "person", "roles", "role",
				     &role, "groups", &group, "idle_seconds", &idle),
			 0);
	ck_assert_str_eq(role, "viewer");
	ck_assert_str_eq(group, "a");
	ck_assert_int_eq(idle, 900);
	json_decref(json);
}
END_TEST

START_TEST(a_wrong_password_and_a_wrong_name_are_one_answer)
{
	add("bob", "viewer", "{a}");
	access_sql(
		"INSERT INTO people (name, password_hash, disabled_at) VALUES ('off', '%s', now())",
		hash);
	struct login wrong = sign_in("bob", OTHER, NULL), nobody = sign_in("nobody", OTHER, NULL);
	struct login off = sign_in("off", PASSWORD, NULL);

	ck_assert_int_eq(wrong.status, 401);
	ck_assert_str_eq(wrong.code, "login_refused");
	ck_assert_int_eq(nobody.status, 401);
	ck_assert_str_eq(nobody.code, "login_refused");
	ck_assert_str_eq(off.code, "login_refused");
	ck_assert_str_eq(wrong.cookie, "");
}
END_TEST

/* _i: somebody, or nobody, of that name. */
START_TEST(failures_cost_a_growing_delay_whoever_it_is)
{
	const char *name = _i ? "never-was" : "carl";
	struct login l = {0};

	if (!_i)
		add("carl", "viewer", "{a}");
	access_sql("DELETE FROM login_delays");
	for (int i = 0; i < 5; i++) {
		l = sign_in(name, OTHER, NULL);
		ck_assert_int_eq(l.status, 401);
	}
	ck_assert_int_eq(access_number("SELECT count(*) FROM login_delays WHERE failures = 5 "
				       "AND bucket < 65536 AND next_at <= now()"),
			 1);
	/* A delay that outlasts this test, however slowly it runs. */
	access_sql("UPDATE login_delays SET failures = 12 WHERE bucket < 65536");
	ck_assert_int_eq(sign_in(name, OTHER, NULL).status, 401);
	ck_assert_int_eq(access_number("SELECT count(*) FROM login_delays WHERE "
				       "next_at - last_at = interval '128 s'"),
			 1);
	l = sign_in(name, PASSWORD, NULL);
	ck_assert_int_eq(l.status, 429);
	ck_assert_str_eq(l.code, "too_many");
	ck_assert_ptr_nonnull(strstr(l.head, "Retry-After: "));
	/* Many failures later the delay is long, and has an end. */
	access_sql("UPDATE login_delays SET failures = 100, next_at = now() "
		   "WHERE bucket < 65536");
	ck_assert_int_eq(sign_in(name, OTHER, NULL).status, 401);
	ck_assert_int_eq(access_number("SELECT count(*) FROM login_delays WHERE "
				       "next_at - last_at = interval '900 s'"),
			 1);
	access_sql("DELETE FROM login_delays");
}
END_TEST

START_TEST(a_good_login_forgets_the_failures_before_it)
{
	add("dora", "viewer", "{a}");
	access_sql("DELETE FROM login_delays");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sign_in("dora", OTHER, NULL).status, 401);
	ck_assert_int_eq(sign_in("dora", PASSWORD, NULL).status, 200);
	ck_assert_int_eq(
		access_number("SELECT max(failures) FROM login_delays WHERE bucket < 65536"), 0);
}
END_TEST

START_TEST(a_session_ends_when_it_is_idle_old_or_its_person_disabled)
{
	static const char *const ends[] = {
		"UPDATE sessions SET seen_at = now() - interval '901 s' WHERE person = "
		"(SELECT id FROM people WHERE name = 'eve-%d')",
		"UPDATE sessions SET expires_at = now() - interval '1 s' WHERE person = "
		"(SELECT id FROM people WHERE name = 'eve-%d')",
		"UPDATE people SET disabled_at = now() WHERE name = 'eve-%d'",
		"DELETE FROM people WHERE name = 'eve-%d'",
	};
	char name[20];

	snprintf(name, sizeof(name), "eve-%d", _i);
	add(name, "viewer", "{a}");
	ck_assert_int_eq(get_with(access_cookie(name), "/api/v1/session"), 200);
	access_sql(ends[_i], _i);
	ck_assert_int_eq(get_with(access_cookie(name), "/api/v1/session"), 401);
}
END_TEST

START_TEST(sessions_are_listed_and_ended)
{
	add("fay", "viewer", "{a}");
	struct login other = sign_in("fay", PASSWORD, NULL);
	json_t *json = access_ask("fay", "GET", "/api/v1/sessions", NULL, 200);
	json_t *list = json_object_get(json, "sessions"), *one;
	char path[120] = "";
	size_t i;

	ck_assert_uint_eq(json_array_size(list), 2); /* hers, nobody else's */
	json_array_foreach(list, i, one)
	{
		if (json_is_false(json_object_get(one, "current")))
			snprintf(path, sizeof(path), "/api/v1/sessions/%s",
				 json_string_value(json_object_get(one, "id")));
	}
	json_decref(json);
	access_do("fay", "DELETE", path, NULL, 204);
	ck_assert_int_eq(get_with(other.cookie, "/api/v1/session"), 401);
	access_do("fay", "DELETE", path, NULL, 404);
	access_do("fay", "DELETE", "/api/v1/session", NULL, 204);
	ck_assert_int_eq(get_with(access_cookie("fay"), "/api/v1/session"), 401);
}
END_TEST

START_TEST(a_cookie_that_is_not_ours_is_nobody)
{
	static const char *const cookies[] = {
		"__Host-ampoule=",
		"__Host-ampoule=ampoule_session_",
		"__Host-ampoule=ampoule_session_zz",
		"__Host-ampoule=x; __Host-ampoule=y",
		"__Host-ampoule=ampoule_session_"
		"ABCDEF0000000000000000000000000000000000000000000000000000000000",
		"__Host-ampoule=ampoule_session_"
		"0000000000000000000000000000000000000000000000000000000000000000"};

	ck_assert_int_eq(get_with(cookies[_i], "/api/v1/devices"), 401);
}
END_TEST

/* ---- the second factor ---- */

static void code_of(const char *secret, time_t when, char out[8])
{
	char *bytes;
	size_t n;

	ck_assert_int_eq(oath_base32_decode(secret, strlen(secret), &bytes, &n), OATH_OK);
	ck_assert_int_eq(oath_totp_generate(bytes, n, when, 30, 0, 6, out), OATH_OK);
	free(bytes);
}

static time_t confirmed_at;

/* Sets it up; the secret, and the recovery codes' JSON, which the caller frees. */
static json_t *set_up_factor(const char *who, char secret[64])
{
	json_t *json = access_ask(who, "POST", "/api/v1/me/totp", "{}", 200);
	char code[8], body[40];

	snprintf(secret, 64, "%s", json_string_value(json_object_get(json, "secret")));
	json_decref(json);
	access_do(who, "POST", "/api/v1/me/totp", "{\"code\": \"000000\"}", 422);
	confirmed_at = time(NULL);
	code_of(secret, confirmed_at, code);
	snprintf(body, sizeof(body), "{\"code\": \"%s\"}", code);
	return access_ask(who, "POST", "/api/v1/me/totp", body, 200);
}

START_TEST(with_a_second_factor_the_password_is_not_enough)
{
	char secret[64], code[8];

	add("gil", "viewer", "{a}");
	json_t *codes = set_up_factor("gil", secret);
	struct login l = sign_in("gil", PASSWORD, NULL);

	ck_assert_uint_eq(json_array_size(json_object_get(codes, "recovery_codes")), 10);
	ck_assert_int_eq(l.status, 401);
	ck_assert_str_eq(l.code, "second_factor_needed");
	ck_assert_str_eq(sign_in("gil", OTHER, NULL).code, "login_refused");
	code_of(secret, confirmed_at, code); /* was used to confirm */
	ck_assert_str_eq(sign_in("gil", PASSWORD, code).code, "login_refused");
	code_of(secret, time(NULL) + 30, code);
	ck_assert_int_eq(sign_in("gil", PASSWORD, code).status, 200);
	ck_assert_str_eq(sign_in("gil", PASSWORD, code).code, "login_refused");
	ck_assert_int_eq(access_number("SELECT count(*) FROM people WHERE name = 'gil' AND "
				       "octet_length(totp_secret) = 48"),
			 1); /* sealed: a nonce and a tag more than 20 bytes */
	json_decref(codes);
	access_sql("DELETE FROM login_delays");
}
END_TEST

START_TEST(a_recovery_code_is_good_once)
{
	char secret[64];

	add("hal", "viewer", "{a}");
	json_t *codes = set_up_factor("hal", secret);
	const char *code =
		json_string_value(json_array_get(json_object_get(codes, "recovery_codes"), 3));

	ck_assert_int_eq(sign_in("hal", PASSWORD, code).status, 200);
	ck_assert_int_eq(sign_in("hal", PASSWORD, code).status, 401);
	access_do("root", "PATCH", person_path("hal", ""), "{\"totp\": true}", 422);
	access_do("root", "PATCH", person_path("hal", ""), "{\"totp\": false}", 200);
	ck_assert_int_eq(sign_in("hal", PASSWORD, NULL).status, 200);
	json_decref(codes);
}
END_TEST

/* ---- people ---- */

START_TEST(an_admin_adds_changes_and_removes_people)
{
	access_do("root", "POST", "/api/v1/people",
		  "{\"name\": \"ida\", \"password\": \"" PASSWORD "\", \"roles\": "
		  "[{\"role\": \"author\", \"groups\": [\"a\"]}, {\"role\": \"viewer\", "
		  "\"groups\": \"all\"}]}",
		  201);
	struct login l = sign_in("ida", PASSWORD, NULL);

	ck_assert_int_eq(get_with(l.cookie, "/api/v1/devices"), 200);
	/* Roles count at once, on the session that is open. */
	access_do("root", "PATCH", person_path("ida", ""), "{\"roles\": []}", 200);
	ck_assert_int_eq(get_with(l.cookie, "/api/v1/devices"), 403);
	access_do("root", "PATCH", person_path("ida", ""), "{\"disabled\": true}", 200);
	ck_assert_int_eq(get_with(l.cookie, "/api/v1/session"), 401);
	access_do("root", "DELETE", person_path("ida", ""), NULL, 204);
	access_do("root", "GET", "/api/v1/people/00000000-0000-4000-8000-0000000000ff", NULL, 404);
	access_do("root", "GET", "/api/v1/people/nonsense", NULL, 404);
}
END_TEST

START_TEST(what_is_no_person_is_refused)
{
	static const struct {
		const char *body;
		long status;
	} bad[] = {
		{"{\"name\": \"root\", \"password\": \"" PASSWORD "\", \"roles\": []}", 409},
		{"{\"name\": \"Up Per\", \"password\": \"" PASSWORD "\", \"roles\": []}", 422},
		{"{\"name\": \"x\", \"password\": \"short\", \"roles\": []}", 422},
		{"{\"name\": \"x\", \"password\": \"Password1234!\", \"roles\": []}", 422},
		{"{\"name\": \"x\", \"password\": \"" PASSWORD "\", \"roles\": [1]}", 422},
		{"{\"name\": \"x\", \"password\": \"" PASSWORD
		 "\", \"roles\": [{\"role\": \"king\", \"groups\": \"all\"}]}",
		 422},
		{"{\"name\": \"x\", \"password\": \"" PASSWORD
		 "\", \"roles\": [{\"role\": \"viewer\", \"groups\": [\"no\"]}]}",
		 422},
		{"{\"name\": \"x\", \"password\": \"" PASSWORD
		 "\", \"roles\": [{\"role\": \"viewer\", \"groups\": [\"*\"]}]}",
		 422},
		{"{\"name\": \"x\", \"password\": \"" PASSWORD
		 "\", \"roles\": [{\"role\": \"viewer\", \"groups\": []}]}",
		 422},
		{"{\"name\": \"x\", \"password\": \"" PASSWORD
		 "\", \"roles\": [{\"role\": \"viewer\", \"groups\": \"all\", \"more\": 1}]}",
		 422},
	};

	access_do("root", "POST", "/api/v1/people", bad[_i].body, bad[_i].status);
	ck_assert_int_eq(access_number("SELECT count(*) FROM people WHERE name = 'x'"), 0);
}
END_TEST

START_TEST(the_last_admin_stays)
{
	access_sql("UPDATE people SET disabled_at = now() WHERE name <> 'root'");
	access_do("root", "PATCH", person_path("root", ""), "{\"disabled\": true}", 409);
	access_do("root", "PATCH", person_path("root", ""), "{\"roles\": []}", 409);
	access_do("root", "DELETE", person_path("root", ""), NULL, 409);
	access_do("root", "GET", "/api/v1/session", NULL, 200);
}
END_TEST

START_TEST(a_new_password_ends_the_other_sessions)
{
	add("jon", "viewer", "{a}");
	struct login other = sign_in("jon", PASSWORD, NULL);

	access_do("jon", "POST", person_path("jon", "/password"), "{\"password\": \"" OTHER "\"}",
		  422);
	access_do("jon", "POST", person_path("jon", "/password"),
		  "{\"password\": \"" OTHER "\", \"current\": \"" OTHER "\"}", 422);
	access_do("jon", "POST", person_path("jon", "/password"),
		  "{\"password\": \"" OTHER "\", \"current\": \"" PASSWORD "\"}", 204);
	ck_assert_int_eq(get_with(other.cookie, "/api/v1/session"), 401);
	ck_assert_int_eq(get_with(access_cookie("jon"), "/api/v1/session"), 200);
	ck_assert_int_eq(sign_in("jon", PASSWORD, NULL).status, 401);
	ck_assert_int_eq(sign_in("jon", OTHER, NULL).status, 200);
	access_do("root", "POST", person_path("jon", "/password"),
		  "{\"password\": \"" PASSWORD "\"}", 204);
	ck_assert_int_eq(get_with(access_cookie("jon"), "/api/v1/session"), 401);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("people");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_test(t, a_link_makes_one_admin_once);
	tcase_add_test(t, a_session_is_a_cookie_that_only_this_host_gets);
	tcase_add_test(t, a_wrong_password_and_a_wrong_name_are_one_answer);
	tcase_add_loop_test(t, failures_cost_a_growing_delay_whoever_it_is, 0, 2);
	tcase_add_test(t, a_good_login_forgets_the_failures_before_it);
	tcase_add_loop_test(t, a_session_ends_when_it_is_idle_old_or_its_person_disabled, 0, 4);
	tcase_add_test(t, sessions_are_listed_and_ended);
	tcase_add_loop_test(t, a_cookie_that_is_not_ours_is_nobody, 0, 6);
	tcase_add_test(t, with_a_second_factor_the_password_is_not_enough);
	tcase_add_test(t, a_recovery_code_is_good_once);
	tcase_add_test(t, an_admin_adds_changes_and_removes_people);
	tcase_add_loop_test(t, what_is_no_person_is_refused, 0, 10);
	tcase_add_test(t, a_new_password_ends_the_other_sessions);
	tcase_add_test(t, the_last_admin_stays);
	return suite_run("server/rest/people", t);
}
