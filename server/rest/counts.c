/* GET /event-counts: how many events, by time or by what they have in common, from the counts per minute. */
#include <errno.h>

#include "server/rest/handlers.h"
#include "server/rest/pages.h"
#include "server/store/events.h"

enum {
	WORD_MAX = 64,
	STEP_MIN_S = 60,
	STEP_MAX_S = 7 * 86400,
	STEP_S = 3600
};

enum query {
	Q_BY,
	Q_SINCE,
	Q_UNTIL,
	Q_STEP,
	Q_GROUP,
	Q_RULE,
	Q_CLASS,
	Q_VERDICT,
	Q_LIMIT
};
const struct srv_field srv_counts_query[] = {
	[Q_BY] = {"by", SRV_FIELD_TEXT, .max = 8,
		  .words = "time|group|class|verdict|severity|rule|task"},
	[Q_SINCE] = {"since", SRV_FIELD_TEXT, .min = 1, .max = WORD_MAX},
	[Q_UNTIL] = {"until", SRV_FIELD_TEXT, .min = 1, .max = WORD_MAX},
	[Q_STEP] = {"step_s", SRV_FIELD_NUMBER, .min = STEP_MIN_S, .max = STEP_MAX_S},
	[Q_GROUP] = {"group", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_RULE] = {"rule", SRV_FIELD_TEXT, .max = 2 * WORD_MAX},
	[Q_CLASS] = {"class", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_VERDICT] = {"verdict", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	{NULL},
};

static int reply(struct srv_call *call, const char *by, const struct srv_rows *rows,
		 struct err *err)
{
	json_t *list = json_array();
	int r = list ? 0 : err_set(err, -ENOMEM, "out of memory for a list");

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list,
				 json_pack("{s:s, s:I, s:I}", "key", srv_rows_text(rows, i, 0),
					   "events", (json_int_t)srv_rows_int(rows, i, 1), "total",
					   (json_int_t)srv_rows_int(rows, i, 2)),
				 err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	srv_reply_json(call->req, 200, json_pack("{s:s, s:o}", "by", by, "counts", list));
	return 0;
}

int srv_counts_handle_get(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	const struct srv_count_filter filter = {
		.scope = call->scope,
		.by = q[Q_BY].given ? q[Q_BY].text : "time",
		.since = q[Q_SINCE].text,
		.until = q[Q_UNTIL].text,
		.step_s = q[Q_STEP].given ? q[Q_STEP].number : STEP_S,
		.group = q[Q_GROUP].text,
		.rule = q[Q_RULE].text,
		.class = q[Q_CLASS].text,
		.verdict = q[Q_VERDICT].text,
		.limit = srv_page_limit(&q[Q_LIMIT]),
	};
	int r = srv_events_count(call->conn, &filter, &rows, err);

	if (r == -EINVAL) {
		srv_reply_problem(call->req, SRV_BAD_PARAMETER,
				  "since, until: write them like 2026-11-23T00:00:00Z.");
		return 0;
	}
	return r < 0 ? r : reply(call, filter.by, rows, err);
}
