/* /approvals: what waits for a second person, and /four-eyes: whether one is asked for. */
#include "server/store/approvals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "common/log.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"

enum query {
	Q_LIMIT,
	Q_AFTER
};
const struct srv_field srv_approvals_query[] = {
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_AFTER] = SRV_PAGE_AFTER,
	{NULL},
};

enum decision_body {
	D_DECISION,
	D_DIGEST,
	D_REASON
};
const struct srv_field srv_decision_body[] = {
	[D_DECISION] = {"decision", SRV_FIELD_TEXT, true, 1, 16,
			.words = "approve|refuse|review|emergency"},
	[D_DIGEST] = {"digest", SRV_FIELD_TEXT, true, 64, 64},
	[D_REASON] = {"reason", SRV_FIELD_TEXT, .max = 500},
	{NULL},
};

enum eyes_body {
	E_ON
};
const struct srv_field srv_four_eyes_body[] = {
	[E_ON] = {"on", SRV_FIELD_FLAG, true},
	{NULL},
};

enum {
	REASON_MIN = 10 /* bytes that an emergency is told in */
};

static json_t *one_json(const struct srv_rows *rows, size_t i, bool whole)
{
	size_t n;
	const uint8_t *digest = srv_rows_bytes(rows, i, SRV_APPROVAL_COLUMN_DIGEST, &n);
	json_t *json =
		json_pack("{s:s, s:s, s:o, s:s, s:s, s:I, s:s, s:s, s:s, s:o, s:o, s:b, s:s}", "id",
			  srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_ID), "state",
			  srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_STATE), "digest",
			  srv_json_digest(digest, n), "action",
			  srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_ACTION), "object",
			  srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_OBJECT), "devices",
			  (json_int_t)srv_rows_int(rows, i, SRV_APPROVAL_COLUMN_DEVICES), "author",
			  srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_AUTHOR_NAME), "decided_by",
			  srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_DECIDED_BY), "reason",
			  srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_REASON), "made_at",
			  srv_json_time(srv_rows_time_us(rows, i, SRV_APPROVAL_COLUMN_MADE)),
			  "expires",
			  srv_json_time(srv_rows_time_us(rows, i, SRV_APPROVAL_COLUMN_EXPIRES)),
			  "emergency", srv_rows_bool(rows, i, SRV_APPROVAL_COLUMN_EMERGENCY),
			  "reviewed_by", srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_REVIEWED_BY));

	if (json && whole)
		json_object_set_new(json, "request",
				    json_loads(srv_rows_text(rows, i, SRV_APPROVAL_COLUMN_SUMMARY),
					       0, NULL));
	return json;
}

int srv_approvals_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	int64_t limit = srv_page_limit(&q[Q_LIMIT]);
	const char *next = NULL;
	int r = srv_approvals_list(call->conn, NULL, q[Q_AFTER].text, limit, &rows, err);

	if (r == -EINVAL) {
		srv_page_refuse(call);
		return 0;
	}
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, one_json(rows, i, false), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	if ((int64_t)srv_rows_count(rows) == limit)
		next = srv_rows_text(rows, srv_rows_count(rows) - 1, SRV_APPROVAL_COLUMN_ID);
	srv_reply_json(call->req, 200, srv_page_json("approvals", list, next));
	return 0;
}

/* The row of the path; an answer when there is none. Outside a transaction: a bad id ends one. */
static int load(struct srv_call *call, struct srv_rows **ret_rows, struct err *err)
{
	int r = srv_approvals_list(call->conn, call->param, NULL, 1, ret_rows, err);

	if (r < 0 && r != -EINVAL)
		return r;
	if (r == -EINVAL || !srv_rows_count(*ret_rows))
		srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no approval with this id.");
	return 0;
}

int srv_approvals_handle_get(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = load(call, &rows, err);

	if (r == 0 && !call->req->status)
		srv_reply_json(call->req, 200, one_json(rows, 0, true));
	return r;
}

/* ---- deciding ---- */

static bool is_own(const struct srv_call *call, const struct srv_rows *rows)
{
	return !strcmp(srv_rows_text(rows, 0, SRV_APPROVAL_COLUMN_AUTHOR), call->who.person);
}

/* Whether who decides may, and decides what was shown to him; answers when not. */
static bool may_decide(struct srv_call *call, const struct srv_rows *rows)
{
	const struct srv_value *b = call->body;
	bool emergency = !strcmp(b[D_DECISION].text, "emergency");
	uint8_t seen[DIGEST_BYTES];
	size_t n;
	const uint8_t *digest = srv_rows_bytes(rows, 0, SRV_APPROVAL_COLUMN_DIGEST, &n);

	if (digest_parse(b[D_DIGEST].text, seen) < 0 || n != sizeof(seen) ||
	    memcmp(seen, digest, n) != 0)
		srv_reply_problem(call->req, SRV_APPROVAL_VOID,
				  "digest: is not that of this approval. Look again.");
	else if (emergency && !is_own(call, rows))
		srv_reply_problem(call->req, SRV_OWN_REQUEST,
				  "An emergency is declared by who asks, and by name.");
	else if (emergency && b[D_REASON].bytes < REASON_MIN)
		srv_reply_problem(call->req, SRV_BAD_FIELD, "reason: an emergency needs one.");
	else if (!emergency && is_own(call, rows))
		srv_reply_problem(call->req, SRV_OWN_REQUEST,
				  "You asked for this, or the maker of the token that did.");
	else if (!emergency &&
		 !strcmp(srv_rows_text(rows, 0, SRV_APPROVAL_COLUMN_CONCERNS), call->who.person))
		srv_reply_problem(call->req, SRV_OWN_REQUEST, "This is about you.");
	else if (!emergency && !(srv_grants_roles(&call->who.grants) & SRV_ROLE_APPROVER))
		srv_reply_problem(call->req, SRV_FORBIDDEN, "This needs the role approver.");
	return !call->req->status;
}

static int decide(struct srv_call *call, struct err *err)
{
	static const struct {
		const char *word, *state;
	} states[] = {{"approve", "approved"}, {"refuse", "refused"}, {"emergency", "emergency"}};
	const struct srv_value *b = call->body;
	const char *state = NULL;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!strcmp(states[i].word, b[D_DECISION].text))
			state = states[i].state;
	}
	if (!state)
		return srv_approvals_review(call->conn, call->param, call->who.name, err);
	return srv_approvals_decide(call->conn, call->param, state, call->who.person,
				    call->who.name, b[D_REASON].given ? b[D_REASON].text : "", err);
}

/* Looked at before the transaction: the handler needs an id that is one. */
int srv_decision_handle_post(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL, *after = NULL;
	const struct srv_value *b = call->body;
	int r = load(call, &rows, err);

	if (r < 0 || call->req->status || !may_decide(call, rows))
		return r;
	r = decide(call, err);
	if (r == -ENOENT) {
		srv_reply_problem(
			call->req, SRV_APPROVAL_VOID,
			"It was decided, used or is over; or there is nothing to review.");
		return 0;
	}
	if (r == 0)
		r = srv_approvals_list(call->conn, call->param, NULL, 1, &after, err);
	if (r < 0)
		return r;
	if (!strcmp(b[D_DECISION].text, "emergency"))
		log_warn("approvals: emergency id=%s author=%s action=\"%s\"", call->param,
			 call->who.name, srv_rows_text(rows, 0, SRV_APPROVAL_COLUMN_ACTION));
	call->was = one_json(rows, 0, false);
	call->became = one_json(after, 0, false);
	srv_reply_json(call->req, 200, one_json(after, 0, true));
	return 0;
}

/* ---- the switch ---- */

static int reply_switch(struct srv_call *call, struct err *err)
{
	struct srv_four_eyes four = {0};
	int r = srv_four_eyes_get(call->conn, &four, err);

	if (r == 0)
		srv_reply_json(call->req, 200,
			       json_pack("{s:b, s:I}", "on", four.on, "approvers",
					 (json_int_t)four.approvers));
	return r;
}

int srv_four_eyes_handle_get(struct srv_call *call, struct err *err)
{
	return reply_switch(call, err);
}

int srv_four_eyes_handle_put(struct srv_call *call, struct err *err)
{
	bool on = call->body[E_ON].flag;
	struct srv_four_eyes four = {0};
	int r = srv_four_eyes_get(call->conn, &four, err);

	if (r < 0)
		return r;
	if (on && four.approvers < SRV_APPROVERS_NEEDED) {
		srv_reply_problem(call->req, SRV_BAD_FIELD,
				  "on: first %d people must be approvers of all groups.",
				  SRV_APPROVERS_NEEDED);
		return 0;
	}
	call->was = json_pack("{s:b}", "on", four.on);
	call->became = json_pack("{s:b}", "on", on);
	r = srv_four_eyes_set(call->conn, on, err);
	return r < 0 ? r : reply_switch(call, err);
}
