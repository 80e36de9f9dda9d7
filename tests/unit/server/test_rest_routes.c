/* Walks the one route table: whatever a row promises to refuse is sent to it over real HTTPS. Nothing here
 * gets as far as a handler, so no database is needed; handlers are tested by tests/system/test_api.sh. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "common/log.h"
#include "server/rest/route.h"
#include "tests/support/suite.h"
#include "tests/unit/server/rest_peer.h"

static struct peer_identity identity;
static struct srv_http *http;
static atomic_uint uploads;

/* Tokens "viewer" and "admin" have these roles; "broken" finds the database down. */
static int authenticate(const struct srv_api *api, const char *token, struct srv_identity *ret_who,
			struct err *err)
{
	(void)api;
	if (!strcmp(token, "broken"))
		return err_set(err, -ENOTCONN, "no database");
	snprintf(ret_who->name, sizeof(ret_who->name), "%s", token);
	return srv_role_parse(token, &ret_who->role) < 0 ? err_set(err, -EACCES, "who?") : 0;
}

static struct srv_api api = {.uploads = &uploads, .authenticate = authenticate};

static void setup(void)
{
	struct err err = {0};
	struct srv_http_config config = {.listen = "127.0.0.1:0",
					 .key_pem = identity.key,
					 .cert_pem = identity.certificate,
					 .connections_max = 8,
					 .idle_timeout_s = 5,
					 .ops = &srv_dispatch,
					 .context = &api};

	peer_make_identity(&identity);
	api.routes = srv_routes;
	api.route_count = srv_route_count;
	ck_assert_msg(srv_http_start(&config, &http, &err) == 0, "%s", err.text);
}

static void teardown(void)
{
	srv_http_stop(http);
}

/* The route's path with something for its parameter and a query behind it. */
static const char *path_of(const struct srv_route *route, const char *query)
{
	static char path[300];
	size_t head = strcspn(route->path, "{");
	const char *close = strchr(route->path, '}');

	snprintf(path, sizeof(path), "%.*s%s%s%s", (int)head, route->path, close ? "77" : "",
		 close ? close + 1 : "", query);
	return path;
}

/* A call that this route would take, as far as the refusals before handlers go. */
static struct peer_call call_to(const struct srv_route *route, const char *query)
{
	struct peer_call call = {.method = route->method, .path = path_of(route, query)};

	call.token = srv_role_name(route->role);
	if (route->body_max) {
		call.content_type = route->begin ? "application/octet-stream" : "application/json";
		call.body = "{}";
		call.body_bytes = 2;
	}
	return call;
}

static void expect(struct peer_call *call, enum srv_problem problem)
{
	char code[80];

	peer_send(call, &identity, srv_http_port(http));
	snprintf(code, sizeof(code), "\"code\":\"%s\"", srv_problem_code(problem));
	ck_assert_msg(call->result == CURLE_OK, "%s %s: %s", call->method, call->path,
		      curl_easy_strerror(call->result));
	ck_assert_msg(call->status == srv_problem_status(problem), "%s %s: %ld %s", call->method,
		      call->path, call->status, peer_text(call));
	ck_assert_msg(strstr(peer_text(call), code) != NULL, "%s: no %s", peer_text(call), code);
	ck_assert_ptr_nonnull(strstr(call->head, "Content-Type: application/problem+json"));
	ck_assert_ptr_nonnull(strstr(call->head, "X-Request-Id: "));
	peer_done(call);
}

START_TEST(no_token_and_a_wrong_token_are_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");

	if (route->role == SRV_ROLE_NONE)
		return;
	call.token = NULL;
	expect(&call, SRV_UNAUTHORIZED);
	ck_assert_ptr_nonnull(strstr(call.head, "WWW-Authenticate: Bearer"));
	call = call_to(route, "");
	call.token = "nobody";
	expect(&call, SRV_UNAUTHORIZED);
	call = call_to(route, "");
	call.token = "broken";
	expect(&call, SRV_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(call.head, "Retry-After: "));
}
END_TEST

START_TEST(a_smaller_role_is_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");

	if (route->role != SRV_ROLE_ADMIN)
		return;
	call.token = "viewer";
	expect(&call, SRV_FORBIDDEN);
}
END_TEST

START_TEST(a_body_over_the_limit_is_refused)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = call_to(route, "");
	char length[32];

	if (route->body_max > SRV_DISCARD_MAX) {
		/* Answered at once, on the announced length: none of it is read. */
		snprintf(length, sizeof(length), "%" PRIu64, route->body_max + 1);
		call.length = length;
		expect(&call, SRV_BODY_TOO_LARGE);
		return;
	}
	char *body = calloc(1, (size_t)route->body_max + 1);

	call.body = body;
	call.body_bytes = (size_t)route->body_max + 1;
	expect(&call, SRV_BODY_TOO_LARGE);
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
	expect(&call, SRV_UNSUPPORTED_MEDIA_TYPE);
	call = call_to(route, "");
	call.content_type = NULL;
	expect(&call, SRV_UNSUPPORTED_MEDIA_TYPE);
}
END_TEST

START_TEST(an_unknown_parameter_is_refused)
{
	struct peer_call call = call_to(&srv_routes[_i], "?no_such=1");

	expect(&call, SRV_BAD_PARAMETER);
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
		expect(&call, SRV_BAD_FIELD); /* {}: something is missing */
	call = call_to(route, "");
	call.body = unknown;
	call.body_bytes = sizeof(unknown) - 1;
	expect(&call, SRV_BAD_FIELD);
	call = call_to(route, "");
	call.body = twice;
	call.body_bytes = sizeof(twice) - 1;
	expect(&call, SRV_BAD_JSON);
	call = call_to(route, "");
	call.body = "[]";
	expect(&call, SRV_BAD_JSON);
	call = call_to(route, "");
	call.body = "{\"";
	expect(&call, SRV_BAD_JSON);
}
END_TEST

START_TEST(another_method_is_refused_with_those_allowed)
{
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call = {.method = "PATCH", .path = path_of(route, ""), .token = "admin"};

	expect(&call, SRV_METHOD_NOT_ALLOWED);
	ck_assert_ptr_nonnull(strstr(call.head, "Allow: "));
	ck_assert_ptr_nonnull(strstr(call.head, route->method));
}
END_TEST

START_TEST(a_path_that_is_no_route_is_not_found)
{
	static const char *const paths[] = {"/",
					    "/api/v1",
					    "/api/v1/",
					    "/api/v1/healthy",
					    "/api/v1/health/",
					    "/api/v1/devices/",
					    "/api/v1/devices/a/b",
					    "/api/v1/../v1/health",
					    "/api/v1/devices%00",
					    "//api/v1/health"};
	struct peer_call call = {.method = "GET", .path = paths[_i], .token = "admin"};

	expect(&call, SRV_NOT_FOUND);
}
END_TEST

START_TEST(a_parameter_over_its_limit_is_not_found)
{
	char path[300] = "/api/v1/devices/";
	struct peer_call call = {.method = "GET", .path = path, .token = "admin"};

	memset(path + strlen(path), 'a', 200);
	expect(&call, SRV_NOT_FOUND);
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
	struct peer_call call = {.method = "GET", .path = paths[_i], .token = "admin"};

	expect(&call, SRV_BAD_PARAMETER);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("routes");
	int rows = (int)srv_route_count;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	log_set_level(LOG_LEVEL_ERROR);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, no_token_and_a_wrong_token_are_refused, 0, rows);
	tcase_add_loop_test(t, a_smaller_role_is_refused, 0, rows);
	tcase_add_loop_test(t, a_body_over_the_limit_is_refused, 0, rows);
	tcase_add_loop_test(t, a_wrong_content_type_is_refused, 0, rows);
	tcase_add_loop_test(t, an_unknown_parameter_is_refused, 0, rows);
	tcase_add_loop_test(t, bodies_that_break_the_table_are_refused, 0, rows);
	tcase_add_loop_test(t, another_method_is_refused_with_those_allowed, 0, rows);
	tcase_add_loop_test(t, a_path_that_is_no_route_is_not_found, 0, 10);
	tcase_add_test(t, a_parameter_over_its_limit_is_not_found);
	tcase_add_loop_test(t, parameters_outside_their_bounds_are_refused, 0, 12);
	return suite_run("server/rest/routes", t);
}
