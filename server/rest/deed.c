#include "server/rest/deed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/audit.h"
#include "server/config.h"
#include "server/db.h"
#include "server/rest/repeat.h"

static void fill_entry(const struct srv_call *call, char action[SRV_AUDIT_TEXT_MAX],
		       struct srv_audit_entry *out)
{
	snprintf(action, SRV_AUDIT_TEXT_MAX, "%s %s", call->route->method, call->route->path);
	*out = (struct srv_audit_entry){
		.actor = call->who.name,
		.person = call->who.person,
		.token = call->who.token,
		.session = call->who.session,
		.address = call->req->peer,
		.request = call->req->id,
		.action = action,
		.object = call->object[0] ? call->object : call->param,
	};
}

static int audit_done(struct srv_call *call, struct err *err)
{
	char action[SRV_AUDIT_TEXT_MAX];
	char *was = call->was ? json_dumps(call->was, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	char *became =
		call->became ? json_dumps(call->became, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	struct srv_audit_entry entry;

	fill_entry(call, action, &entry);
	entry.outcome = "done";
	entry.was = was;
	entry.became = became;
	int r = srv_audit_add(call->conn, &entry, err);

	free(was);
	free(became);
	return r;
}

/* Whether the thing is still what the client saw. What is not there is the handler's to answer: it says the same
 * for what is not the caller's. Inside the transaction; current() has locked the thing. */
static int check_version(struct srv_call *call, struct err *err)
{
	char etag[SRV_ETAG_TEXT] = "";
	const char *seen = call->req->if_match;

	if (!seen)
		return 0;
	int r = call->route->current ? call->route->current(call, etag, err) : 0;

	if (r == 0 && (etag[0] || !call->route->current) && !srv_etag_matches(seen, etag))
		srv_reply_problem(
			call->req, SRV_STALE,
			"If-Match does not have what is there now%s%s. Look again, then decide.",
			etag[0] ? ": " : "", etag);
	return r;
}

/* Precondition, handler and audit row. */
static int do_once(struct srv_call *call, struct err *err)
{
	int r = check_version(call, err);

	if (r == 0 && !call->req->status)
		r = call->route->handle(call, err);
	if (r == 0 && call->req->status < 400)
		r = audit_done(call, err);
	return r;
}

/* All of it or nothing. */
static int change(struct srv_call *call, struct err *err)
{
	bool kept = srv_repeat_is_wanted(call);

	if (call->req->status)
		return 0;
	int r = srv_begin(call->conn, err);

	if (r == 0 && kept)
		r = srv_repeat_begin(call, err);
	call->again = r == 0 && call->req->status;
	if (r == 0 && !call->again)
		r = do_once(call, err);
	bool done = r == 0 && !call->again && call->req->status < 400;

	if (done && kept)
		r = srv_repeat_keep(call, err);
	if (done && r == 0)
		r = srv_commit(call->conn, err);
	if (!done || r < 0)
		srv_rollback(call->conn);
	return r;
}

/* An answer with the tag of what it shows; 304 when the client has it already (RFC 9110, 13.1.2). */
static int look(struct srv_call *call, struct err *err)
{
	struct srv_request *req = call->req;
	int r = call->route->handle(call, err);

	if (r < 0 || req->status != 200 || !call->route->current)
		return r;
	r = call->route->current(call, req->etag, err);
	if (r == 0 && req->if_none_match && srv_etag_matches(req->if_none_match, req->etag)) {
		srv_reply_none(req);
		req->status = 304;
	}
	return r;
}

int srv_deed_do(struct srv_call *call, struct err *err)
{
	struct srv_db *db = call->api->context->db;

	call->conn = srv_db_get(db, err);
	if (!call->conn)
		return err->code;
	int r = srv_route_changes(call->route) ? change(call, err) : look(call, err);

	srv_db_put(db, call->conn);
	call->conn = NULL;
	return r;
}

void srv_deed_audit_refused(const struct srv_call *call)
{
	char action[SRV_AUDIT_TEXT_MAX];
	struct srv_audit_entry entry;
	int status = call->req->status;

	if (status < 400 || (status != 403 && !srv_route_changes(call->route)))
		return;
	fill_entry(call, action, &entry);
	entry.outcome = status < 500 ? "refused" : "failed";
	entry.code = call->req->problem;
	srv_audit_refuse(call->api->context->audit, &entry);
}
