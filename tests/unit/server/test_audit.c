/* The audit log: what gets into it, and that whoever changes it with SQL is found out. */
#include <errno.h>
#include <time.h>

#include "tests/support/suite.h"
#include "tests/unit/server/access.h"

#define VERIFY "/api/v1/audit/verify"

static void setup(void)
{
	access_start();
	access_add_person("root", "admin", "{*}");
	access_add_person("view", "viewer", "{*}");
	access_add_person("aud", "auditor", "{*}");
}

static void flush(void)
{
	struct err err = {0};

	ck_assert_msg(srv_audit_flush(context.audit, &err) == 0, "%s", err.text);
}

/* The report, which the caller frees. */
static json_t *verify(const char *query, bool intact)
{
	char path[300];

	snprintf(path, sizeof(path), VERIFY "%s", query);
	json_t *json = access_ask("aud", "GET", path, NULL, 200);

	ck_assert_msg(json_is_true(json_object_get(json, "intact")) == intact, "%s",
		      json_string_value(json_object_get(json, "finding")));
	return json;
}

static void make_rows(int n)
{
	for (int i = 0; i < n; i++)
		access_do("root", "POST", "/api/v1/tokens",
			  "{\"kind\": \"api\", \"role\": \"viewer\"}", 201);
	flush();
}

/* ---- what gets in ---- */

START_TEST(a_change_is_in_the_log_with_who_and_what)
{
	static const char body[] =
		"{\"name\": \"ida\", \"password\": \"seven odd herons 41\", \"roles\": []}";

	access_do("root", "POST", "/api/v1/people", body, 201);
	json_t *json =
		access_ask("aud", "GET", "/api/v1/audit?action=POST%20/api/v1/people", NULL, 200);
	json_t *row = json_array_get(json_object_get(json, "audit"), 0);
	const char *actor, *object, *outcome, *address, *request, *session, *name;

	ck_assert_int_eq(json_unpack(row, "{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s}}", "actor",
				     &actor, "object", &object, "outcome", &outcome, "address",
				     &address, "request", &request, "session", &session, "became",
				     "name", &name),
			 0);
	ck_assert_str_eq(actor, "root");
	ck_assert_str_eq(object, "ida");
	ck_assert_str_eq(outcome, "done");
	ck_assert_str_eq(address, "127.0.0.1");
	ck_assert_uint_eq(strlen(request), 32);
	ck_assert_uint_eq(strlen(session), 36);
	ck_assert_str_eq(name, "ida");
	json_decref(json);
	ck_assert_int_eq(access_number("SELECT count(*) FROM audit a WHERE a::text LIKE '%herons%' "
				       "OR a::text LIKE '%argon%'"),
			 0);
}
END_TEST

START_TEST(a_change_shows_before_and_after)
{
	char path[100];
	json_t *json = access_ask("root", "GET", "/api/v1/people", NULL, 200), *row;
	json_t *people = json_object_get(json, "people");
	const char *was, *became;
	size_t i;

	json_array_foreach(people, i, row)
	{
		if (!strcmp(json_string_value(json_object_get(row, "name")), "view"))
			snprintf(path, sizeof(path), "/api/v1/people/%s",
				 json_string_value(json_object_get(row, "id")));
	}
	json_decref(json);
	access_do("root", "PATCH", path,
		  "{\"roles\": [{\"role\": \"author\", \"groups\": [\"default\"]}]}", 200);
	json = access_ask("aud", "GET", "/api/v1/audit?action=PATCH", NULL, 200);
	row = json_array_get(json_object_get(json, "audit"), 0);
	ck_assert_int_eq(json_unpack(row, "{s:{s:[{s:s}]}, s:{s:[{s:s}]}}", "was", "roles", "role",
				     &was, "became", "roles", "role", &became),
			 0);
	ck_assert_str_eq(was, "viewer");
	ck_assert_str_eq(became, "author");
	json_decref(json);
}
END_TEST

START_TEST(refusals_are_in_the_log_equal_ones_as_one_row)
{
	for (int i = 0; i < 7; i++)
		access_do("view", "POST", "/api/v1/image-keys", "{}", 403);
	access_do("", "POST", "/api/v1/tokens", "{}", 401);
	access_do("view", "GET", "/api/v1/audit", NULL, 403);
	flush();
	ck_assert_int_eq(
		access_number("SELECT count FROM audit WHERE actor = 'view' AND code = 'forbidden' "
			      "AND outcome = 'refused' AND action = 'POST /api/v1/image-keys'"),
		7);
	ck_assert_int_eq(access_number(
				 "SELECT count(*) FROM audit WHERE actor = '' "
				 "AND action = 'POST /api/v1/tokens' AND code = 'unauthorized'"),
			 1);
	ck_assert_int_eq(access_number("SELECT count(*) FROM audit WHERE actor = 'view' "
				       "AND action = 'GET /api/v1/audit'"),
			 1);
}
END_TEST

START_TEST(a_flood_of_different_refusals_has_a_bound)
{
	struct srv_audit_entry entry = {
		.action = "POST /x", .outcome = "refused", .code = "forbidden"};
	char address[32];

	flush();
	access_sql("DELETE FROM audit_chain; DELETE FROM audit");
	entry.address = address;
	for (int i = 0; i < 5000; i++) {
		snprintf(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
		srv_audit_refuse(context.audit, &entry);
	}
	flush();
	ck_assert_int_le(access_number("SELECT count(*) FROM audit"), SRV_AUDIT_REFUSALS_MAX);
	ck_assert_int_eq(access_number("SELECT sum(count)::int8 FROM audit"), 5000);
}
END_TEST

START_TEST(a_change_that_fails_leaves_no_row_and_no_change)
{
	/* The log cannot be written: then nothing is done either. */
	access_sql(
		"ALTER TABLE audit ADD CONSTRAINT full_up CHECK (action <> 'POST /api/v1/tokens')");
	access_do("root", "POST", "/api/v1/tokens", "{\"kind\": \"api\", \"role\": \"viewer\"}",
		  500);
	ck_assert_int_eq(access_number("SELECT count(*) FROM tokens"), 0);
}
END_TEST

/* ---- the chain ---- */

START_TEST(a_log_that_nobody_touched_is_whole)
{
	make_rows(3);
	json_t *json = verify("", true);

	ck_assert_int_ge(json_integer_value(json_object_get(json, "rows")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "waiting")), 0);
	json_decref(json);
}
END_TEST

/* What somebody with SQL might do. "%last" etc. are told by SQL itself. */
static const char *const deeds[] = {
	"UPDATE audit SET actor = 'ann' WHERE id = (SELECT row FROM audit_chain WHERE sequence = "
	"2)",
	"UPDATE audit SET at = at + interval '1 us' WHERE id = (SELECT row FROM audit_chain WHERE "
	"sequence = 2)",
	"UPDATE audit SET was = '{}' WHERE id = (SELECT row FROM audit_chain WHERE sequence = 3)",
	"UPDATE audit SET actor = 'ro', person = 'ot' || person WHERE id = "
	"(SELECT row FROM audit_chain WHERE sequence = 2)",
	/* removed, with and without its link */
	"DELETE FROM audit WHERE id = (SELECT row FROM audit_chain WHERE sequence = 2)",
	"DELETE FROM audit_chain WHERE sequence = 2",
	"WITH x AS (DELETE FROM audit_chain WHERE sequence = 2 RETURNING row) DELETE FROM audit "
	"WHERE id = "
	"(SELECT row FROM x)",
	"WITH x AS (DELETE FROM audit_chain WHERE sequence = 2 RETURNING row) DELETE FROM audit "
	"WHERE id = "
	"(SELECT row FROM x); UPDATE audit_chain SET sequence = sequence - 1 WHERE sequence > 2",
	/* reordered */
	"UPDATE audit_chain SET sequence = CASE sequence WHEN 2 THEN 1003 WHEN 3 THEN 1002 END "
	"WHERE sequence "
	"IN (2, 3); UPDATE audit_chain SET sequence = sequence - 1000 WHERE sequence > 1000",
	"UPDATE audit_chain c SET row = -o.row FROM audit_chain o WHERE c.sequence IN (2, 3) AND "
	"o.sequence = "
	"5 - c.sequence; UPDATE audit_chain SET row = -row WHERE row < 0",
	/* cut off the end, and at the front */
	"DELETE FROM audit_chain WHERE sequence = 4; DELETE FROM audit WHERE id NOT IN (SELECT row "
	"FROM audit_chain)",
	"DELETE FROM audit_chain; DELETE FROM audit",
	"DELETE FROM audit_chain WHERE sequence = 1",
	/* put in among older ones */
	"INSERT INTO audit (xact, actor, action, outcome) SELECT min(xact), 'x', 'y', 'done' FROM "
	"audit",
	/* so that no later row would be chained */
	"UPDATE audit_chain SET xact = '999999999' WHERE sequence = 4",
	/* made anew without the key */
	"UPDATE audit SET actor = 'ann' WHERE id = (SELECT row FROM audit_chain WHERE sequence = "
	"2); "
	"UPDATE audit_chain SET mac = sha256(mac) WHERE sequence >= 2",
};
enum {
	DEEDS = sizeof(deeds) / sizeof(deeds[0])
};

START_TEST(what_was_done_with_sql_is_found)
{
	make_rows(4);
	json_decref(verify("", true));
	access_sql("%s", deeds[_i]);
	json_t *json = verify("", false);

	ck_assert_str_ne(json_string_value(json_object_get(json, "finding")), "");
	json_decref(json);
}
END_TEST

START_TEST(it_stays_found_when_the_log_goes_on)
{
	make_rows(4);
	access_sql("DELETE FROM audit_chain WHERE sequence >= 3; "
		   "DELETE FROM audit WHERE id NOT IN (SELECT row FROM audit_chain)");
	make_rows(4); /* as long as before, and longer */
	json_decref(verify("", false));
}
END_TEST

/* Another instance, or ours with a new state folder, remembers nothing: then the caller's own memory helps. */
START_TEST(a_head_seen_before_must_still_be_there)
{
	char query[200];

	make_rows(3);
	json_t *json = verify("", true), *head = json_object_get(json, "head");

	snprintf(query, sizeof(query), "?sequence=%lld&mac=%s",
		 (long long)json_integer_value(json_object_get(head, "sequence")),
		 json_string_value(json_object_get(head, "mac")));
	make_rows(2);
	json_decref(verify(query, true));
	snprintf(query, sizeof(query), "?sequence=1000&mac=%s",
		 json_string_value(json_object_get(head, "mac")));
	json_decref(verify(query, false));
	snprintf(query, sizeof(query), "?sequence=2&mac=%s",
		 json_string_value(json_object_get(head, "mac")));
	json_decref(verify(query, false));
	json_decref(json);
	access_do("aud", "GET", VERIFY "?sequence=2", NULL, 400);
}
END_TEST

START_TEST(a_row_that_commits_late_is_chained_late_and_not_forgotten)
{
	struct err err = {0};
	struct srv_conn *slow = srv_conn_open(config.db, &err);
	const struct srv_audit_entry entry = {.actor = "slow", .action = "z", .outcome = "done"};

	ck_assert_int_eq(srv_begin(slow, &err), 0);
	ck_assert_int_eq(srv_audit_add(slow, &entry, &err), 0);
	make_rows(2); /* later ids, committed earlier: they wait for it */
	ck_assert_int_eq(access_number("SELECT count(*) FROM audit_chain"), 0);
	ck_assert_int_eq(srv_commit(slow, &err), 0);
	srv_conn_close(slow);
	flush();
	ck_assert_int_eq(access_number("SELECT row FROM audit_chain WHERE sequence = 1"),
			 access_number("SELECT id FROM audit WHERE actor = 'slow'"));
	ck_assert_int_eq(access_number("SELECT count(*) FROM audit_chain"), 3);
	json_decref(verify("", true));
}
END_TEST

int main(void)
{
	TCase *in = tcase_create("rows"), *chain = tcase_create("chain");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(in, 60);
	tcase_set_timeout(chain, 60);
	tcase_add_checked_fixture(in, setup, access_stop);
	tcase_add_checked_fixture(chain, setup, access_stop);
	tcase_add_test(in, a_change_is_in_the_log_with_who_and_what);
	tcase_add_test(in, a_change_shows_before_and_after);
	tcase_add_test(in, refusals_are_in_the_log_equal_ones_as_one_row);
	tcase_add_test(in, a_flood_of_different_refusals_has_a_bound);
	tcase_add_test(in, a_change_that_fails_leaves_no_row_and_no_change);
	tcase_add_test(chain, a_log_that_nobody_touched_is_whole);
	tcase_add_loop_test(chain, what_was_done_with_sql_is_found, 0, DEEDS);
	tcase_add_test(chain, it_stays_found_when_the_log_goes_on);
	tcase_add_test(chain, a_head_seen_before_must_still_be_there);
	tcase_add_test(chain, a_row_that_commits_late_is_chained_late_and_not_forgotten);
	return suite_run("server/audit", in, chain);
}
