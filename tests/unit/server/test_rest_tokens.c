/* API tokens over real HTTPS on a real database: never above their maker, useless at once when they should be. */
#include <errno.h>

#include "tests/support/suite.h"
#include "tests/unit/server/access.h"

static void setup(void)
{
	access_start();
	access_sql("INSERT INTO groups (name) VALUES ('a'), ('b')");
	access_add_person("root", "admin", "{*}");
}

static long get_by_token(const char *token, const char *path)
{
	struct peer_call call = {.method = "GET", .path = path, .token = token};

	access_send(&call);
	peer_done(&call);
	return call.status;
}

static json_t *make_token(const char *who, const char *role, const char *groups, long expected)
{
	char body[300];

	snprintf(body, sizeof(body), "{\"kind\": \"api\", \"role\": \"%s\"%s%s}", role,
		 groups ? ", \"groups\": " : "", groups ? groups : "");
	return access_ask(who, "POST", "/api/v1/tokens", body, expected);
}

START_TEST(a_token_is_never_above_its_maker)
{
	access_add_person("kim", "author", "{a}");
	json_decref(make_token("kim", "admin", NULL, 403));
	json_decref(make_token("kim", "approver", NULL, 403));
	json_decref(make_token("kim", "author", "[\"b\"]", 422));
	json_decref(make_token("kim", "author", "[\"a\", \"b\"]", 422));
	access_do("kim", "POST", "/api/v1/tokens", "{\"kind\": \"enrol\", \"group\": \"a\"}", 403);
	json_decref(make_token("kim", "viewer", NULL, 201));
	json_t *json = make_token("kim", "author", NULL, 201);
	const char *token = json_string_value(json_object_get(json, "token"));

	ck_assert_int_eq(get_by_token(token, "/api/v1/devices"), 200);
	/* What its maker loses, it loses at once. */
	access_sql("UPDATE grants SET groups = '{b}' WHERE role = 'author' AND person = "
		   "(SELECT id FROM people WHERE name = 'kim')");
	ck_assert_int_eq(get_by_token(token, "/api/v1/devices"), 401);
	access_sql("UPDATE grants SET groups = '{a}' WHERE role = 'author' AND person = "
		   "(SELECT id FROM people WHERE name = 'kim')");
	ck_assert_int_eq(get_by_token(token, "/api/v1/devices"), 200);
	access_sql("UPDATE people SET disabled_at = now() WHERE name = 'kim'");
	ck_assert_int_eq(get_by_token(token, "/api/v1/devices"), 401);
	json_decref(json);
}
END_TEST

START_TEST(a_revoked_token_takes_along_those_it_made)
{
	struct peer_call call = {.method = "POST",
				 .path = "/api/v1/tokens",
				 .token = access_token("parent"),
				 .content_type = "application/json",
				 .body = "{\"kind\": \"api\", \"role\": \"viewer\"}",
				 .body_bytes = strlen("{\"kind\": \"api\", \"role\": \"viewer\"}")};

	access_add_token("parent", "viewer", "{a}", NULL);
	access_send(&call);
	json_t *json = json_loads(peer_text(&call), 0, NULL);
	const char *token = json_string_value(json_object_get(json, "token"));
	char path[120];

	peer_done(&call);
	ck_assert_int_eq(get_by_token(token, "/api/v1/devices"), 200);
	ck_assert_int_eq(access_number(
				 "SELECT count(*) FROM tokens t JOIN tokens p ON p.id = t.parent "
				 "WHERE p.name = 'parent' AND t.groups = '{a}'"),
			 1);
	struct err err = {0};
	struct srv_rows *rows = NULL;
	struct srv_conn *conn = srv_conn_open(config.db, &err);

	ck_assert_int_eq(srv_query(conn, &rows, &err,
				   "SELECT id::text FROM tokens WHERE name = 'parent'"),
			 0);
	snprintf(path, sizeof(path), "/api/v1/tokens/%s", srv_rows_text(rows, 0, 0));
	srv_rows_free(rows);
	srv_conn_close(conn);
	access_do("root", "DELETE", path, NULL, 204);
	ck_assert_int_eq(get_by_token(token, "/api/v1/devices"), 401);
	ck_assert_int_eq(get_by_token(access_token("parent"), "/api/v1/devices"), 401);
	json_decref(json);
}
END_TEST

START_TEST(somebody_without_a_role_cannot_make_tokens_of_others)
{
	access_add_person("lea", "viewer", "{a}");
	access_add_token("not-leas", "viewer", "{b}", NULL);
	json_t *json = access_ask("lea", "GET", "/api/v1/tokens", NULL, 200);

	ck_assert_uint_eq(json_array_size(json_object_get(json, "tokens")), 0);
	json_decref(json);
	json_decref(make_token("lea", "viewer", NULL, 201));
	json = access_ask("lea", "GET", "/api/v1/tokens", NULL, 200);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "tokens")), 1);
	json_decref(json);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("tokens");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_test(t, a_token_is_never_above_its_maker);
	tcase_add_test(t, a_revoked_token_takes_along_those_it_made);
	tcase_add_test(t, somebody_without_a_role_cannot_make_tokens_of_others);
	return suite_run("server/rest/tokens", t);
}
