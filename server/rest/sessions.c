/* /sessions: one's own; for an admin of every group everybody's. */
#include "server/store/sessions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/rest/handlers.h"
#include "server/rest/pages.h"

enum query {
	Q_LIMIT,
	Q_AFTER
};
const struct srv_field srv_sessions_query[] = {
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_AFTER] = SRV_PAGE_AFTER,
	{NULL},
};

/* Whose sessions the caller may see and end; NULL = everybody's. */
static const char *whose(const struct srv_call *call)
{
	char scope[SRV_SCOPE_TEXT];

	srv_grants_scope(&call->who.grants, SRV_ROLE_ADMIN, scope);
	return srv_groups_covers(scope, SRV_GROUPS_ALL) ? NULL : call->who.person;
}

static json_t *one_json(const struct srv_call *call, const struct srv_rows *rows, size_t i)
{
	const char *id = srv_rows_text(rows, i, SRV_SESSION_COLUMN_ID);

	return json_pack("{s:s, s:{s:s, s:s}, s:b, s:o, s:o, s:o, s:s, s:s}", "id", id, "person",
			 "id", srv_rows_text(rows, i, SRV_SESSION_COLUMN_PERSON), "name",
			 srv_rows_text(rows, i, SRV_SESSION_COLUMN_NAME), "current",
			 !strcmp(id, call->who.session), "created_at",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_SESSION_COLUMN_CREATED)),
			 "seen_at",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_SESSION_COLUMN_SEEN)),
			 "expires",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_SESSION_COLUMN_EXPIRES)),
			 "address", srv_rows_text(rows, i, SRV_SESSION_COLUMN_ADDRESS), "agent",
			 srv_rows_text(rows, i, SRV_SESSION_COLUMN_AGENT));
}

int srv_sessions_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	int64_t limit = srv_page_limit(&q[Q_LIMIT]);
	const char *next = NULL;
	int r = srv_sessions_list(call->conn, whose(call), q[Q_AFTER].text, limit, &rows, err);

	if (r == -EINVAL) {
		srv_page_refuse(call);
		return 0;
	}
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, one_json(call, rows, i), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	if ((int64_t)srv_rows_count(rows) == limit)
		next = srv_rows_text(rows, srv_rows_count(rows) - 1, SRV_SESSION_COLUMN_ID);
	srv_reply_json(call->req, 200, srv_page_json("sessions", list, next));
	return 0;
}

int srv_sessions_handle_delete(struct srv_call *call, struct err *err)
{
	int r = srv_sessions_end(call->conn, call->param, whose(call), err);

	if (r == -ENOENT || r == -EINVAL)
		srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no session with this id.");
	else if (r < 0)
		return r;
	else
		srv_reply_none(call->req);
	return 0;
}
