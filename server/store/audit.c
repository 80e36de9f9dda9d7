#include "server/store/audit.h"

#include <inttypes.h>
#include <stdio.h>

#define SELECT_AUDIT                                                                              \
	"SELECT xact, id, at, actor, person, token, session, address, request, action, object, "  \
	"outcome, code, count, was, became FROM audit "                                           \
	"WHERE xact < pg_snapshot_xmin(pg_current_snapshot()) "                                   \
	"AND ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR starts_with(action, $4)) " \
	"AND ($5::text IS NULL OR outcome = $5) "

static const char forward[] =
	SELECT_AUDIT "AND ($1::xid8 IS NULL OR (xact, id) > ($1::xid8, $2::int8)) "
		     "ORDER BY xact, id LIMIT $6::int8";
static const char backward[] =
	SELECT_AUDIT "AND ($1::xid8 IS NULL OR (xact, id) < ($1::xid8, $2::int8)) "
		     "ORDER BY xact DESC, id DESC LIMIT $6::int8";

int srv_audit_list(struct srv_conn *conn, const struct srv_audit_filter *filter,
		   struct srv_rows **ret_rows, struct err *err)
{
	char xact[24] = "";

	if (filter->after)
		snprintf(xact, sizeof(xact), "%" PRIu64, filter->after->xact);
	return srv_query(conn, ret_rows, err, filter->newest_first ? backward : forward,
			 SRV_TEXT(filter->after ? xact : NULL),
			 SRV_INT(filter->after ? filter->after->id : 0), SRV_TEXT(filter->actor),
			 SRV_TEXT(filter->action), SRV_TEXT(filter->outcome),
			 SRV_INT(filter->limit));
}
