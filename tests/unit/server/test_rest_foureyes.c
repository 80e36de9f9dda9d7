/* Four eyes over real HTTPS on a real database: what waits for a second person, what he agrees to, and what makes it
 * void. "first" and "second" are approvers, "boss" an admin. */
#include <errno.h>

#include "server/rest/foureyes.h"
#include "tests/support/suite.h"
#include "tests/unit/server/access_table.h"

#define KEY_BODY "{\"key\": \"" DIGEST "\"}"

static void begin(void)
{
	access_start();
	access_sql("INSERT INTO groups (name) VALUES ('a'), ('b')");
	access_sql("INSERT INTO devices (id, group_name, hostname, certificate_expires) SELECT "
		   "gen_random_uuid(), CASE WHEN n = 1 THEN 'a' ELSE 'b' END, 'host', now() "
		   "FROM generate_series(1, 8) n");
	access_add_person("boss", "admin", "{*}");
	access_add_person("writer", "author", "{*}");
	access_add_person("first", "approver", "{*}");
	access_add_person("narrow", "approver", "{a}");
}

/* From here on there are two who can agree. */
static void add_second(void)
{
	access_add_person("second", "approver", "{*}");
}

/* The newest approval; the caller's. */
static json_t *newest(const char *who)
{
	json_t *json = access_ask(who, "GET", "/api/v1/approvals?limit=1", NULL, 200);
	json_t *one = json_incref(json_array_get(json_object_get(json, "approvals"), 0));

	json_decref(json);
	return one;
}

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

/* Decides the newest one, as it is shown; the status. */
static void decide(const char *who, const char *decision, const char *reason, long expected)
{
	json_t *one = newest("boss");
	char path[120], body[300];

	snprintf(path, sizeof(path), "/api/v1/approvals/%s/decision", text_of(one, "id"));
	snprintf(body, sizeof(body),
		 "{\"decision\": \"%s\", \"digest\": \"%s\", \"reason\": \"%s\"}", decision,
		 text_of(one, "digest"), reason);
	access_do(who, "POST", path, body, expected);
	json_decref(one);
}

static int64_t keys(void)
{
	return access_number("SELECT count(*) FROM trusted_keys");
}

START_TEST(until_a_second_can_agree_nobody_is_asked)
{
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 201);
	access_do("boss", "PUT", "/api/v1/four-eyes", "{\"on\": true}", 422);
	json_t *json = access_ask("boss", "GET", "/api/v1/four-eyes", NULL, 200);

	ck_assert(json_is_false(json_object_get(json, "on")));
	ck_assert_int_eq(json_integer_value(json_object_get(json, "approvers")), 1);
	json_decref(json);
}
END_TEST

START_TEST(a_key_waits_for_a_second_person_and_is_taken_once)
{
	add_second();
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409); /* waits, once */
	ck_assert_int_eq(access_number("SELECT count(*) FROM approvals"), 1);
	ck_assert_int_eq(keys(), 0);
	decide("boss", "approve", "", 403); /* one's own */
	decide("writer", "approve", "", 403);
	decide("narrow", "approve", "", 403);
	decide("first", "approve", "", 200);
	ck_assert_int_eq(keys(), 0); /* its author sends it */
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 201);
	ck_assert_int_eq(keys(), 1);
	access_sql("DELETE FROM trusted_keys");
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409); /* it was good once */
}
END_TEST

START_TEST(what_was_agreed_to_is_that_and_nothing_else)
{
	access_add_person("other", "admin", "{*}");
	add_second();
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	decide("second", "approve", "", 200);
	access_do("boss", "POST", "/api/v1/image-keys",
		  "{\"key\": \"" DIGEST "\", \"note\": \"another\"}", 409);
	access_do("other", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	ck_assert_int_eq(keys(), 0);
	access_sql("UPDATE approvals SET expires_at = now() WHERE state = 'approved'");
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	ck_assert_int_eq(keys(), 0);
}
END_TEST

static const char *person(const char *name)
{
	static char path[100];
	json_t *json = access_ask("boss", "GET", "/api/v1/people", NULL, 200), *p;
	size_t i;

	json_array_foreach(json_object_get(json, "people"), i, p)
	{
		if (!strcmp(text_of(p, "name"), name))
			snprintf(path, sizeof(path), "/api/v1/people/%s", text_of(p, "id"));
	}
	json_decref(json);
	return path;
}

START_TEST(a_role_that_changed_meanwhile_voids_the_approval)
{
	static const char body[] = "{\"roles\": [{\"role\": \"admin\", \"groups\": \"all\"}]}";

	add_second();
	access_do("boss", "PATCH", person("writer"), body, 409);
	decide("first", "approve", "", 200);
	access_sql(
		"DELETE FROM grants WHERE person = (SELECT id FROM people WHERE name = 'writer')");
	access_do("boss", "PATCH", person("writer"), body, 409);
	ck_assert_int_eq(access_number("SELECT count(*) FROM grants g JOIN people p ON p.id = "
				       "g.person WHERE p.name = 'writer'"),
			 0);
}
END_TEST

START_TEST(nobody_agrees_to_what_is_about_himself)
{
	add_second();
	access_do("boss", "PATCH", person("first"),
		  "{\"roles\": [{\"role\": \"admin\", \"groups\": \"all\"}]}", 409);
	decide("first", "approve", "", 403);
	decide("second", "approve", "", 200);
}
END_TEST

START_TEST(an_account_is_stopped_by_one_alone_and_four_eyes_stay)
{
	add_second();
	access_do("boss", "PATCH", person("second"), "{\"disabled\": true}", 200);
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	access_do("boss", "PATCH", person("second"), "{\"disabled\": false}", 409);
}
END_TEST

START_TEST(a_password_is_not_shown_and_not_in_the_table)
{
	static const char body[] =
		"{\"name\": \"newcomer\", \"password\": \"seven odd herons 41\", \"roles\": []}";

	add_second();
	access_do("boss", "POST", "/api/v1/people", body, 409);
	ck_assert_int_eq(access_number("SELECT count(*) FROM approvals WHERE summary LIKE "
				       "'%herons%' OR digest = sha256('" KEY_BODY "')"),
			 0);
	ck_assert_int_eq(
		access_number("SELECT count(*) FROM approvals WHERE summary LIKE '%not shown%'"),
		1);
	decide("first", "approve", "", 200);
	access_do("boss", "POST", "/api/v1/people", body, 201);
}
END_TEST

START_TEST(a_tokens_maker_is_the_author)
{
	access_sql("INSERT INTO grants SELECT id, 'admin', '{*}' FROM people WHERE name = 'first'");
	add_second();
	access_add_token("first", "admin", "{*}", "first");
	struct peer_call call = {.method = "POST",
				 .path = "/api/v1/image-keys",
				 .token = access_token("first"),
				 .content_type = "application/json",
				 .body = KEY_BODY,
				 .body_bytes = sizeof(KEY_BODY) - 1};

	access_refused(&call, SRV_APPROVAL_NEEDED);
	decide("first", "approve", "", 403);
	decide("second", "approve", "", 200);
}
END_TEST

/* ---- policies ---- */

/* The digest binds the devices: what is refused here is so by the language, after four eyes. */
START_TEST(a_policy_for_more_than_a_quarter_waits)
{
	add_second();
	access_do("writer", "POST", "/api/v1/policies", "{\"document\": \"x\", \"group\": \"a\"}",
		  422); /* 1 of 8 */
	access_do("writer", "POST", "/api/v1/policies", "{\"document\": \"x\", \"group\": \"b\"}",
		  409); /* 7 of 8 */
	decide("second", "approve", "", 200);
	json_t *one = newest("boss");

	ck_assert_int_eq(json_integer_value(json_object_get(one, "devices")), 7);
	json_decref(one);
	access_sql("INSERT INTO devices (id, group_name, hostname, certificate_expires) VALUES "
		   "(gen_random_uuid(), 'b', 'late', now())");
	access_do("writer", "POST", "/api/v1/policies", "{\"document\": \"x\", \"group\": \"b\"}",
		  409); /* a device joined: it is another request */
	decide("second", "approve", "", 200);
	access_do("writer", "POST", "/api/v1/policies", "{\"document\": \"x\", \"group\": \"b\"}",
		  422);
}
END_TEST

#define DELTA                                                                                     \
	"ampoule: 1\\nkind: delta\\nid: eng\\nextends: office\\ngroup: %s\\ntasks: [ { id: pdf, " \
	"file: [ { id: x, path: [/srv/x/], do: read } ] } ]\\n"
#define BASE                                                                                     \
	"ampoule: 1\\nkind: base\\nid: office\\ntrust_levels: [one, two]\\ntasks: [ { id: pdf, " \
	"match: { program: [/usr/bin/x] }, run: { image: %s, level: two } } ]\\n"

/* Beyond four eyes the documents are refused: there is no base to extend, or no such image. */
static long post_layers(const char *document, const char *word, const char *more)
{
	char text[400], body[500];
	struct peer_call call = {.method = "POST",
				 .path = "/api/v1/layers",
				 .cookie = access_cookie("writer"),
				 .marker = "1",
				 .content_type = "application/json",
				 .body = body};

	snprintf(text, sizeof(text), strstr(document, "base") ? BASE : DELTA, word);
	snprintf(body, sizeof(body), "{\"document\": \"%s\"%s}", text, more);
	call.body_bytes = strlen(body);
	access_send(&call);
	ck_assert_msg(call.status == 409 || strstr(peer_text(&call), "\"policy-refused\""), "%s",
		      peer_text(&call));
	peer_done(&call);
	return call.status;
}

START_TEST(layers_wait_for_those_below_them)
{
	add_second();
	ck_assert_int_eq(post_layers("delta", "a", ""), 422); /* 1 of 8 */
	ck_assert_int_eq(post_layers("delta", "b", ", \"dry\": 1"), 422);
	ck_assert_int_eq(post_layers("delta", "b", ""), 409);   /* 7 of 8 */
	ck_assert_int_eq(post_layers("base", "none", ""), 409); /* everybody */
	access_sql("UPDATE groups SET parent = 'a' WHERE name = 'b'");
	ck_assert_int_eq(post_layers("delta", "a", ""), 409); /* b lies below a */
}
END_TEST

/* ---- deciding ---- */

START_TEST(a_decision_is_of_what_was_seen)
{
	char path[120];

	add_second();
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	json_t *one = newest("first");

	snprintf(path, sizeof(path), "/api/v1/approvals/%s/decision", text_of(one, "id"));
	json_decref(one);
	access_do("first", "POST", path, "{\"decision\": \"approve\", \"digest\": \"" DIGEST "\"}",
		  409);
	decide("first", "refuse", "not ours", 200);
	decide("second", "approve", "", 409); /* it was decided */
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	access_do("first", "POST", "/api/v1/approvals/nonsense/decision",
		  "{\"decision\": \"approve\", \"digest\": \"" DIGEST "\"}", 404);
	access_do("first", "GET", "/api/v1/approvals/" GHOST, NULL, 404);
	access_do("first", "GET", "/api/v1/approvals?after=nonsense", NULL, 400);
}
END_TEST

START_TEST(an_emergency_is_one_persons_with_a_reason_and_looked_at_later)
{
	add_second();
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	decide("boss", "emergency", "", 422);
	decide("first", "emergency", "somebody else's fire", 403);
	decide("boss", "emergency", "the builder's key leaked", 200);
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 201);
	decide("boss", "review", "", 403);
	decide("first", "review", "", 200);
	decide("second", "review", "", 409);
	ck_assert_int_eq(
		access_number(
			"SELECT count(*) FROM audit WHERE was LIKE '%waiting%' AND became LIKE "
			"'%\"state\":\"emergency\"%' AND became LIKE '%builder%'"),
		1);
}
END_TEST

START_TEST(switching_off_needs_two_and_on_again_one)
{
	add_second();
	access_do("boss", "PUT", "/api/v1/four-eyes", "{\"on\": false}", 409);
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 409);
	access_do("boss", "PUT", "/api/v1/four-eyes", "{\"on\": false}", 409);
	access_sql("DELETE FROM approvals WHERE object LIKE '%%keys%%'");
	decide("first", "approve", "", 200);
	access_do("boss", "PUT", "/api/v1/four-eyes", "{\"on\": false}", 200);
	access_do("boss", "POST", "/api/v1/image-keys", KEY_BODY, 201);
	access_do("boss", "PUT", "/api/v1/four-eyes", "{\"on\": true}", 200);
	access_do("boss", "POST", "/api/v1/image-keys",
		  "{\"key\": \"1"
		  "000000000000000000000000000000000000000000000000000000000000000\"}",
		  409);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("foureyes");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, access_stop);
	tcase_add_test(t, until_a_second_can_agree_nobody_is_asked);
	tcase_add_test(t, a_key_waits_for_a_second_person_and_is_taken_once);
	tcase_add_test(t, what_was_agreed_to_is_that_and_nothing_else);
	tcase_add_test(t, a_role_that_changed_meanwhile_voids_the_approval);
	tcase_add_test(t, nobody_agrees_to_what_is_about_himself);
	tcase_add_test(t, an_account_is_stopped_by_one_alone_and_four_eyes_stay);
	tcase_add_test(t, a_password_is_not_shown_and_not_in_the_table);
	tcase_add_test(t, a_tokens_maker_is_the_author);
	tcase_add_test(t, a_policy_for_more_than_a_quarter_waits);
	tcase_add_test(t, layers_wait_for_those_below_them);
	tcase_add_test(t, a_decision_is_of_what_was_seen);
	tcase_add_test(t, an_emergency_is_one_persons_with_a_reason_and_looked_at_later);
	tcase_add_test(t, switching_off_needs_two_and_on_again_one);
	return suite_run("server/rest/foureyes", t);
}
