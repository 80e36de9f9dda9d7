#include "server/store/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/role.h"
#include "server/store/scope.h"

static const char *parse_digits(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n) || n > max)
			return NULL;
	}
	*ret = n;
	return at == text ? NULL : at;
}

int srv_cursor_parse(const char *text, struct srv_cursor *out)
{
	uint64_t epoch, xact, id;
	const char *at = parse_digits(text, INT64_MAX, &epoch);

	if (!at || *at != '-')
		return -EINVAL;
	at = parse_digits(at + 1, UINT64_MAX, &xact);
	if (!at || *at != '-')
		return -EINVAL;
	at = parse_digits(at + 1, INT64_MAX, &id);
	if (!at || *at)
		return -EINVAL;
	*out = (struct srv_cursor){.epoch = epoch, .xact = xact, .id = (int64_t)id};
	return 0;
}

void srv_cursor_put(const struct srv_cursor *cursor, char out[SRV_CURSOR_TEXT])
{
	snprintf(out, SRV_CURSOR_TEXT, "%" PRIu64 "-%" PRIu64 "-%" PRId64, cursor->epoch,
		 cursor->xact, cursor->id);
}

#define READABLE "e.xact < pg_snapshot_xmin(pg_current_snapshot()) "

int srv_events_log(struct srv_conn *conn, struct srv_event_log *out, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT epoch, gone_xact, gone_id, "
			  "pg_snapshot_xmin(pg_current_snapshot()), coalesce("
			  "(SELECT extract(epoch FROM clock_timestamp() - e.received_at) FROM "
			  "events e WHERE NOT "
			  "(" READABLE
			  ") ORDER BY e.xact, e.id LIMIT 1), 0)::bigint FROM event_log");

	if (r < 0)
		return r;
	if (srv_rows_count(rows) != 1)
		return err_set(err, -EIO, "event_log has no row");
	uint64_t epoch = (uint64_t)srv_rows_int(rows, 0, 0);

	*out = (struct srv_event_log){
		.epoch = epoch,
		.oldest = {epoch, (uint64_t)srv_rows_int(rows, 0, 1), srv_rows_int(rows, 0, 2)},
		.now = {epoch, (uint64_t)srv_rows_int(rows, 0, 3) - 1, INT64_MAX},
		.held_s = srv_rows_int(rows, 0, 4),
	};
	return 0;
}

static bool is_before(const struct srv_cursor *a, const struct srv_cursor *b)
{
	return a->xact < b->xact || (a->xact == b->xact && a->id < b->id);
}

bool srv_event_log_has(const struct srv_event_log *log, const struct srv_cursor *cursor)
{
	static const struct srv_cursor first = {0};

	/* Who begins at the first event there is has missed nothing. */
	return cursor->epoch == log->epoch &&
	       (!is_before(cursor, &log->oldest) || !is_before(&first, cursor));
}

#define FILTERED                                                                         \
	"FROM events e WHERE " READABLE "AND ($3::uuid IS NULL OR e.device = $3::uuid) " \
	"AND ($4::text IS NULL OR e.group_name = $4) AND ($5::text IS NULL OR e.rule = $5) "

#define SELECT_EVENTS                                                                              \
	"SELECT e.xact, e.id, e.received_at, e.device::text, coalesce(d.hostname, ''), "           \
	"e.group_name, e.wall_clock_ns, e.vm, e.task, e.user_name, e.class, e.operation, "         \
	"e.object, e.verdict, e.audit, e.severity, e.policy_id, e.serial, e.rule, e.exit_reason, " \
	"e.guest_rip, e.count, e.dropped, e.image, e.program FROM (SELECT * " FILTERED             \
	"AND ($6::text IS NULL OR e.vm = $6) AND ($7::text IS NULL OR e.class = $7) "              \
	"AND ($8::text IS NULL OR e.verdict = $8) AND ($9::text IS NULL OR e.user_name = $9) "     \
	"AND ($10::text IS NULL OR e.task = $10) AND " SRV_IN_SCOPE("e.group_name", "$11")

/* The place of the last row that one step looks at; none: everything is within a step. */
#define SELECT_END "SELECT e.xact, e.id, e.received_at " FILTERED

static const char forward[] = SELECT_EVENTS
	"AND ($1::xid8 IS NULL OR (e.xact, e.id) > ($1::xid8, $2::int8)) "
	"AND ($12::xid8 IS NULL OR (e.xact, e.id) <= ($12::xid8, $13::int8)) "
	"ORDER BY e.xact, e.id LIMIT $14::int8) e LEFT JOIN devices d ON d.id = e.device "
	"ORDER BY e.xact, e.id";
static const char backward[] = SELECT_EVENTS
	"AND ($1::xid8 IS NULL OR (e.xact, e.id) < ($1::xid8, $2::int8)) "
	"AND ($12::xid8 IS NULL OR (e.xact, e.id) >= ($12::xid8, $13::int8)) "
	"ORDER BY e.xact DESC, e.id DESC LIMIT $14::int8) e LEFT JOIN devices d ON d.id = e.device "
	"ORDER BY e.xact DESC, e.id DESC";
static const char forward_end[] =
	SELECT_END "AND ($1::xid8 IS NULL OR (e.xact, e.id) > ($1::xid8, $2::int8)) "
		   "ORDER BY e.xact, e.id OFFSET $6::int8 LIMIT 1";
static const char backward_end[] =
	SELECT_END "AND ($1::xid8 IS NULL OR (e.xact, e.id) < ($1::xid8, $2::int8)) "
		   "ORDER BY e.xact DESC, e.id DESC OFFSET $6::int8 LIMIT 1";

/* Whether an index leads to the rows, so that a page is found without looking at others. */
static bool is_indexed(const struct srv_event_filter *f)
{
	unsigned indexed = (f->device != NULL) + (f->group != NULL) + (f->rule != NULL);

	return indexed <= 1 && !f->vm && !f->class && !f->verdict && !f->user && !f->task &&
	       f->scope && srv_groups_covers(f->scope, SRV_GROUPS_ALL);
}

/* Finds where the step ends: *ret_xact is "" when that is the end of the log. */
static int find_end(struct srv_conn *conn, const struct srv_event_filter *f, const char *from,
		    struct srv_event_search *search, char ret_xact[24], struct srv_cursor *ret_end,
		    int64_t *ret_received_us, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err, f->newest_first ? backward_end : forward_end,
			  SRV_TEXT(from), SRV_INT(search->at.id), SRV_TEXT(f->device),
			  SRV_TEXT(f->group), SRV_TEXT(f->rule), SRV_INT(SRV_EVENTS_STEP - 1));

	if (r < 0 || srv_rows_count(rows) == 0)
		return r;
	*ret_end = (struct srv_cursor){.epoch = search->at.epoch,
				       .xact = (uint64_t)srv_rows_int(rows, 0, 0),
				       .id = srv_rows_int(rows, 0, 1)};
	*ret_received_us = srv_rows_time_us(rows, 0, 2);
	snprintf(ret_xact, 24, "%" PRIu64, ret_end->xact);
	return 0;
}

/* The search stands at the last row given when there may be more in the step, else at the step's end. */
static void move_on(struct srv_event_search *search, const struct srv_rows *rows, int64_t limit,
		    const struct srv_cursor *end, int64_t end_received_us)
{
	size_t n = srv_rows_count(rows);
	bool full = n == (size_t)limit;

	search->done = !full && !end;
	if (end && !full) {
		search->at = *end;
		search->searched_to_us = end_received_us;
		search->begun = true;
	} else if (n) {
		search->at.xact = (uint64_t)srv_rows_int(rows, n - 1, SRV_EVENT_XACT);
		search->at.id = srv_rows_int(rows, n - 1, SRV_EVENT_ID);
		search->searched_to_us = srv_rows_time_us(rows, n - 1, SRV_EVENT_RECEIVED);
		search->begun = true;
	}
}

int srv_events_step(struct srv_conn *conn, const struct srv_event_filter *f, int64_t limit,
		    struct srv_event_search *search, struct srv_rows **ret_rows, struct err *err)
{
	char from_text[24] = "", end_text[24] = "";
	const char *from = search->begun ? from_text : NULL;
	struct srv_cursor end = {0};
	int64_t end_us = 0;
	int r = 0;

	snprintf(from_text, sizeof(from_text), "%" PRIu64, search->at.xact);
	if (!is_indexed(f))
		r = find_end(conn, f, from, search, end_text, &end, &end_us, err);
	if (r == 0)
		r = srv_query(conn, ret_rows, err, f->newest_first ? backward : forward,
			      SRV_TEXT(from), SRV_INT(search->at.id), SRV_TEXT(f->device),
			      SRV_TEXT(f->group), SRV_TEXT(f->rule), SRV_TEXT(f->vm),
			      SRV_TEXT(f->class), SRV_TEXT(f->verdict), SRV_TEXT(f->user),
			      SRV_TEXT(f->task), SRV_SCOPE(f->scope),
			      SRV_TEXT(end_text[0] ? end_text : NULL), SRV_INT(end.id),
			      SRV_INT(limit));
	if (r == 0)
		move_on(search, *ret_rows, limit, end_text[0] ? &end : NULL, end_us);
	return r;
}

/* What may be counted by. */
static const struct {
	const char *by;
	const char *sql;
} keys[] = {
	{"group", "group_name"},  {"class", "class"}, {"verdict", "verdict"},
	{"severity", "severity"}, {"rule", "rule"},   {"task", "task"},
};

#define COUNT_FROM                                                                                \
	", least(sum(events), 9223372036854775807)::bigint, "                                     \
	"least(sum(total), 9223372036854775807)::bigint FROM events_minutes WHERE minute >= "     \
	"date_trunc('minute', coalesce($1::timestamptz, now() - interval '1 day')) AND minute < " \
	"coalesce($2::timestamptz, now()) AND ($3::text IS NULL OR group_name = $3) AND "         \
	"($4::text IS NULL OR rule = $4) AND ($5::text IS NULL OR class = $5) AND "               \
	"($6::text IS NULL OR verdict = $6) AND " SRV_IN_SCOPE("group_name", "$7") "GROUP BY 1 "

#define COUNT_PARAMS(f)                                                                        \
	SRV_TEXT((f)->since), SRV_TEXT((f)->until), SRV_TEXT((f)->group), SRV_TEXT((f)->rule), \
		SRV_TEXT((f)->class), SRV_TEXT((f)->verdict), SRV_SCOPE((f)->scope),           \
		SRV_INT((f)->limit)

int srv_events_count(struct srv_conn *conn, const struct srv_count_filter *f,
		     struct srv_rows **ret_rows, struct err *err)
{
	char sql[1200];

	if (!strcmp(f->by, "time"))
		return srv_query(conn, ret_rows, err,
				 "SELECT to_char(to_timestamp(floor(extract(epoch FROM minute) / "
				 "$9::int8) * $9::int8) AT TIME ZONE 'UTC', "
				 "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')" COUNT_FROM
				 "ORDER BY 1 LIMIT $8::int8",
				 COUNT_PARAMS(f), SRV_INT(f->step_s));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].by, f->by) != 0)
			continue;
		snprintf(sql, sizeof(sql),
			 "SELECT %s" COUNT_FROM "ORDER BY 2 DESC, 1 LIMIT $8::int8", keys[i].sql);
		return srv_query(conn, ret_rows, err, sql, COUNT_PARAMS(f));
	}
	return err_set(err, -EINVAL, "events cannot be counted by '%s'", f->by);
}
