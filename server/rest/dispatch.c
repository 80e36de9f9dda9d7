/* From a request to its handler: every refusal that needs no handler is made here, cheapest first, and
 * who asks is settled before a byte of the body is looked at. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "server/rest/blobs.h"
#include "server/rest/console.h"
#include "server/rest/deed.h"
#include "server/rest/limits.h"
#include "server/rest/metrics.h"
#include "server/rest/origin.h"
#include "server/rest/route.h"
#include "server/rest/stream.h"
#include "server/store/sessions.h"

static const char bearer[] = "Bearer ";

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Counts the request against the row's limit; key says whose it is. Answers and gives false above it. */
static bool is_within_limit(struct srv_call *call, const char *key)
{
	const struct srv_api *api = call->api;

	if (!call->route->per_minute || !api->limits)
		return true;
	unsigned wait_s = srv_limits_take(api->limits, (size_t)(call->route - api->routes), key,
					  call->route->per_minute, now_ms());

	if (!wait_s)
		return true;
	srv_reply_problem(call->req, SRV_TOO_MANY, "At most %u a minute; come back in %u s.",
			  call->route->per_minute, wait_s);
	call->req->retry_after_s = wait_s;
	return false;
}

/* Whether no page of another site can have sent this. Reading is harmless: nobody else's page may see it. */
static bool is_from_here(struct srv_call *call, bool by_cookie)
{
	if (!srv_route_changes(call->route) || srv_origin_is_ours(call->req, by_cookie))
		return true;
	srv_reply_problem(
		call->req, SRV_CROSS_SITE,
		"A change by session needs \"X-Ampoule-Request: 1\" and must come from the "
		"console's own pages.");
	return false;
}

static void refuse_unknown(struct srv_call *call, bool by_cookie, int r, const struct err *err)
{
	if (r != -EACCES)
		srv_reply_failure(call->req, r, err);
	else if (by_cookie)
		srv_reply_problem(call->req, SRV_NOT_SIGNED_IN,
				  "The session is unknown, over or ended. Sign in again.");
	else
		srv_reply_problem(
			call->req, SRV_UNAUTHORIZED,
			"This token is unknown, expired or revoked. Log in with another.");
}

/* Finds out who asks, by the one credential that was sent; answers when nobody known does. */
static bool find_caller(struct srv_call *call)
{
	struct srv_request *req = call->req;
	char cookie[SRV_COOKIE_MAX] = "";
	int cookies = srv_cookie_find(req->cookie, cookie);
	struct err err = {0};
	int r = -EACCES;

	if (cookies && req->authorization) {
		srv_reply_problem(req, SRV_TWO_CREDENTIALS,
				  "Send the cookie or the token, not both.");
	} else if (cookies) {
		if (is_from_here(call, true)) {
			r = cookies > 0 ? call->api->resume(call->api, cookie, &call->who, &err)
					: r;
			if (r < 0)
				refuse_unknown(call, true, r, &err);
		}
	} else if (req->authorization &&
		   !strncasecmp(req->authorization, bearer, sizeof(bearer) - 1)) {
		r = call->api->authenticate(call->api, req->authorization + sizeof(bearer) - 1,
					    &call->who, &err);
		if (r < 0)
			refuse_unknown(call, false, r, &err);
	} else if (call->route->people_only) {
		srv_reply_problem(req, SRV_NOT_SIGNED_IN, "Sign in: POST /api/v1/session.");
	} else {
		srv_reply_problem(
			req, SRV_UNAUTHORIZED,
			"Send \"Authorization: Bearer TOKEN\" with a token made by "
			"\"ampoulectl token new api\", or sign in: POST /api/v1/session.");
	}
	explicit_bzero(cookie, sizeof(cookie));
	return !req->status;
}

/* Whether the caller's roles and their reach are enough; call->scope is what they reach. */
static bool has_role(struct srv_call *call)
{
	const struct srv_route *route = call->route;
	char wanted[160];

	srv_grants_scope(&call->who.grants, route->roles, call->scope);
	srv_route_roles(route, wanted, sizeof(wanted));
	if (route->people_only && !call->who.session[0])
		srv_reply_problem(call->req, SRV_FORBIDDEN,
				  "This is for people who signed in, not for tokens.");
	else if (route->roles & SRV_SIGNED_IN)
		return true;
	else if (!(srv_grants_roles(&call->who.grants) & route->roles))
		srv_reply_problem(call->req, SRV_FORBIDDEN, "This needs one of these roles: %s.",
				  wanted);
	else if (route->reach == SRV_REACH_ALL && !srv_groups_covers(call->scope, SRV_GROUPS_ALL))
		srv_reply_problem(call->req, SRV_FORBIDDEN,
				  "This concerns every group, and your role reaches some only.");
	return !call->req->status;
}

/* The answer is on its way: what a refusal says now goes nowhere, and its status must not be logged. */
bool srv_call_check_again(struct srv_call *call)
{
	int status = call->req->status;

	call->req->status = 0;
	call->who = (struct srv_identity){0};
	bool may = find_caller(call) && has_role(call);

	call->req->status = status;
	return may;
}

/* Whether the caller showed again, a moment ago, who it is, where the row wants that. */
static bool has_proof(struct srv_call *call)
{
	if (!call->route->proof || call->who.proved)
		return true;
	srv_reply_problem(call->req, SRV_PROOF_NEEDED,
			  "Show again who you are, then come back within %d minutes: "
			  "POST /api/v1/session/proof.",
			  SRV_PROOF_S / 60);
	return false;
}

/* Answers and gives false when the caller may not use the route. */
static bool may_call(struct srv_call *call)
{
	if (call->route->roles == SRV_ROLE_NONE)
		return is_within_limit(call, call->req->peer) && is_from_here(call, false);
	return find_caller(call) && has_role(call) && has_proof(call) &&
	       is_within_limit(call, call->who.id);
}

/* "application/json" also when parameters follow (RFC 9110, 8.3.1). */
static bool is_type(const char *have, const char *want)
{
	size_t n = strlen(want);

	return have && !strncasecmp(have, want, n) && strchr("; \t", have[n]);
}

static bool is_body_wanted(struct srv_call *call)
{
	struct srv_request *req = call->req;
	const struct srv_route *route = call->route;
	const char *want = route->begin ? "application/octet-stream" : "application/json";

	if (req->content_bytes != SRV_LENGTH_UNKNOWN && req->content_bytes > route->body_max)
		srv_reply_problem(req, SRV_BODY_TOO_LARGE, "At most %llu bytes are taken here.",
				  (unsigned long long)route->body_max);
	else if (route->body_max && !is_type(req->content_type, want))
		srv_reply_problem(req, SRV_UNSUPPORTED_MEDIA_TYPE,
				  "Send the body as Content-Type %s.", want);
	return !req->status;
}

static bool read_query(struct srv_call *call)
{
	struct srv_request *req = call->req;
	struct err err = {0};

	if (req->query_overflow)
		srv_reply_problem(req, SRV_BAD_PARAMETER, "More than %d parameters.",
				  SRV_QUERY_MAX);
	for (size_t i = 0; i < req->query_count && !req->status; i++) {
		if (srv_fields_read_query(call->route->query, req->query[i].name,
					  req->query[i].value, call->query, &err) < 0)
			srv_reply_problem(req, SRV_BAD_PARAMETER, "%s", err.text);
	}
	return !req->status;
}

static void dispatch_begin(void *context, struct srv_request *req)
{
	const struct srv_api *api = context;
	struct srv_call *call = calloc(1, sizeof(*call));
	enum srv_problem problem = SRV_NOT_FOUND;
	struct err err = {0};

	req->state = call;
	if (!call) {
		srv_reply_problem(req, SRV_INTERNAL, "Out of memory.");
		return;
	}
	call->api = api;
	call->req = req;
	if (req->ambiguous) {
		srv_reply_problem(
			req, SRV_BAD_HEAD,
			"One Content-Length in digits, or Transfer-Encoding: chunked, and "
			"not both.");
		return;
	}
	call->route = srv_route_find(api, req->method, req->path, call->param, &problem, req->allow,
				     sizeof(req->allow));
	if (!call->route && problem == SRV_NOT_FOUND && api->console &&
	    srv_console_owns(req->path)) {
		srv_console_reply(api->console, req);
		return;
	}
	if (!call->route) {
		srv_reply_problem(req, problem,
				  "%s is not part of this API: see docs/openapi.yaml.",
				  problem == SRV_NOT_FOUND ? "This path" : "This method");
		return;
	}
	if (!may_call(call) || !is_body_wanted(call) || !read_query(call))
		return;
	req->body_max = call->route->body_max;
	int r = call->route->begin ? call->route->begin(call, &err) : 0;

	if (r < 0)
		srv_reply_failure(req, r, &err);
}

/* JSON text to call->body. NUL in strings, duplicate keys and trailing bytes are refused by jansson. */
static bool read_body(struct srv_call *call)
{
	struct srv_request *req = call->req;
	json_error_t where;
	struct err err = {0};

	if (!call->route->body)
		return true;
	call->json = json_loadb((const char *)req->body.data, req->body.len, JSON_REJECT_DUPLICATES,
				&where);
	if (!call->json) {
		char text[200];

		srv_reply_problem(req, SRV_BAD_JSON, "Line %d, column %d: %s.", where.line,
				  where.column,
				  log_quote(text, sizeof(text), where.text, strlen(where.text)));
		return false;
	}
	int r = srv_fields_read(call->route->body, call->json, call->body, &err);

	if (r == -EINVAL)
		srv_reply_problem(req, SRV_BAD_JSON, "%s", err.text);
	else if (r < 0)
		srv_reply_problem(req, SRV_BAD_FIELD, "%s", err.text);
	return r == 0;
}

static void dispatch_finish(void *context, struct srv_request *req)
{
	struct srv_call *call = req->state;
	struct err err = {0};
	int r = 0;

	(void)context;
	if (!read_body(call))
		return;
	if (call->route->prepare)
		r = call->route->prepare(call, &err);
	if (r == 0 && !req->status) {
		if (call->route->roles == SRV_ROLE_NONE)
			r = call->route->handle(call, &err);
		else
			r = srv_deed_do(call, &err);
	}
	if (r < 0)
		srv_reply_failure(req, r, &err);
}

static void dispatch_too_large(void *context, struct srv_request *req)
{
	(void)context;
	if (!req->status)
		srv_reply_problem(req, SRV_BODY_TOO_LARGE, "At most %llu bytes are taken here.",
				  (unsigned long long)req->body_max);
}

static void dispatch_end(void *context, struct srv_request *req)
{
	struct srv_call *call = req->state;

	(void)context;
	if (!call)
		return;
	if (call->api->metrics)
		srv_metrics_count(call->api->metrics, call->api, call->route, req->status,
				  req->problem, now_ms() - req->started_ms);
	if (call->route)
		srv_deed_audit_refused(call);
	if (call->prepared)
		explicit_bzero(call->prepared, call->prepared_bytes);
	free(call->prepared);
	free(call->eyes.devices);
	json_decref(call->was);
	json_decref(call->became);
	json_decref(call->json);
	srv_upload_free(call->upload);
	srv_stream_free(call->stream);
	free(call);
	req->state = NULL;
}

const struct srv_http_ops srv_dispatch = {
	.begin = dispatch_begin,
	.finish = dispatch_finish,
	.too_large = dispatch_too_large,
	.end = dispatch_end,
};
