/* From a request to its handler: every refusal that needs no handler is made here, cheapest first, and
 * who asks is settled before a byte of the body is looked at. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/config.h"
#include "server/db.h"
#include "server/rest/blobs.h"
#include "server/rest/console.h"
#include "server/rest/route.h"

static const char bearer[] = "Bearer ";

/* Answers and gives false when the caller may not use the route. */
static bool may_call(struct srv_call *call)
{
	struct srv_request *req = call->req;
	struct err err = {0};

	if (call->route->role == SRV_ROLE_NONE)
		return true;
	if (!req->authorization || strncasecmp(req->authorization, bearer, sizeof(bearer) - 1)) {
		srv_reply_problem(req, SRV_UNAUTHORIZED,
				  "Send \"Authorization: Bearer TOKEN\" with a token made by "
				  "\"ampoulectl token new api\" or by the server's setup.");
		return false;
	}
	int r = call->api->authenticate(call->api, req->authorization + sizeof(bearer) - 1,
					&call->who, &err);

	if (r == -EACCES)
		srv_reply_problem(
			req, SRV_UNAUTHORIZED,
			"This token is unknown, expired or revoked. Log in with another.");
	else if (r < 0)
		srv_reply_failure(req, r, &err);
	else if (call->who.role < call->route->role)
		srv_reply_problem(req, SRV_FORBIDDEN,
				  "This needs the role \"%s\"; yours is \"%s\".",
				  srv_role_name(call->route->role), srv_role_name(call->who.role));
	return !req->status;
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
	struct srv_call *call;
	enum srv_problem problem = SRV_NOT_FOUND;
	struct err err = {0};

	if (api->console && srv_console_owns(req->path)) {
		srv_console_reply(api->console, req);
		return;
	}
	call = calloc(1, sizeof(*call));
	req->state = call;
	if (!call) {
		srv_reply_problem(req, SRV_INTERNAL, "Out of memory.");
		return;
	}
	call->api = api;
	call->req = req;
	call->route = srv_route_find(api, req->method, req->path, call->param, &problem, req->allow,
				     sizeof(req->allow));
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
	const struct srv_api *api = context;
	struct srv_call *call = req->state;
	struct err err = {0};
	int r;

	if (!read_body(call))
		return;
	if (call->route->role != SRV_ROLE_NONE) {
		call->conn = srv_db_get(api->context->db, &err);
		if (!call->conn) {
			srv_reply_failure(req, err.code, &err);
			return;
		}
	}
	r = call->route->handle(call, &err);
	srv_db_put(api->context->db, call->conn);
	call->conn = NULL;
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
	json_decref(call->json);
	srv_upload_free(call->upload);
	free(call);
	req->state = NULL;
}

const struct srv_http_ops srv_dispatch = {
	.begin = dispatch_begin,
	.finish = dispatch_finish,
	.too_large = dispatch_too_large,
	.end = dispatch_end,
};
