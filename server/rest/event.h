/* One event as JSON, filters and cursors as clients give them: for the list and the stream alike. */
#ifndef SERVER_REST_EVENT_H
#define SERVER_REST_EVENT_H

#include <stdbool.h>

#include "server/rest/pages.h"
#include "server/rest/route.h"
#include "server/store/events.h"

/* What a query about events may begin with, in this order. */
enum srv_event_query {
	SRV_EVENT_QUERY_AFTER,
	SRV_EVENT_QUERY_DEVICE,
	SRV_EVENT_QUERY_GROUP,
	SRV_EVENT_QUERY_VM,
	SRV_EVENT_QUERY_RULE,
	SRV_EVENT_QUERY_CLASS,
	SRV_EVENT_QUERY_VERDICT,
	SRV_EVENT_QUERY_USER,
	SRV_EVENT_QUERY_TASK,
	SRV_EVENT_QUERY_OWN, /* the route's own fields from here on */
	SRV_EVENT_WORD_MAX = 64
};
#define SRV_EVENT_WORD(name, length)                  \
	{                                             \
		name, SRV_FIELD_TEXT, .max = (length) \
	}
#define SRV_EVENT_QUERY                                                            \
	[SRV_EVENT_QUERY_AFTER] = SRV_PAGE_AFTER,                                  \
	[SRV_EVENT_QUERY_DEVICE] = SRV_EVENT_WORD("device", SRV_EVENT_WORD_MAX),   \
	[SRV_EVENT_QUERY_GROUP] = SRV_EVENT_WORD("group", SRV_EVENT_WORD_MAX),     \
	[SRV_EVENT_QUERY_VM] = SRV_EVENT_WORD("vm", SRV_EVENT_WORD_MAX),           \
	[SRV_EVENT_QUERY_RULE] = SRV_EVENT_WORD("rule", 2 * SRV_EVENT_WORD_MAX),   \
	[SRV_EVENT_QUERY_CLASS] = SRV_EVENT_WORD("class", SRV_EVENT_WORD_MAX),     \
	[SRV_EVENT_QUERY_VERDICT] = SRV_EVENT_WORD("verdict", SRV_EVENT_WORD_MAX), \
	[SRV_EVENT_QUERY_USER] = SRV_EVENT_WORD("user", SRV_EVENT_WORD_MAX),       \
	[SRV_EVENT_QUERY_TASK] = SRV_EVENT_WORD("task", SRV_EVENT_WORD_MAX)
/* The filter of such a query, in the caller's scope; borrows from the call. */
struct srv_event_filter srv_event_filter_of(const struct srv_call *call);

/* Row i as docs/openapi.yaml has it; NULL: out of memory. */
json_t *srv_event_json(uint64_t epoch, const struct srv_rows *rows, size_t i);
/* Reads a cursor that is good in this log; answers 400 or 410 and gives false otherwise. */
bool srv_event_cursor(struct srv_call *call, const struct srv_event_log *log, const char *text,
		      struct srv_cursor *ret_cursor);

#endif
