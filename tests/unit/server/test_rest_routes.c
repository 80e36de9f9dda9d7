/* Walks the one route table over real HTTPS, with real people and tokens in a real database: whatever a row
 * promises to refuse is sent to it. What each row answers to each caller is the table of docs/access.md, which
 * this program writes with ACCESS_WRITE=1 and otherwise holds to what it has seen. */
#include <errno.h>
#include <inttypes.h>

#include "tests/support/suite.h"
#include "tests/unit/server/access.h"

#define DEVICE_A "00000000-0000-4000-8000-00000000000a"
#define DEVICE_B "00000000-0000-4000-8000-00000000000b"
#define GHOST    "00000000-0000-4000-8000-0000000000ff"
#define TOKEN_B  "00000000-0000-4000-8000-0000000000b1"
#define DIGEST   "0000000000000000000000000000000000000000000000000000000000000000"

static const char *const roles[SRV_ROLES] = {"viewer", "analyst", "author", "approver",
					     "admin",  "gitops",  "auditor"};

/* Somebody of each role for every group ("all-viewer"), and for group "a" alone ("a-viewer"); "nothing" has no
 * role; tokens by the same names. Group "b" has a device, a policy and a token that "a" must never see. */
static void setup(void)
{
	char name[40];

	access_start();
	access_sql("INSERT INTO groups (name) VALUES ('a'), ('b')");
	for (size_t i = 0; i < SRV_ROLES; i++) {
		snprintf(name, sizeof(name), "all-%s", roles[i]);
		access_add_person(name, roles[i], "{*}");
		access_add_token(name, roles[i], "{*}", NULL);
		snprintf(name, sizeof(name), "a-%s", roles[i]);
		access_add_person(name, roles[i], "{a}");
		access_add_token(name, roles[i], "{a}", NULL);
	}
	access_add_person("nothing", NULL, NULL);
	access_sql("INSERT INTO devices (id, group_name, hostname, certificate_expires) VALUES "
		   "('" DEVICE_A "', 'a', 'host-a', now()), ('" DEVICE_B
		   "', 'b', 'host-b', now())");
	access_sql("INSERT INTO policies (group_name, serial, policy_id, name, document, envelope, "
		   "digest) SELECT g, 1, 'policy-' || g, '', '', '', sha256(g::bytea) "
		   "FROM unnest(ARRAY['a', 'b']) g");
	access_sql(
		"INSERT INTO events (device, group_name, stream, sequence, wall_clock_ns, vm, "
		"task, "
		"user_name, class, operation, object, verdict, audit, severity, policy_id, serial, "
		"rule, exit_reason, guest_rip, count, dropped, image, program) SELECT "
		"id, group_name, '', 1, 0, 'vm-' || group_name, '', '', '', '', '', 'deny', false, "
		"'', "
		"'', "
		"1, '', '', 0, 1, 0, '', '' FROM devices");
	access_sql("INSERT INTO tokens (id, kind, secret_hash, name, group_name, uses, uses_left, "
		   "expires_at) VALUES ('" TOKEN_B "', 'enrol', sha256('b'), 'token-b', 'b', 1, 1, "
		   "now() + interval '1 hour')");
}

/* The route's path with something for its parameter and a query behind it. */
static const char *path_of(const struct srv_route *route, const char *query)
{
	static char path[300];
	size_t head = strcspn(route->path, "{");
	const char *close = strchr(route->path, '}');

	snprintf(path, sizeof(path), "%.*s%s%s%s", (int)head, route->path, close ? GHOST : "",
		 close ? close + 1 : "", query);
	return path;
}

/* Somebody whom the row lets through; "" for a row that asks nobody. */
static const char *caller_for(const struct srv_route *route)
{
	static char name[40];

	name[0] = '\0';
	for (size_t i = 0; i < SRV_ROLES && !name[0]; i++) {
		if (route->roles & (1U << i) || route->roles == SRV_SIGNED_IN)
			snprintf(name, sizeof(name), "all-%s", roles[i]);
	}
	return name;
}

/* Puts a body on that the row would look at. */
static void add_body(struct peer_call *call, const struct srv_route *route)
{
	if (!route->body_max)
		return;
	call->content_type = route->begin ? "application/octet-stream" : "application/json";
	call->body = "{}";
	call->body_bytes = 2;
}

/* A call that this route would take, as far as the refusals before handlers go. */
static struct peer_call call_to(const struct srv_route *route, const char *query)
{
	const char *who = caller_for(route);
	struct peer_call call = {.method = route->method,
				 .path = path_of(route, query),
				 .cookie = who[0] ? access_cookie(who) : NULL,
				 .marker = "1",
				 .from = who[0] ? NULL : access_address()};

	add_body(&call, route);
	return call;
}

/* ---- who ---- */

START_TEST(nobody_and_who_is_unknown_are_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");

	if (route->roles == SRV_ROLE_NONE)
		return;
	call.cookie = NULL;
	access_refused(&call, route->people_only ? SRV_NOT_SIGNED_IN : SRV_UNAUTHORIZED);
	ck_assert_ptr_nonnull(strstr(call.head, "WWW-Authenticate: Bearer"));
	call = call_to(route, "");
	call.cookie = access_cookie("stranger");
	access_refused(&call, SRV_NOT_SIGNED_IN);
	call = call_to(route, "");
	call.cookie = NULL;
	call.token = access_token("stranger");
	access_refused(&call, SRV_UNAUTHORIZED);
}
END_TEST

START_TEST(a_session_and_a_token_at_once_are_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");

	if (route->roles == SRV_ROLE_NONE)
		return;
	call.token = access_token("all-admin");
	access_refused(&call, SRV_TWO_CREDENTIALS);
}
END_TEST

static void refuse_role(const struct srv_route *route, unsigned role)
{
	struct peer_call call = call_to(route, "");
	char name[40];

	snprintf(name, sizeof(name), "all-%s", srv_role_name(role));
	call.cookie = access_cookie(name);
	access_refused(&call, SRV_FORBIDDEN);
	if (route->people_only)
		return;
	call = call_to(route, "");
	call.cookie = NULL;
	call.token = access_token(name);
	access_refused(&call, SRV_FORBIDDEN);
}

START_TEST(every_wrong_role_is_refused)
{
	const struct srv_route *route = &srv_routes[_i];

	for (unsigned role = 1; role < SRV_SIGNED_IN && route->roles; role <<= 1) {
		if (!(route->roles & (role | SRV_SIGNED_IN)))
			refuse_role(route, role);
	}
}
END_TEST

START_TEST(no_role_at_all_is_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");

	if (!(route->roles & SRV_ROLE_ANY))
		return;
	call.cookie = access_cookie("nothing");
	access_refused(&call, SRV_FORBIDDEN);
}
END_TEST

START_TEST(a_token_is_refused_where_people_are_wanted)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");

	if (!route->people_only)
		return;
	call.cookie = NULL;
	call.token = access_token("all-admin");
	access_refused(&call, SRV_FORBIDDEN);
}
END_TEST

START_TEST(a_role_for_some_groups_is_refused_what_concerns_all)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");
	char name[40];

	if (route->reach != SRV_REACH_ALL)
		return;
	snprintf(name, sizeof(name), "a-%s", caller_for(route) + strlen("all-"));
	call.cookie = access_cookie(name);
	access_refused(&call, SRV_FORBIDDEN);
}
END_TEST

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

/* ---- from where ---- */

START_TEST(a_change_without_the_header_is_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");

	if (!srv_route_changes(route) || route->roles == SRV_ROLE_NONE)
		return;
	call.marker = NULL;
	access_refused(&call, SRV_CROSS_SITE);
	call = call_to(route, "");
	call.marker = "0";
	access_refused(&call, SRV_CROSS_SITE);
}
END_TEST

START_TEST(a_change_from_another_site_is_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	static const char *const sites[] = {"cross-site", "same-site", ""};
	static const char *const origins[] = {"https://evil.example", "null", "http://127.0.0.1",
					      "https://127.0.0.1.evil.example"};

	if (!srv_route_changes(route))
		return;
	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
		struct peer_call call = call_to(route, "");

		call.fetch_site = sites[i][0] ? sites[i] : "cross-origin";
		access_refused(&call, SRV_CROSS_SITE);
	}
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		struct peer_call call = call_to(route, "");

		call.origin = origins[i];
		access_refused(&call, SRV_CROSS_SITE);
	}
}
END_TEST

START_TEST(a_change_from_the_consoles_own_page_is_taken)
{
	char origin[60];
	struct peer_call call = {.method = "DELETE",
				 .path = "/api/v1/sessions/" GHOST,
				 .cookie = access_cookie("all-viewer"),
				 .marker = "1",
				 .fetch_site = "same-origin",
				 .origin = origin};

	snprintf(origin, sizeof(origin), "https://127.0.0.1:%u", srv_rest_port(rest));
	access_refused(&call, SRV_NOT_FOUND);
}
END_TEST

/* ---- what ---- */

START_TEST(a_body_over_the_limit_is_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");
	char length[32];

	if (route->body_max > SRV_DISCARD_MAX) {
		/* Answered at once, on the announced length: none of it is read. */
		snprintf(length, sizeof(length), "%" PRIu64, route->body_max + 1);
		call.length = length;
		access_refused(&call, SRV_BODY_TOO_LARGE);
		return;
	}
	char *body = calloc(1, (size_t)route->body_max + 1);

	call.body = body;
	call.body_bytes = (size_t)route->body_max + 1;
	access_refused(&call, SRV_BODY_TOO_LARGE);
	free(body);
}
END_TEST

START_TEST(a_wrong_content_type_is_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");

	if (!route->body_max)
		return;
	call.content_type = "text/plain";
	access_refused(&call, SRV_UNSUPPORTED_MEDIA_TYPE);
	call = call_to(route, "");
	call.content_type = NULL;
	access_refused(&call, SRV_UNSUPPORTED_MEDIA_TYPE);
}
END_TEST

START_TEST(an_unknown_parameter_is_refused)
{
	struct peer_call call = call_to(&srv_routes[_i], "?no_such=1");

	access_refused(&call, SRV_BAD_PARAMETER);
}
END_TEST

static bool has_required(const struct srv_field *fields)
{
	for (; fields->name; fields++) {
		if (fields->required)
			return true;
	}
	return false;
}

START_TEST(bodies_that_break_the_table_are_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");
	static const char unknown[] = "{\"no_such\": 1}", twice[] = "{\"a\": 1, \"a\": 1}";

	if (!route->body)
		return;
	if (has_required(route->body))
		access_refused(&call, SRV_BAD_FIELD); /* {}: something is missing */
	call = call_to(route, "");
	call.body = unknown;
	call.body_bytes = sizeof(unknown) - 1;
	access_refused(&call, SRV_BAD_FIELD);
	call = call_to(route, "");
	call.body = twice;
	call.body_bytes = sizeof(twice) - 1;
	access_refused(&call, SRV_BAD_JSON);
	call = call_to(route, "");
	call.body = "[]";
	access_refused(&call, SRV_BAD_JSON);
	call = call_to(route, "");
	call.body = "{\"";
	access_refused(&call, SRV_BAD_JSON);
}
END_TEST

START_TEST(another_method_is_refused_with_those_allowed)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = {.method = "TRACE", .path = path_of(route, "")};

	access_refused(&call, SRV_METHOD_NOT_ALLOWED);
	ck_assert_ptr_nonnull(strstr(call.head, "Allow: "));
	ck_assert_ptr_nonnull(strstr(call.head, route->method));
}
END_TEST

START_TEST(a_path_that_is_no_route_is_not_found)
{
	static const char *const paths[] = {"/api",
					    "/api/v1",
					    "/api/v1/",
					    "/api/v1/healthy",
					    "/api/v1/health/",
					    "/api/v1/devices/",
					    "/api/v1/devices/a/b",
					    "/api/v1/../v1/health",
					    "/api/v1/devices%00",
					    "//api/v1/health"};
	struct peer_call call = {.method = "GET", .path = paths[_i]};

	access_refused(&call, SRV_NOT_FOUND);
}
END_TEST

START_TEST(a_parameter_over_its_limit_is_not_found)
{
	char path[300] = "/api/v1/devices/";
	struct peer_call call = {.method = "GET", .path = path};

	memset(path + strlen(path), 'a', 200);
	access_refused(&call, SRV_NOT_FOUND);
}
END_TEST

START_TEST(parameters_outside_their_bounds_are_refused)
{
	static const char *const paths[] = {
		"/api/v1/events?limit=0",          "/api/v1/events?limit=1001",
		"/api/v1/events?limit=",           "/api/v1/events?limit=1x",
		"/api/v1/events?limit=%201",       "/api/v1/events?limit=1&limit=2",
		"/api/v1/events?order=sideways",   "/api/v1/events?limit=99999999999999999999",
		"/api/v1/devices?state=somewhere", "/api/v1/devices?after=",
		"/api/v1/policies?group=",         "/api/v1/policies/1?group=a&group=b",
	};
	struct peer_call call = {
		.method = "GET", .path = paths[_i], .cookie = access_cookie("all-admin")};

	access_refused(&call, SRV_BAD_PARAMETER);
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
	      "Printed by tests/unit/server/test_rest_routes.c (ACCESS_WRITE=1) from what the "
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
	      "requests a minute of one caller.\n\n",
	      f);
	fputs("| route | reach | people | body | rate |", f);
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
		fprintf(f, " %s |", callers[i].title);
	fputs("\n|---|---|---|---|---|", f);
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
	fputs(" |", f);
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
	TCase *t = tcase_create("routes");
	int rows = (int)srv_route_count;

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_loop_test(t, nobody_and_who_is_unknown_are_refused, 0, rows);
	tcase_add_loop_test(t, a_session_and_a_token_at_once_are_refused, 0, rows);
	tcase_add_loop_test(t, every_wrong_role_is_refused, 0, rows);
	tcase_add_loop_test(t, no_role_at_all_is_refused, 0, rows);
	tcase_add_loop_test(t, a_token_is_refused_where_people_are_wanted, 0, rows);
	tcase_add_loop_test(t, a_role_for_some_groups_is_refused_what_concerns_all, 0, rows);
	tcase_add_loop_test(t, not_yours_and_not_there_are_one_answer, 0, FOREIGN);
	tcase_add_loop_test(t, every_row_with_an_object_is_tried_with_a_foreign_one, 0, rows);
	tcase_add_loop_test(t, lists_have_what_is_in_the_callers_groups_and_no_more, 0, 5);
	tcase_add_loop_test(t, a_change_without_the_header_is_refused, 0, rows);
	tcase_add_loop_test(t, a_change_from_another_site_is_refused, 0, rows);
	tcase_add_test(t, a_change_from_the_consoles_own_page_is_taken);
	tcase_add_loop_test(t, a_body_over_the_limit_is_refused, 0, rows);
	tcase_add_loop_test(t, a_wrong_content_type_is_refused, 0, rows);
	tcase_add_loop_test(t, an_unknown_parameter_is_refused, 0, rows);
	tcase_add_loop_test(t, bodies_that_break_the_table_are_refused, 0, rows);
	tcase_add_loop_test(t, another_method_is_refused_with_those_allowed, 0, rows);
	tcase_add_loop_test(t, a_path_that_is_no_route_is_not_found, 0, 10);
	tcase_add_test(t, a_parameter_over_its_limit_is_not_found);
	tcase_add_loop_test(t, parameters_outside_their_bounds_are_refused, 0, 12);
	tcase_add_test(t, docs_access_is_what_the_server_answers);
	return suite_run("server/rest/routes", t);
}
