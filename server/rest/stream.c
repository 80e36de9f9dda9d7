#include "server/rest/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "server/config.h"
#include "server/rest/event.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"
#include "server/store/events.h"

enum {
	POLL_MS = 500,   /* between looks for new events */
	BEAT_MS = 15000, /* something is written and the caller looked at again */
	ROWS_AT_ONCE = 200,
	RETRY_AFTER_S = 30
};

const struct srv_field srv_stream_query[] = {
	SRV_EVENT_QUERY,
	{NULL},
};

struct srv_stream {
	atomic_uint *running; /* counted in there */
	bool sse;
	bool over;
	struct srv_event_search search;
	struct buf out; /* not yet taken */
	int64_t next_beat_ms, next_look_ms;
};

void srv_stream_free(struct srv_stream *s)
{
	if (!s)
		return;
	atomic_fetch_sub(s->running, 1);
	buf_release(&s->out);
	free(s);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes json. name: of the server-sent event, NULL for a plain one. */
static int put_line(struct srv_stream *s, const char *name, const char *cursor, json_t *json)
{
	cleanup_free char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int r = 0;

	json_decref(json);
	if (!text)
		return -ENOMEM;
	if (!s->sse)
		return buf_printf(&s->out, "%s\n", text);
	if (name)
		r = buf_printf(&s->out, "event: %s\n", name);
	return r < 0 ? r : buf_printf(&s->out, "id: %s\ndata: %s\n\n", cursor, text);
}

static int put_events(struct srv_stream *s, const struct srv_rows *rows)
{
	char cursor[SRV_CURSOR_TEXT];
	int r = 0;

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++) {
		const struct srv_cursor at = {.epoch = s->search.at.epoch,
					      .xact = (uint64_t)srv_rows_int(rows, i,
									     SRV_EVENT_XACT),
					      .id = srv_rows_int(rows, i, SRV_EVENT_ID)};

		srv_cursor_put(&at, cursor);
		r = put_line(s, NULL, cursor, srv_event_json(at.epoch, rows, i));
	}
	return r;
}

/* Where a client may go on that has seen no event for a while, and whether something holds events back. */
static int put_beat(struct srv_stream *s, const struct srv_event_log *log)
{
	char cursor[SRV_CURSOR_TEXT];

	srv_cursor_put(&s->search.at, cursor);
	return put_line(s, "beat", cursor,
			json_pack("{s:s, s:I}", "next", cursor, "held_s", (json_int_t)log->held_s));
}

static int put_gone(struct srv_stream *s, const struct srv_event_log *log)
{
	char cursor[SRV_CURSOR_TEXT];

	s->over = true;
	srv_cursor_put(&log->oldest, cursor);
	return put_line(s, "gone", cursor,
			json_pack("{s:s, s:s}", "code", srv_problem_code(SRV_CURSOR_GONE), "oldest",
				  cursor));
}

static int look(struct srv_call *call, struct srv_conn *conn, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_stream *s = call->stream;
	struct srv_event_filter filter = srv_event_filter_of(call);
	int r = srv_events_step(conn, &filter, ROWS_AT_ONCE, &s->search, &rows, err);

	if (r == 0)
		r = put_events(s, rows);
	if (s->search.done)
		s->next_look_ms = now_ms() + POLL_MS;
	return r;
}

static int beat(struct srv_call *call, struct srv_conn *conn, struct err *err)
{
	struct srv_stream *s = call->stream;
	struct srv_event_log log;
	int r = srv_events_log(conn, &log, err);

	s->next_beat_ms = now_ms() + BEAT_MS;
	if (r < 0)
		return r;
	return srv_event_log_has(&log, &s->search.at) ? put_beat(s, &log) : put_gone(s, &log);
}

/* The database may be away for a while: the stream ends then, and the client comes back with its cursor. */
static int fill(struct srv_call *call)
{
	struct srv_stream *s = call->stream;
	struct err err = {0};
	bool due = now_ms() >= s->next_beat_ms;

	if (due && !srv_call_check_again(call)) {
		s->over = true;
		return 0;
	}
	struct srv_conn *conn = srv_db_get(call->api->context->db, &err);
	int r = conn ? look(call, conn, &err) : err.code;

	if (r == 0 && due)
		r = beat(call, conn, &err);
	srv_db_put(call->api->context->db, conn);
	if (r < 0)
		log_warn("rest: a stream of events ends: %s",
			 err.text[0] ? err.text : strerror(-r));
	return r;
}

static ssize_t produce(struct srv_request *req, char *bytes, size_t max)
{
	struct srv_call *call = req->state;
	struct srv_stream *s = call->stream;

	if (!s->out.len && !s->over) {
		int64_t wait_ms = s->next_look_ms - now_ms();

		if (wait_ms > 0)
			usleep((useconds_t)wait_ms *
			       1000); /* our own thread; a stop waits so long */
		if (fill(call) < 0)
			s->over = true;
	}
	size_t n = s->out.len < max ? s->out.len : max;

	if (n == 0)
		return s->over ? -1 : 0;
	memcpy(bytes, s->out.data, n);
	buf_consume(&s->out, n);
	return (ssize_t)n;
}

static struct srv_stream *stream_new(struct srv_call *call)
{
	struct srv_stream *s = calloc(1, sizeof(*s));
	const char *accept = call->req->accept;

	if (!s)
		return NULL;
	s->running = call->api->streams;
	s->sse = accept && strstr(accept, "text/event-stream");
	s->next_beat_ms = now_ms() + BEAT_MS;
	call->stream = s;
	if (atomic_fetch_add(s->running, 1) < SRV_STREAMS_MAX)
		return s;
	srv_reply_problem(call->req, SRV_TOO_MANY, "More than %d streams at once.",
			  SRV_STREAMS_MAX);
	call->req->retry_after_s = RETRY_AFTER_S;
	return NULL;
}

/* From the cursor in "after" or Last-Event-ID, or without one from now. A first step proves the filter. */
static int begin(struct srv_call *call, struct srv_stream *s, struct err *err)
{
	const struct srv_value *after = &call->query[SRV_EVENT_QUERY_AFTER];
	const char *cursor = after->given ? after->text : call->req->last_event_id;
	struct srv_event_log log;
	int r = srv_events_log(call->conn, &log, err);

	if (r < 0)
		return r;
	s->search.at = log.now;
	s->search.begun = true;
	if (cursor && !srv_event_cursor(call, &log, cursor, &s->search.at))
		return 0;
	r = look(call, call->conn, err);
	if (r == 0)
		r = put_beat(s, &log);
	if (r == -EINVAL) {
		srv_reply_problem(call->req, SRV_BAD_PARAMETER, "device: is not a UUID.");
		return 0;
	}
	return r;
}

int srv_events_handle_stream(struct srv_call *call, struct err *err)
{
	struct srv_stream *s = stream_new(call);

	if (!s)
		return call->req->status ? 0 : err_set(err, -ENOMEM, "out of memory for a stream");
	int r = begin(call, s, err);

	if (r < 0 || call->req->status)
		return r;
	call->req->status = 200;
	call->req->reply_type = s->sse ? "text/event-stream" : "application/x-ndjson";
	call->req->produce = produce;
	return 0;
}
