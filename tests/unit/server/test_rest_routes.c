/* Walks the one route table over real HTTPS, with real people and tokens in a real database: whatever a row
 * promises to refuse is sent to it. What is of other groups, and docs/access.md: test_rest_matrix.c. */
#include <errno.h>
#include <inttypes.h>

#include "tests/support/suite.h"
#include "tests/unit/server/access_table.h"

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

START_TEST(who_did_not_show_again_who_it_is_is_refused)
{
	static const char *const shown[] = {"NULL", "now() - interval '301 seconds'"};
	const struct srv_route *route = &srv_routes[_i];
	struct peer_call call;

	for (size_t i = 0; route->proof && i < sizeof(shown) / sizeof(shown[0]); i++) {
		access_sql("UPDATE sessions SET proved_at = %s", shown[i]);
		call = call_to(route, "");
		access_refused(&call, SRV_PROOF_NEEDED);
	}
	access_sql("UPDATE sessions SET proved_at = now()");
	call = call_to(route, "?no_such=1");
	access_refused(&call, SRV_BAD_PARAMETER);
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
	tcase_add_loop_test(t, who_did_not_show_again_who_it_is_is_refused, 0, rows);
	tcase_add_loop_test(t, a_role_for_some_groups_is_refused_what_concerns_all, 0, rows);
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
	return suite_run("server/rest/routes", t);
}
