/* What each row of the route table answers to each caller is the table of docs/access.md, which this program writes
 * with ACCESS_WRITE=1 and otherwise holds to what it has seen; and what is not in the caller's groups is answered
 * like what is not there. */
#include <errno.h>
#include <inttypes.h>

#include "tests/support/suite.h"
#include "tests/unit/server/access_table.h"

/* ---- other groups ---- */

/* What a-admin asks of group b, and the same of what is nowhere. A row with a parameter that is neither here nor
 * refused to him as a whole fails the test below. */
static const struct {
	const char *method, *route, *theirs, *nowhere;
	const char *body, *ghost_body;
} foreign[] = {
	{"GET", "/api/v1/devices/{id}", "/api/v1/devices/" DEVICE_B, "/api/v1/devices/" GHOST, NULL,
	 NULL},
	{"GET", "/api/v1/policies/{serial}", "/api/v1/policies/1?group=b",
	 "/api/v1/policies/1?group=no", NULL, NULL},
	{"DELETE", "/api/v1/tokens/{id}", "/api/v1/tokens/" TOKEN_B, "/api/v1/tokens/" GHOST, NULL,
	 NULL},
	{"DELETE", "/api/v1/sessions/{id}", "/api/v1/sessions/@", "/api/v1/sessions/" GHOST, NULL,
	 NULL},
	{"POST", "/api/v1/people/{id}/password", "/api/v1/people/@@/password",
	 "/api/v1/people/" GHOST "/password", "{\"password\": \"a long and odd one 7\"}",
	 "{\"password\": \"a long and odd one 7\"}"},
	{"POST", "/api/v1/tokens", "/api/v1/tokens", "/api/v1/tokens",
	 "{\"kind\": \"api\", \"role\": \"viewer\", \"groups\": [\"b\"]}",
	 "{\"kind\": \"api\", \"role\": \"viewer\", \"groups\": [\"no\"]}"},
	{"GET", "/api/v1/devices", "/api/v1/devices?group=b", "/api/v1/devices?group=no", NULL,
	 NULL},
	{"GET", "/api/v1/events", "/api/v1/events?device=" DEVICE_B, "/api/v1/events?device=" GHOST,
	 NULL, NULL},
	{"GET", "/api/v1/policies", "/api/v1/policies?group=b", "/api/v1/policies?group=no", NULL,
	 NULL},
};
enum {
	FOREIGN = sizeof(foreign) / sizeof(foreign[0])
};

/* "@" stands for the session, "@@" for the id of all-viewer. */
static const char *fill_in(const char *path, char *out, size_t cap)
{
	struct err err = {0};
	struct srv_rows *rows = NULL;
	struct srv_conn *conn = srv_conn_open(config.db, &err);
	const char *at = strchr(path, '@');
	bool person = at && at[1] == '@';

	snprintf(out, cap, "%s", path);
	ck_assert_int_eq(
		srv_query(conn, &rows, &err,
			  "SELECT p.id::text, s.id::text FROM people p "
			  "JOIN sessions s ON s.person = p.id WHERE p.name = 'all-viewer'"),
		0);
	if (at)
		snprintf(out, cap, "%.*s%s%s", (int)(at - path), path,
			 srv_rows_text(rows, 0, person ? 0 : 1), at + 1 + person);
	srv_rows_free(rows);
	srv_conn_close(conn);
	return out;
}

/* Without the request's id, which differs. */
static void ask_foreign(const char *method, const char *path, const char *body, char *out,
			size_t cap)
{
	struct peer_call call = {.method = method,
				 .path = path,
				 .cookie = access_cookie("a-admin"),
				 .marker = "1",
				 .content_type = body ? "application/json" : NULL,
				 .body = body,
				 .body_bytes = body ? strlen(body) : 0};

	access_send(&call);
	char *request = strstr(peer_text(&call), "\"request\":");

	if (request)
		*request = '\0';
	snprintf(out, cap, "%ld %s", call.status, peer_text(&call));
	peer_done(&call);
}

START_TEST(not_yours_and_not_there_are_one_answer)
{
	char path[300], theirs[2000], nowhere[2000];

	ask_foreign(foreign[_i].method, fill_in(foreign[_i].theirs, path, sizeof(path)),
		    foreign[_i].body, theirs, sizeof(theirs));
	ask_foreign(foreign[_i].method, foreign[_i].nowhere, foreign[_i].ghost_body, nowhere,
		    sizeof(nowhere));
	ck_assert_str_eq(theirs, nowhere);
	ck_assert_ptr_null(strstr(theirs, "host-b"));
	if (strchr(foreign[_i].route, '{'))
		ck_assert_ptr_nonnull(strstr(theirs, "404"));
}
END_TEST

START_TEST(every_row_with_an_object_is_tried_with_a_foreign_one)
{
	const struct srv_route *route = &srv_routes[_i];
	bool found = !strchr(route->path, '{') || route->reach == SRV_REACH_ALL;

	for (size_t i = 0; i < FOREIGN && !found; i++)
		found = !strcmp(foreign[i].route, route->path) &&
			!strcmp(foreign[i].method, route->method);
	ck_assert_msg(found, "%s %s", route->method, route->path);
}
END_TEST

START_TEST(lists_have_what_is_in_the_callers_groups_and_no_more)
{
	static const struct {
		const char *path, *own, *other;
	} lists[] = {
		{"/api/v1/devices", "host-a", "host-b"},
		{"/api/v1/events", "vm-a", "vm-b"},
		{"/api/v1/policies", "policy-a", "policy-b"},
		{"/api/v1/tokens", "a-viewer", "token-b"},
		{"/api/v1/overview", "host-a", "host-b"},
	};
	struct peer_call call = {
		.method = "GET", .path = lists[_i].path, .cookie = access_cookie("a-admin")};

	access_send(&call);
	ck_assert_msg(strstr(peer_text(&call), lists[_i].own) != NULL, "%s", peer_text(&call));
	ck_assert_msg(strstr(peer_text(&call), lists[_i].other) == NULL, "%s", peer_text(&call));
	peer_done(&call);
	call = (struct peer_call){
		.method = "GET", .path = lists[_i].path, .cookie = access_cookie("all-admin")};
	access_send(&call);
	ck_assert_ptr_nonnull(strstr(peer_text(&call), lists[_i].own));
	ck_assert_ptr_nonnull(strstr(peer_text(&call), lists[_i].other));
	peer_done(&call);
}
END_TEST

/* ---- health ---- */

/* _i: the process alone; with the database, twice. */
START_TEST(health_needs_nobody_and_tells_a_wrong_schema)
{
	static const char *const paths[] = {"/healthz", "/readyz", "/api/v1/health"};

	access_do("", "GET", paths[_i], NULL, 200);
	access_sql("INSERT INTO schema_migrations (version, name) VALUES (999, 'later')");
	access_do("", "GET", paths[_i], NULL, _i ? 503 : 200);
	access_sql("DELETE FROM schema_migrations WHERE version = 999");
	access_do("", "GET", paths[_i], NULL, 200);
}
END_TEST

/* ---- the matrix ---- */

static const struct {
	const char *title, *cookie, *token;
} callers[] = {
	{"nobody", NULL, NULL},
	{"no role", "nothing", NULL},
	{"viewer", "all-viewer", NULL},
	{"analyst", "all-analyst", NULL},
	{"author", "all-author", NULL},
	{"approver", "all-approver", NULL},
	{"admin", "all-admin", NULL},
	{"gitops", "all-gitops", NULL},
	{"auditor", "all-auditor", NULL},
	{"admin of one group", "a-admin", NULL},
	{"admin's token", NULL, "all-admin"},
};

/* What the row says to the caller: a parameter that no row has is refused after the caller, before the deed. */
static const char *say(const struct srv_route *route, size_t caller)
{
	struct peer_call call = call_to(route, "?no_such=1");

	call.cookie = callers[caller].cookie ? access_cookie(callers[caller].cookie) : NULL;
	call.token = callers[caller].token ? access_token(callers[caller].token) : NULL;
	access_send(&call);
	long status = call.status;

	peer_done(&call);
	ck_assert_msg(status == 400 || status == 401 || status == 403, "%s %s: %ld", route->method,
		      route->path, status);
	return status == 400 ? "yes" : status == 401 ? "401" : "403";
}

static void print_head(FILE *f)
{
	fputs("# Who may do what\n\n"
	      "Printed by tests/unit/server/test_rest_matrix.c (ACCESS_WRITE=1) from what the "
	      "server answered "
	      "to each caller,\nand held to it by the same test. Every row also refuses, by test: "
	      "no login, an "
	      "unknown session or token, both at\nonce, every role that is not \"yes\", a change "
	      "without "
	      "X-Ampoule-Request or from another site, a wrong content type,\nan unknown field or "
	      "parameter, a "
	      "body over its limit, and with the same 404 what is not there and what is not in "
	      "the\ncaller's "
	      "groups.\n\n"
	      "Reach: `all` needs a role for every group; `groups` shows and changes only what is "
	      "in the "
	      "caller's groups;\n`shared` has nothing of a group in it. People: tokens are "
	      "refused. Rate: "
	      "requests a minute of one caller.\nVersions: the answer has an ETag, and a change "
	      "with "
	      "If-Match is refused when it is stale. Key: an Idempotency-Key counts.\n\n",
	      f);
	fputs("| route | reach | people | body | rate | versions | key |", f);
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
		fprintf(f, " %s |", callers[i].title);
	fputs("\n|---|---|---|---|---|---|---|", f);
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
		fputs("---|", f);
	fputc('\n', f);
}

static void print_row(FILE *f, const struct srv_route *route)
{
	fprintf(f, "| %s %s | %s | %s | %" PRIu64 " | ", route->method, route->path,
		srv_reach_name(route->reach), route->people_only ? "yes" : "", route->body_max);
	if (route->per_minute)
		fprintf(f, "%u", route->per_minute);
	fprintf(f, " | %s | %s |", route->current ? "yes" : "", route->repeatable ? "yes" : "");
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
		fprintf(f, " %s |", say(route, i));
	fputc('\n', f);
}

START_TEST(docs_access_is_what_the_server_answers)
{
	char *text = NULL, *there = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	print_head(f);
	for (size_t i = 0; i < srv_route_count; i++)
		print_row(f, &srv_routes[i]);
	fclose(f);
	f = fopen("docs/access.md", getenv("ACCESS_WRITE") ? "w+e" : "re");
	ck_assert_ptr_nonnull(f);
	if (getenv("ACCESS_WRITE"))
		fwrite(text, 1, n, f);
	rewind(f);
	there = calloc(1, n + 2);
	ck_assert_uint_eq(fread(there, 1, n + 1, f), n);
	ck_assert_str_eq(there, text);
	fclose(f);
	free(there);
	free(text);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("matrix");
	int rows = (int)srv_route_count;

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_loop_test(t, not_yours_and_not_there_are_one_answer, 0, FOREIGN);
	tcase_add_loop_test(t, every_row_with_an_object_is_tried_with_a_foreign_one, 0, rows);
	tcase_add_loop_test(t, lists_have_what_is_in_the_callers_groups_and_no_more, 0, 5);
	tcase_add_loop_test(t, health_needs_nobody_and_tells_a_wrong_schema, 0, 3);
	tcase_add_test(t, docs_access_is_what_the_server_answers);
	return suite_run("server/rest/matrix", t);
}
