#include "server/rest/event.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/log.h"

enum {
	OBJECT_SHOWN_MAX = 4 * 4096 /* a path of PATH_MAX bytes, each as \xNN */
};

struct srv_event_filter srv_event_filter_of(const struct srv_call *call)
{
	const struct srv_value *q = call->query;

	return (struct srv_event_filter){
		.scope = call->scope,
		.device = q[SRV_EVENT_QUERY_DEVICE].text,
		.group = q[SRV_EVENT_QUERY_GROUP].text,
		.vm = q[SRV_EVENT_QUERY_VM].text,
		.rule = q[SRV_EVENT_QUERY_RULE].text,
		.class = q[SRV_EVENT_QUERY_CLASS].text,
		.verdict = q[SRV_EVENT_QUERY_VERDICT].text,
		.user = q[SRV_EVENT_QUERY_USER].text,
		.task = q[SRV_EVENT_QUERY_TASK].text,
	};
}

bool srv_event_cursor(struct srv_call *call, const struct srv_event_log *log, const char *text,
		      struct srv_cursor *ret_cursor)
{
	char oldest[SRV_CURSOR_TEXT];
	struct srv_cursor cursor;

	if (srv_cursor_parse(text, &cursor) < 0) {
		srv_page_refuse(call);
		return false;
	}
	if (!srv_event_log_has(log, &cursor)) {
		srv_cursor_put(&log->oldest, oldest);
		srv_reply_problem(call->req, SRV_CURSOR_GONE,
				  "Events behind this cursor are gone; the oldest one is %s.",
				  oldest);
		return false;
	}
	*ret_cursor = cursor;
	return true;
}

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

static void cursor_at(uint64_t epoch, const struct srv_rows *rows, size_t i,
		      char out[SRV_CURSOR_TEXT])
{
	struct srv_cursor cursor = {
		.epoch = epoch,
		.xact = (uint64_t)srv_rows_int(rows, i, SRV_EVENT_XACT),
		.id = srv_rows_int(rows, i, SRV_EVENT_ID),
	};

	srv_cursor_put(&cursor, out);
}

/* Who and where. */
static json_t *subject_json(uint64_t epoch, const struct srv_rows *rows, size_t i)
{
	char cursor[SRV_CURSOR_TEXT];

	cursor_at(epoch, rows, i, cursor);
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

json_t *srv_event_json(uint64_t epoch, const struct srv_rows *rows, size_t i)
{
	size_t n;
	const uint8_t *object = srv_rows_bytes(rows, i, SRV_EVENT_OBJECT, &n);
	json_t *event = subject_json(epoch, rows, i), *access = access_json(rows, i);

	if (!event || !access || json_object_update(event, access) < 0 ||
	    set_path(event, object, n) < 0) {
		json_decref(event);
		event = NULL;
	}
	json_decref(access);
	return event;
}
