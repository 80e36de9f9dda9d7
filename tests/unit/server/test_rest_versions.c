/* If-Match, ETag and Idempotency-Key over real HTTPS on a real database: two who change a thing at once, and one
 * who asks twice because the answer was lost. */
#include <errno.h>
#include <pthread.h>

#include "server/rest/etag.h"
#include "tests/support/suite.h"
#include "tests/unit/server/access_table.h"

#define KEY "0123456789abcdef-key"

/* ---- tags ---- */

START_TEST(tags_are_compared_one_by_one)
{
	static const struct {
		const char *header, *tag;
		bool matches;
	} cases[] = {
		{"\"a\"", "\"a\"", true},
		{"\"b\", \"a\"", "\"a\"", true},
		{"\"b\" , \"a\" ", "\"a\"", true},
		{"*", "\"a\"", true},
		{"* ", "\"a\"", true},
		{"*", "", false},
		{"\"a", "\"a\"", false},
		{"a", "\"a\"", false},
		{"W/\"a\"", "\"a\"", false},
		{"\"b\", *", "\"a\"", false},
		{"*, \"b\"", "\"a\"", false},
		{"", "\"a\"", false},
		{"\"aa\"", "\"a\"", false},
		{",,,", "\"a\"", false},
	};

	ck_assert_msg(srv_etag_matches(cases[_i].header, cases[_i].tag) == cases[_i].matches,
		      "%s %s", cases[_i].header, cases[_i].tag);
}
END_TEST

START_TEST(the_order_of_fields_does_not_change_a_tag)
{
	char a[SRV_ETAG_TEXT], b[SRV_ETAG_TEXT];
	json_t *one = json_pack("{s:i, s:i}", "x", 1, "y", 2);
	json_t *two = json_pack("{s:i, s:i}", "y", 2, "x", 1);

	ck_assert_int_eq(srv_etag_of(one, a), 0);
	ck_assert_int_eq(srv_etag_of(two, b), 0);
	ck_assert_str_eq(a, b);
	json_object_set_new(two, "x", json_integer(3));
	ck_assert_int_eq(srv_etag_of(two, b), 0);
	ck_assert_str_ne(a, b);
	ck_assert_int_eq(srv_etag_of(NULL, a), -ENOMEM);
	json_decref(one);
	json_decref(two);
}
END_TEST

/* ---- the walk ---- */

/* A change of something that is there, for each row that has versions. "@" stands for the id of all-viewer. */
static const struct {
	const char *method, *route, *path, *body;
} versioned[] = {
	{"PATCH", "/api/v1/people/{id}", "/api/v1/people/@", "{\"disabled\": true}"},
	{"DELETE", "/api/v1/people/{id}", "/api/v1/people/@", NULL},
	{"PATCH", "/api/v1/devices/{id}", "/api/v1/devices/" DEVICE_A, "{\"name\": \"x\"}"},
	{"POST", "/api/v1/policies", "/api/v1/policies", "{\"document\": \"x\", \"group\": \"a\"}"},
	{"POST", "/api/v1/layers", "/api/v1/layers", "{\"document\": \"x\"}"},
	{"POST", "/api/v1/groups", "/api/v1/groups", "{\"name\": \"c\", \"parent\": \"a\"}"},
};
enum {
	VERSIONED = sizeof(versioned) / sizeof(versioned[0])
};

static const char *fill_in(const char *path)
{
	static char out[200];
	struct err err = {0};
	struct srv_rows *rows = NULL;
	struct srv_conn *conn = srv_conn_open(config.db, &err);
	size_t head = strcspn(path, "@");

	ck_assert_int_eq(srv_query(conn, &rows, &err,
				   "SELECT id::text FROM people WHERE name = 'all-viewer'"),
			 0);
	snprintf(out, sizeof(out), "%.*s%s%s", (int)head, path,
		 path[head] ? srv_rows_text(rows, 0, 0) : "", path[head] ? path + head + 1 : "");
	srv_rows_free(rows);
	srv_conn_close(conn);
	return out;
}

static struct peer_call as_admin(const char *method, const char *path, const char *body)
{
	return (struct peer_call){.method = method,
				  .path = fill_in(path),
				  .cookie = access_cookie("all-admin"),
				  .marker = "1",
				  .content_type = body ? "application/json" : NULL,
				  .body = body,
				  .body_bytes = body ? strlen(body) : 0};
}

START_TEST(a_stale_version_is_refused)
{
	struct peer_call call =
		as_admin(versioned[_i].method, versioned[_i].path, versioned[_i].body);

	call.if_match = "\"00000000000000000000000000000000\"";
	access_refused(&call, SRV_STALE);
	call = as_admin(versioned[_i].method, versioned[_i].path, versioned[_i].body);
	call.if_match = "rubbish";
	access_refused(&call, SRV_STALE);
}
END_TEST

START_TEST(every_row_with_versions_is_tried_with_a_stale_one)
{
	const struct srv_route *route = &srv_routes[_i];
	bool found = false;

	for (size_t i = 0; i < VERSIONED; i++)
		found |= !strcmp(versioned[i].route, route->path) &&
			 !strcmp(versioned[i].method, route->method);
	ck_assert_msg(found == (route->current && srv_route_changes(route)), "%s %s", route->method,
		      route->path);
	/* What changes a thing in its place has versions. */
	ck_assert(strcmp(route->method, "PATCH") != 0 || route->current);
}
END_TEST

START_TEST(a_row_without_versions_matches_none)
{
	struct peer_call call = as_admin("POST", "/api/v1/image-keys", "{\"key\": \"" DIGEST "\"}");

	call.if_match = "*";
	access_refused(&call, SRV_STALE);
	ck_assert_int_eq(access_number("SELECT count(*) FROM trusted_keys"), 0);
}
END_TEST

START_TEST(what_is_not_there_is_not_stale)
{
	struct peer_call call = as_admin("DELETE", "/api/v1/people/" GHOST, NULL);

	call.if_match = "\"x\"";
	access_refused(&call, SRV_NOT_FOUND);
	call = as_admin("DELETE", "/api/v1/people/no-uuid", NULL);
	call.if_match = "\"x\"";
	access_refused(&call, SRV_NOT_FOUND);
}
END_TEST

/* ---- lost updates ---- */

static void tag_of(const char *path, char out[SRV_ETAG_TEXT])
{
	struct peer_call call = as_admin("GET", path, NULL);

	access_send(&call);
	ck_assert_int_eq(call.status, 200);
	const char *at = strstr(call.head, "ETag: ");

	ck_assert_ptr_nonnull(at);
	sscanf(at, "ETag: %39[^\r]", out);
	peer_done(&call);
}

static long patch(const char *path, const char *body, const char *tag)
{
	struct peer_call call = as_admin("PATCH", path, body);

	call.if_match = tag;
	access_send(&call);
	peer_done(&call);
	return call.status;
}

START_TEST(the_second_of_two_changes_is_refused)
{
	char tag[SRV_ETAG_TEXT], next[SRV_ETAG_TEXT];

	access_add_person("both", "viewer", "{a}");
	json_t *json = access_ask("all-admin", "GET", "/api/v1/people?limit=1000", NULL, 200), *p;
	char path[100] = "";
	size_t i;

	json_array_foreach(json_object_get(json, "people"), i, p)
	{
		if (!strcmp(json_string_value(json_object_get(p, "name")), "both"))
			snprintf(path, sizeof(path), "/api/v1/people/%s",
				 json_string_value(json_object_get(p, "id")));
	}
	json_decref(json);
	tag_of(path, tag);
	ck_assert_int_eq(patch(path, "{\"roles\": []}", tag), 200);
	ck_assert_int_eq(patch(path, "{\"disabled\": true}", tag), 412);
	tag_of(path, next);
	ck_assert_str_ne(tag, next);
	ck_assert_int_eq(patch(path, "{\"disabled\": true}", next), 200);
	ck_assert_int_eq(patch(path, "{\"disabled\": false}", NULL), 200);
	ck_assert_int_eq(patch(path, "{\"disabled\": true}", "*"), 200);
}
END_TEST

START_TEST(what_one_has_already_is_not_sent_again)
{
	static const char *const paths[] = {"/api/v1/groups", "/api/v1/layers", "/api/v1/people/@",
					    "/api/v1/policies/newest?group=a"};
	char tag[SRV_ETAG_TEXT];

	tag_of(paths[_i], tag);
	struct peer_call call = as_admin("GET", paths[_i], NULL);

	call.if_none_match = tag;
	access_send(&call);
	ck_assert_int_eq(call.status, 304);
	ck_assert_str_eq(peer_text(&call), "");
	ck_assert_ptr_nonnull(strstr(call.head, tag));
	peer_done(&call);
	call = as_admin("GET", paths[_i], NULL);
	call.if_none_match = "\"other\"";
	access_send(&call);
	ck_assert_int_eq(call.status, 200);
	peer_done(&call);
}
END_TEST

/* ---- asking twice ---- */

static struct peer_call repeated(const char *who, const char *path, const char *body,
				 const char *key)
{
	struct peer_call call = as_admin("POST", path, body);

	call.cookie = access_cookie(who);
	call.idempotency_key = key;
	access_send(&call);
	return call;
}

START_TEST(a_request_that_comes_twice_is_done_once)
{
	static const char body[] = "{\"kind\": \"api\", \"role\": \"viewer\", \"name\": \"twice\"}";
	struct peer_call one = repeated("all-admin", "/api/v1/tokens", body, KEY);
	struct peer_call two = repeated("all-admin", "/api/v1/tokens", body, KEY);

	ck_assert_int_eq(one.status, 201);
	ck_assert_int_eq(two.status, 201);
	ck_assert_str_eq(peer_text(&one), peer_text(&two)); /* the token itself is in it */
	ck_assert_ptr_nonnull(strstr(peer_text(&one), "ampoule_api_"));
	ck_assert_int_eq(access_number("SELECT count(*) FROM tokens WHERE name = 'twice'"), 1);
	ck_assert_int_eq(access_number("SELECT count(*) FROM audit WHERE outcome = 'done' AND "
				       "action = 'POST /api/v1/tokens'"),
			 1);
	/* Neither the secret nor the key can be read from the table. */
	ck_assert_int_eq(access_number("SELECT count(*) FROM repeats WHERE "
				       "position('ampoule_api_'::bytea in answer) > 0 "
				       "OR position('" KEY "'::bytea in key_hash) > 0"),
			 0);
	peer_done(&one);
	peer_done(&two);
}
END_TEST

START_TEST(a_key_is_for_one_request_of_one_caller)
{
	static const char body[] = "{\"name\": \"keyed\"}";
	struct peer_call one = repeated("all-admin", "/api/v1/groups", body, KEY "2");

	ck_assert_int_eq(one.status, 200);
	peer_done(&one);
	struct peer_call call = as_admin("POST", "/api/v1/groups", "{\"name\": \"other\"}");

	call.idempotency_key = KEY "2";
	access_refused(&call, SRV_KEY_REUSED);
	call = as_admin("POST", "/api/v1/image-keys", "{\"key\": \"" DIGEST "\"}");
	call.idempotency_key = KEY "2";
	access_refused(&call, SRV_KEY_REUSED);
	ck_assert_int_eq(access_number("SELECT count(*) FROM groups WHERE name = 'other'"), 0);
	access_add_person("second", "admin", "{*}");
	struct peer_call two =
		repeated("second", "/api/v1/groups", "{\"name\": \"other\"}", KEY "2");

	ck_assert_int_eq(two.status, 200);
	peer_done(&two);
}
END_TEST

START_TEST(a_refused_request_leaves_its_key_free)
{
	struct peer_call one =
		repeated("all-admin", "/api/v1/groups", "{\"name\": \"No Name\"}", KEY "3");

	ck_assert_int_eq(one.status, 422);
	peer_done(&one);
	ck_assert_int_eq(access_number(
				 "SELECT count(*) FROM repeats WHERE request = sha256('x') OR "
				 "key_hash = sha256('" KEY "3')"),
			 0);
	struct peer_call two =
		repeated("all-admin", "/api/v1/groups", "{\"name\": \"a-name\"}", KEY "3");

	ck_assert_int_eq(two.status, 200);
	peer_done(&two);
}
END_TEST

START_TEST(a_key_that_is_none_is_refused)
{
	static const char *const keys[] = {"short", "0123456789abcde", "0123456789 abcdef",
					   "0123456789abcdef\xc3\xa9"};
	struct peer_call call = as_admin("POST", "/api/v1/groups", "{\"name\": \"never\"}");

	call.idempotency_key = keys[_i];
	access_refused(&call, SRV_BAD_PARAMETER);
	ck_assert_int_eq(access_number("SELECT count(*) FROM groups WHERE name = 'never'"), 0);
}
END_TEST

START_TEST(keys_are_forgotten_after_a_day)
{
	struct peer_call one =
		repeated("all-admin", "/api/v1/groups", "{\"name\": \"day\"}", KEY "4");

	peer_done(&one);
	access_sql("UPDATE repeats SET created_at = now() - interval '25 hours'");
	struct peer_call two =
		repeated("all-admin", "/api/v1/groups", "{\"name\": \"day-2\"}", KEY "4");

	ck_assert_int_eq(two.status, 200);
	ck_assert_int_eq(access_number("SELECT count(*) FROM repeats"), 1);
	peer_done(&two);
}
END_TEST

START_TEST(an_answer_too_long_to_keep_says_that_it_was_done)
{
	struct peer_call one =
		repeated("all-admin", "/api/v1/groups", "{\"name\": \"long\"}", KEY "5");

	peer_done(&one);
	access_sql("UPDATE repeats SET answer = NULL WHERE key_hash = sha256('" KEY "5')");
	struct peer_call call = as_admin("POST", "/api/v1/groups", "{\"name\": \"long\"}");

	call.idempotency_key = KEY "5";
	access_refused(&call, SRV_ALREADY_DONE);
}
END_TEST

static void *send_it(void *arg)
{
	access_send(arg);
	return NULL;
}

START_TEST(many_at_once_with_one_key_are_done_once)
{
	enum {
		MANY = 6
	};
	static const char body[] = "{\"kind\": \"api\", \"role\": \"viewer\", \"name\": \"many\"}";
	struct peer_call calls[MANY];
	pthread_t threads[MANY];

	for (size_t i = 0; i < MANY; i++) {
		calls[i] = as_admin("POST", "/api/v1/tokens", body);
		calls[i].path = "/api/v1/tokens";
		calls[i].idempotency_key = KEY "6";
	}
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, send_it, &calls[i]), 0);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < MANY; i++) {
		ck_assert_int_eq(calls[i].status, 201);
		ck_assert_str_eq(peer_text(&calls[i]), peer_text(&calls[0]));
	}
	ck_assert_int_eq(access_number("SELECT count(*) FROM tokens WHERE name = 'many'"), 1);
	for (size_t i = 0; i < MANY; i++)
		peer_done(&calls[i]);
}
END_TEST

START_TEST(rows_that_make_something_take_a_key)
{
	const struct srv_route *route = &srv_routes[_i];
	/* These make nothing that could be there twice: sessions, proofs, passwords, one-time links, decisions. */
	static const char *const not_made[] = {
		"/api/v1/setup",         "/api/v1/session",
		"/api/v1/me/totp",       "/api/v1/people/{id}/password",
		"/api/v1/session/proof", "/api/v1/approvals/{id}/decision"};
	bool makes = !strcmp(route->method, "POST");

	for (size_t i = 0; i < sizeof(not_made) / sizeof(not_made[0]); i++)
		makes = makes && strcmp(route->path, not_made[i]) != 0;
	ck_assert_msg(route->repeatable == makes, "%s %s", route->method, route->path);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("versions");
	int rows = (int)srv_route_count;

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_loop_test(t, tags_are_compared_one_by_one, 0, 14);
	tcase_add_test(t, the_order_of_fields_does_not_change_a_tag);
	tcase_add_loop_test(t, a_stale_version_is_refused, 0, VERSIONED);
	tcase_add_loop_test(t, every_row_with_versions_is_tried_with_a_stale_one, 0, rows);
	tcase_add_test(t, a_row_without_versions_matches_none);
	tcase_add_test(t, what_is_not_there_is_not_stale);
	tcase_add_test(t, the_second_of_two_changes_is_refused);
	tcase_add_loop_test(t, what_one_has_already_is_not_sent_again, 0, 4);
	tcase_add_test(t, a_request_that_comes_twice_is_done_once);
	tcase_add_test(t, a_key_is_for_one_request_of_one_caller);
	tcase_add_test(t, a_refused_request_leaves_its_key_free);
	tcase_add_loop_test(t, a_key_that_is_none_is_refused, 0, 4);
	tcase_add_test(t, keys_are_forgotten_after_a_day);
	tcase_add_test(t, an_answer_too_long_to_keep_says_that_it_was_done);
	tcase_add_test(t, many_at_once_with_one_key_are_done_once);
	tcase_add_loop_test(t, rows_that_make_something_take_a_key, 0, rows);
	return suite_run("server/rest/versions", t);
}
