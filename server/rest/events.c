#include "server/store/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/log.h"
#include "server/config.h"
#include "server/hub.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"

enum {
	WORD_MAX = 64,
	OBJECT_SHOWN_MAX = 4 * 4096 /* a path of PATH_MAX bytes, each as \xNN */
};

enum query {
	Q_AFTER,
	Q_ORDER,
	Q_LIMIT,
	Q_DEVICE,
	Q_GROUP,
	Q_VM,
	Q_RULE,
	Q_CLASS,
	Q_VERDICT,
	Q_USER,
	Q_TASK
};
const struct srv_field srv_events_query[] = {
	[Q_AFTER] = SRV_PAGE_AFTER,
	[Q_ORDER] = {"order", SRV_FIELD_TEXT, .max = 8, .words = "oldest|newest"},
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_DEVICE] = {"device", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_GROUP] = {"group", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_VM] = {"vm", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_RULE] = {"rule", SRV_FIELD_TEXT, .max = 2 * WORD_MAX},
	[Q_CLASS] = {"class", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_VERDICT] = {"verdict", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_USER] = {"user", SRV_FIELD_TEXT, .max = WORD_MAX},
	[Q_TASK] = {"task", SRV_FIELD_TEXT, .max = WORD_MAX},
	{NULL},
};

/* A path is bytes, JSON text is not: "path" shows what is no UTF-8 as \xNN, and then "path_bytes" has
 * the bytes themselves in Base64. */
static int set_path(json_t *event, const uint8_t *bytes, size_t n)
{
	cleanup_free char *shown = NULL;
	cleanup_buf struct buf text = {0};
	json_t *path = json_stringn((const char *)bytes, n);

	if (path)
		return json_object_set_new(event, "path", path) < 0 ? -ENOMEM : 0;
	shown = malloc(OBJECT_SHOWN_MAX);
	if (!shown || base64_put(&text, bytes, n) < 0)
		return -ENOMEM;
	log_quote(shown, OBJECT_SHOWN_MAX, bytes, n);
	if (json_object_set_new(event, "path", json_string(shown)) < 0 ||
	    json_object_set_new(event, "path_bytes",
				json_stringn((const char *)text.data, text.len)) < 0)
		return -ENOMEM;
	return 0;
}

/* Counts are unsigned on the wire and keep their bits in the database; JSON gets what it can hold. */
static json_int_t count_of(const struct srv_rows *rows, size_t i, size_t column)
{
	int64_t n = srv_rows_int(rows, i, column);

	return n < 0 ? INT64_MAX : n;
}

static void cursor_at(const struct srv_rows *rows, size_t i, char out[SRV_CURSOR_TEXT])
{
	struct srv_cursor cursor = {
		.xact = (uint64_t)srv_rows_int(rows, i, SRV_EVENT_XACT),
		.id = srv_rows_int(rows, i, SRV_EVENT_ID),
	};

	srv_cursor_put(&cursor, out);
}

/* Who and where. */
static json_t *subject_json(const struct srv_rows *rows, size_t i)
{
	char cursor[SRV_CURSOR_TEXT];

	cursor_at(rows, i, cursor);
	return json_pack("{s:I, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "id",
			 (json_int_t)srv_rows_int(rows, i, SRV_EVENT_ID), "cursor", cursor,
			 "device", "id", srv_rows_text(rows, i, SRV_EVENT_DEVICE), "hostname",
			 srv_rows_text(rows, i, SRV_EVENT_HOSTNAME), "group",
			 srv_rows_text(rows, i, SRV_EVENT_GROUP), "user",
			 srv_rows_text(rows, i, SRV_EVENT_USER), "task",
			 srv_rows_text(rows, i, SRV_EVENT_TASK), "vm",
			 srv_rows_text(rows, i, SRV_EVENT_VM), "image",
			 srv_rows_text(rows, i, SRV_EVENT_IMAGE), "program",
			 srv_rows_text(rows, i, SRV_EVENT_PROGRAM), "time",
			 srv_json_time(srv_rows_int(rows, i, SRV_EVENT_WALL_CLOCK_NS) / 1000),
			 "received_at",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_EVENT_RECEIVED)));
}

/* What happened and what was said to it. */
static json_t *access_json(const struct srv_rows *rows, size_t i)
{
	char rip[24];

	snprintf(rip, sizeof(rip), "0x%" PRIx64,
		 (uint64_t)srv_rows_int(rows, i, SRV_EVENT_GUEST_RIP));
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:{s:s, s:I}, s:s, s:s, s:s, s:I, s:I}",
			 "class", srv_rows_text(rows, i, SRV_EVENT_CLASS), "operation",
			 srv_rows_text(rows, i, SRV_EVENT_OPERATION), "verdict",
			 srv_rows_text(rows, i, SRV_EVENT_VERDICT), "audit",
			 srv_rows_bool(rows, i, SRV_EVENT_AUDIT), "rule",
			 srv_rows_text(rows, i, SRV_EVENT_RULE), "policy", "id",
			 srv_rows_text(rows, i, SRV_EVENT_POLICY), "serial",
			 count_of(rows, i, SRV_EVENT_SERIAL), "exit_reason",
			 srv_rows_text(rows, i, SRV_EVENT_EXIT_REASON), "guest_rip", rip,
			 "severity", srv_rows_text(rows, i, SRV_EVENT_SEVERITY), "count",
			 count_of(rows, i, SRV_EVENT_COUNT), "dropped",
			 count_of(rows, i, SRV_EVENT_DROPPED));
}

static json_t *event_json(const struct srv_rows *rows, size_t i)
{
	size_t n;
	const uint8_t *object = srv_rows_bytes(rows, i, SRV_EVENT_OBJECT, &n);
	json_t *event = subject_json(rows, i), *access = access_json(rows, i);

	if (!event || !access || json_object_update(event, access) < 0 ||
	    set_path(event, object, n) < 0) {
		json_decref(event);
		event = NULL;
	}
	json_decref(access);
	return event;
}

static struct srv_event_filter filter_of(const struct srv_call *call)
{
	const struct srv_value *q = call->query;

	return (struct srv_event_filter){
		.scope = call->scope,
		.newest_first = q[Q_ORDER].given && q[Q_ORDER].text[0] == 'n',
		.device = q[Q_DEVICE].text,
		.group = q[Q_GROUP].text,
		.vm = q[Q_VM].text,
		.rule = q[Q_RULE].text,
		.class = q[Q_CLASS].text,
		.verdict = q[Q_VERDICT].text,
		.user = q[Q_USER].text,
		.task = q[Q_TASK].text,
		.limit = srv_page_limit(&q[Q_LIMIT]),
	};
}

static int reply_page(struct srv_call *call, const struct srv_rows *rows, struct err *err)
{
	const struct srv_value *after = &call->query[Q_AFTER];
	char next[SRV_CURSOR_TEXT] = "0-0";
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, event_json(rows, i), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	/* Always a cursor: a reader that has reached the end comes back with it later. */
	if (srv_rows_count(rows))
		cursor_at(rows, srv_rows_count(rows) - 1, next);
	else if (after->given)
		snprintf(next, sizeof(next), "%s", after->text);
	srv_reply_json(call->req, 200, srv_page_json("events", list, next));
	return 0;
}

int srv_events_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *after = &call->query[Q_AFTER];
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_event_filter filter = filter_of(call);
	struct srv_cursor cursor;

	if (after->given && srv_cursor_parse(after->text, &cursor) < 0) {
		srv_page_refuse(call);
		return 0;
	}
	filter.after = after->given ? &cursor : NULL;
	int r = srv_events_list(call->conn, &filter, &rows, err);

	if (r == -EINVAL) {
		srv_reply_problem(call->req, SRV_BAD_PARAMETER, "device: is not a UUID.");
		return 0;
	}
	return r < 0 ? r : reply_page(call, rows, err);
}
