#include "server/store/events.h"

#include <errno.h>
#include <time.h>

#include "server/rest/event.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"

enum {
	SEARCH_MS = 2000 /* then the page is what was found by then */
};

enum query {
	Q_ORDER = SRV_EVENT_QUERY_OWN,
	Q_LIMIT
};
const struct srv_field srv_events_query[] = {
	SRV_EVENT_QUERY,
	[Q_ORDER] = {"order", SRV_FIELD_TEXT, .max = 8, .words = "oldest|newest"},
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	{NULL},
};

static struct srv_event_filter filter_of(const struct srv_call *call)
{
	const struct srv_value *order = &call->query[Q_ORDER];
	struct srv_event_filter filter = srv_event_filter_of(call);

	filter.newest_first = order->given && order->text[0] == 'n';
	return filter;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Steps until the page is full, everything was looked at, or the time is over: a filter that no index knows may
 * match one event in millions. */
static int search_page(struct srv_call *call, const struct srv_event_filter *filter,
		       struct srv_event_search *search, json_t *list, struct err *err)
{
	int64_t limit = srv_page_limit(&call->query[Q_LIMIT]), until_ms = now_ms() + SEARCH_MS;
	int r = 0;

	while (r == 0 && !search->done && (int64_t)json_array_size(list) < limit &&
	       now_ms() < until_ms) {
		cleanup_rows struct srv_rows *rows = NULL;

		r = srv_events_step(call->conn, filter, limit - (int64_t)json_array_size(list),
				    search, &rows, err);
		for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
			r = srv_page_add(list, srv_event_json(search->at.epoch, rows, i), err);
	}
	return r;
}

/* Always a cursor: a reader that has reached the end comes back with it later. */
static void reply_page(struct srv_call *call, const struct srv_event_log *log,
		       const struct srv_event_search *search, json_t *list)
{
	char next[SRV_CURSOR_TEXT];
	bool early = !search->done &&
		     (int64_t)json_array_size(list) < srv_page_limit(&call->query[Q_LIMIT]);

	srv_cursor_put(&search->at, next);
	srv_reply_json(call->req, 200,
		       json_pack("{s:o, s:s, s:o, s:I}", "events", list, "next", next,
				 "searched_to", srv_json_time(early ? search->searched_to_us : 0),
				 "held_s", (json_int_t)log->held_s));
}

int srv_events_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *after = &call->query[SRV_EVENT_QUERY_AFTER];
	struct srv_event_filter filter = filter_of(call);
	struct srv_event_search search = {0};
	struct srv_event_log log;
	int r = srv_events_log(call->conn, &log, err);

	if (r < 0)
		return r;
	search.at.epoch = log.epoch;
	if (after->given && !srv_event_cursor(call, &log, after->text, &search.at))
		return 0;
	search.begun = after->given;
	json_t *list = json_array();

	if (!list)
		return err_set(err, -ENOMEM, "out of memory for a list");
	r = search_page(call, &filter, &search, list, err);
	if (r == 0) {
		reply_page(call, &log, &search, list);
		return 0;
	}
	json_decref(list);
	if (r == -EINVAL)
		srv_reply_problem(call->req, SRV_BAD_PARAMETER, "device: is not a UUID.");
	return r == -EINVAL ? 0 : r;
}
