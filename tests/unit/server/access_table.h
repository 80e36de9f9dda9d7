/* For tests that walk the one route table: people, tokens and things of two groups, and calls that a row takes as far
 * as the refusals before handlers go. */
#ifndef TESTS_UNIT_SERVER_ACCESS_TABLE_H
#define TESTS_UNIT_SERVER_ACCESS_TABLE_H

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
static inline void setup(void)
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
static inline const char *path_of(const struct srv_route *route, const char *query)
{
	static char path[300];
	size_t head = strcspn(route->path, "{");
	const char *close = strchr(route->path, '}');

	snprintf(path, sizeof(path), "%.*s%s%s%s", (int)head, route->path, close ? GHOST : "",
		 close ? close + 1 : "", query);
	return path;
}

/* Somebody whom the row lets through; "" for a row that asks nobody. */
static inline const char *caller_for(const struct srv_route *route)
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
static inline void add_body(struct peer_call *call, const struct srv_route *route)
{
	if (!route->body_max)
		return;
	call->content_type = route->begin ? "application/octet-stream" : "application/json";
	call->body = "{}";
	call->body_bytes = 2;
}

/* A call that this route would take, as far as the refusals before handlers go. */
static inline struct peer_call call_to(const struct srv_route *route, const char *query)
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

#endif
