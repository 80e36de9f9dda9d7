#include "server/store/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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
	uint64_t xact, id;
	const char *at = parse_digits(text, UINT64_MAX, &xact);

	if (!at || *at != '-')
		return -EINVAL;
	at = parse_digits(at + 1, INT64_MAX, &id);
	if (!at || *at)
		return -EINVAL;
	*out = (struct srv_cursor){.xact = xact, .id = (int64_t)id};
	return 0;
}

void srv_cursor_put(const struct srv_cursor *cursor, char out[SRV_CURSOR_TEXT])
{
	snprintf(out, SRV_CURSOR_TEXT, "%" PRIu64 "-%" PRId64, cursor->xact, cursor->id);
}

#define SELECT_EVENTS                                                                              \
	"SELECT e.xact, e.id, e.received_at, e.device::text, coalesce(d.hostname, ''), "           \
	"e.group_name, e.wall_clock_ns, e.vm, e.task, e.user_name, e.class, e.operation, "         \
	"e.object, e.verdict, e.audit, e.severity, e.policy_id, e.serial, e.rule, e.exit_reason, " \
	"e.guest_rip, e.count, e.dropped, e.image, e.program "                                     \
	"FROM events e LEFT JOIN devices d ON d.id = e.device "                                    \
	"WHERE e.xact < pg_snapshot_xmin(pg_current_snapshot()) "                                  \
	"AND ($3::uuid IS NULL OR e.device = $3::uuid) "                                           \
	"AND ($4::text IS NULL OR e.group_name = $4) AND ($5::text IS NULL OR e.vm = $5) "         \
	"AND ($6::text IS NULL OR e.rule = $6) AND ($7::text IS NULL OR e.class = $7) "            \
	"AND ($8::text IS NULL OR e.verdict = $8) AND ($9::text IS NULL OR e.user_name = $9) "     \
	"AND ($10::text IS NULL OR e.task = $10) AND " SRV_IN_SCOPE("e.group_name", "$12")

static const char forward[] =
	SELECT_EVENTS "AND ($1::xid8 IS NULL OR (e.xact, e.id) > ($1::xid8, $2::int8)) "
		      "ORDER BY e.xact, e.id LIMIT $11::int8";
static const char backward[] =
	SELECT_EVENTS "AND ($1::xid8 IS NULL OR (e.xact, e.id) < ($1::xid8, $2::int8)) "
		      "ORDER BY e.xact DESC, e.id DESC LIMIT $11::int8";

int srv_events_list(struct srv_conn *conn, const struct srv_event_filter *filter,
		    struct srv_rows **ret_rows, struct err *err)
{
	char xact[24] = "";

	if (filter->after)
		snprintf(xact, sizeof(xact), "%" PRIu64, filter->after->xact);
	return srv_query(conn, ret_rows, err, filter->newest_first ? backward : forward,
			 SRV_TEXT(filter->after ? xact : NULL),
			 SRV_INT(filter->after ? filter->after->id : 0), SRV_TEXT(filter->device),
			 SRV_TEXT(filter->group), SRV_TEXT(filter->vm), SRV_TEXT(filter->rule),
			 SRV_TEXT(filter->class), SRV_TEXT(filter->verdict), SRV_TEXT(filter->user),
			 SRV_TEXT(filter->task), SRV_INT(filter->limit), SRV_SCOPE(filter->scope));
}
