/* People and sessions, over real HTTPS on a real database. Argon2 takes its time here, so
 * one password's hash serves whoever does not set one. */
#include <errno.h>
#include <time.h>

#include "server/password.h"
#include "tests/support/suite.h"
#include "tests/unit/server/login.h"

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
	tcase_add_test(t, an_admin_adds_changes_and_removes_people);
	tcase_add_loop_test(t, what_is_no_person_is_refused, 0, 10);
	tcase_add_test(t, a_new_password_ends_the_other_sessions);
	tcase_add_test(t, the_last_admin_stays);
	return suite_run("server/rest/people", t);
}
