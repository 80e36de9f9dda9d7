/* /audit: what admins did and were refused to do, and whether the log is whole. */
#include "server/audit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"
#include "server/store/audit.h"

enum {
	WORD_MAX = 127
};

enum query {
	Q_AFTER,
	Q_ORDER,
	Q_LIMIT,
	Q_ACTOR,
	Q_ACTION,
	Q_OUTCOME
};
const struct srv_field srv_audit_query[] = {
	[Q_AFTER] = SRV_PAGE_AFTER,
	[Q_ORDER] = {"order", SRV_FIELD_TEXT, .max = 8, .words = "oldest|newest"},
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_ACTOR] = {"actor", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_ACTION] = {"action", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_OUTCOME] = {"outcome", SRV_FIELD_TEXT, .max = 8, .words = "done|refused|failed"},
	{NULL},
};

enum verify_query {
	V_SEQUENCE,
	V_MAC
};
const struct srv_field srv_audit_verify_query[] = {
	[V_SEQUENCE] = {"sequence", SRV_FIELD_NUMBER, .min = 1, .max = INT64_MAX},
	[V_MAC] = {"mac", SRV_FIELD_TEXT, .min = DIGEST_HEX - 1, .max = DIGEST_HEX - 1},
	{NULL},
};

/* JSON that is kept as text; null when there is none. */
static json_t *kept_json(const struct srv_rows *rows, size_t i, size_t column)
{
	const char *text = srv_rows_text(rows, i, column);
	json_t *json = text[0] ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return json ? json : json_null();
}

static json_t *row_json(const struct srv_rows *rows, size_t i)
{
	return json_pack(
		"{s:I, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "id",
		(json_int_t)srv_rows_int(rows, i, SRV_AUDIT_ID), "at",
		srv_json_time(srv_rows_time_us(rows, i, SRV_AUDIT_AT)), "actor",
		srv_rows_text(rows, i, SRV_AUDIT_ACTOR), "person",
		srv_rows_text(rows, i, SRV_AUDIT_PERSON), "token",
		srv_rows_text(rows, i, SRV_AUDIT_TOKEN), "session",
		srv_rows_text(rows, i, SRV_AUDIT_SESSION), "address",
		srv_rows_text(rows, i, SRV_AUDIT_ADDRESS), "request",
		srv_rows_text(rows, i, SRV_AUDIT_REQUEST), "action",
		srv_rows_text(rows, i, SRV_AUDIT_ACTION), "object",
		srv_rows_text(rows, i, SRV_AUDIT_OBJECT), "outcome",
		srv_rows_text(rows, i, SRV_AUDIT_OUTCOME), "code",
		srv_rows_text(rows, i, SRV_AUDIT_CODE), "count",
		(json_int_t)srv_rows_int(rows, i, SRV_AUDIT_COUNT), "was",
		kept_json(rows, i, SRV_AUDIT_WAS), "became", kept_json(rows, i, SRV_AUDIT_BECAME));
}

static int reply_page(struct srv_call *call, const struct srv_rows *rows, struct err *err)
{
	const struct srv_value *after = &call->query[Q_AFTER];
	char next[SRV_CURSOR_TEXT] = "0-0";
	size_t n = srv_rows_count(rows);
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = srv_page_add(list, row_json(rows, i), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	if (n) {
		struct srv_cursor cursor = {
			.xact = (uint64_t)srv_rows_int(rows, n - 1, SRV_AUDIT_XACT),
			.id = srv_rows_int(rows, n - 1, SRV_AUDIT_ID),
		};

		srv_cursor_put(&cursor, next);
	} else if (after->given) {
		snprintf(next, sizeof(next), "%s", after->text);
	}
	srv_reply_json(call->req, 200, srv_page_json("audit", list, next));
	return 0;
}

int srv_audit_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_cursor cursor;
	struct srv_audit_filter filter = {
		.newest_first = q[Q_ORDER].given && q[Q_ORDER].text[0] == 'n',
		.actor = q[Q_ACTOR].text,
		.action = q[Q_ACTION].text,
		.outcome = q[Q_OUTCOME].text,
		.limit = srv_page_limit(&q[Q_LIMIT]),
	};

	if (q[Q_AFTER].given && srv_cursor_parse(q[Q_AFTER].text, &cursor) < 0) {
		srv_page_refuse(call);
		return 0;
	}
	filter.after = q[Q_AFTER].given ? &cursor : NULL;
	int r = srv_audit_list(call->conn, &filter, &rows, err);

	return r < 0 ? r : reply_page(call, rows, err);
}

/* With "sequence" and "mac" the chain must also have that head, which the caller has seen before. */
int srv_audit_handle_verify(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	struct srv_chain_head seen = {.sequence = q[V_SEQUENCE].number};
	struct srv_chain_report report;

	if (q[V_SEQUENCE].given != q[V_MAC].given ||
	    (q[V_MAC].given && digest_parse(q[V_MAC].text, seen.mac) < 0)) {
		srv_reply_problem(call->req, SRV_BAD_PARAMETER,
				  "sequence and mac come together, mac as 64 hex digits.");
		return 0;
	}
	int r = srv_audit_verify(call->api->context->audit, call->conn, &seen, &report, err);

	if (r == 0)
		srv_reply_json(call->req, 200,
			       json_pack("{s:b, s:I, s:I, s:{s:I, s:o}, s:I, s:s}", "intact",
					 report.intact, "rows", (json_int_t)report.rows, "waiting",
					 (json_int_t)report.waiting, "head", "sequence",
					 (json_int_t)report.head.sequence, "mac",
					 srv_json_digest(report.head.mac, SRV_CHAIN_MAC),
					 "sequence", (json_int_t)report.sequence, "finding",
					 report.finding));
	return r;
}
