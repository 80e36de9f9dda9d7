#include "server/store/overview.h"

#include "server/store/scope.h"

/* "audit" events were let through and recorded; the others are counted when they were refused. A count is
 * unsigned on the wire and keeps its bits in the database, so that a negative one is a huge one.
 *
 * Counting reads the day's events (a BRIN range): fine up to a few million a day, then rollups are due. */

#define WITH_DEVICES                                                                         \
	"WITH d AS MATERIALIZED (SELECT state, isolation, CASE "                             \
	"WHEN desired_serial IS NULL THEN 'none' "                                           \
	"WHEN applied_serial = desired_serial THEN 'applied' "                               \
	"WHEN failed_serial = desired_serial THEN 'failed' "                                 \
	"ELSE 'pending' END AS phase FROM device_overview WHERE " SRV_IN_SCOPE("group_name", \
									       "$1") ") "

#define WITH_EVENTS                                                                               \
	"WITH e AS MATERIALIZED (SELECT received_at, device, rule, "                              \
	"CASE WHEN audit THEN 0 ELSE n END AS refused, CASE WHEN audit THEN n ELSE 0 END AS "     \
	"recorded FROM (SELECT *, CASE WHEN count < 0 THEN 9223372036854775807 ELSE greatest("    \
	"count, 1) END::numeric AS n FROM events WHERE received_at >= date_trunc('hour', now()) " \
	"- interval '23 hours' AND " SRV_IN_SCOPE(                                                \
		"group_name", "$1") "AND (audit OR verdict IN ('deny', 'hide', 'terminate'))) x) "

static const char fleet[] = WITH_DEVICES
	"SELECT json_build_object("
	"'devices', (SELECT json_build_object("
	"  'connected', count(*) FILTER (WHERE state = 'connected'),"
	"  'offline', count(*) FILTER (WHERE state = 'offline'),"
	"  'revoked', count(*) FILTER (WHERE state = 'revoked'),"
	"  'without_isolation', count(*) FILTER (WHERE state IN ('connected', 'offline') AND NOT "
	"isolation))"
	"  FROM d),"
	"'policies', (SELECT json_build_object("
	"  'applied', count(*) FILTER (WHERE phase = 'applied'),"
	"  'pending', count(*) FILTER (WHERE phase = 'pending'),"
	"  'failed', count(*) FILTER (WHERE phase = 'failed'),"
	"  'none', count(*) FILTER (WHERE phase = 'none')) FROM d WHERE state IN ('connected', "
	"'offline')),"
	"'has', json_build_object("
	"  'image_keys', (SELECT count(*) FROM trusted_keys WHERE purpose = 'image'),"
	"  'images', (SELECT count(*) FROM complete_images),"
	"  'policies', (SELECT count(DISTINCT group_name) FROM policies WHERE " SRV_IN_SCOPE(
		"group_name", "$1") ")))::text";

static const char accesses[] = WITH_EVENTS
	"SELECT json_build_object("
	"'hours', (SELECT json_agg(json_build_object('at', to_char(h AT TIME ZONE 'UTC', "
	"  'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'refused', coalesce(refused, 0), 'recorded', "
	"  coalesce(recorded, 0)) ORDER BY h)"
	"  FROM generate_series(date_trunc('hour', now()) - interval '23 hours', now(), "
	"  interval '1 hour') h LEFT JOIN (SELECT date_trunc('hour', received_at) AS h, "
	"  sum(refused) AS refused, sum(recorded) AS recorded FROM e GROUP BY 1) n USING (h)),"
	"'rules', (SELECT coalesce(json_agg(json_build_object('rule', rule, 'refused', refused, "
	"  'recorded', recorded)), '[]') FROM (SELECT rule, sum(refused) AS refused, sum(recorded) "
	"  AS recorded FROM e GROUP BY 1 ORDER BY sum(refused) + sum(recorded) DESC, rule LIMIT 6) "
	"  r),"
	"'devices', (SELECT coalesce(json_agg(json_build_object('id', id, 'hostname', hostname, "
	"  'refused', refused, 'recorded', recorded)), '[]') FROM (SELECT e.device::text AS id, "
	"  coalesce(max(d.hostname), '') AS hostname, sum(refused) AS refused, sum(recorded) AS "
	"  recorded FROM e LEFT JOIN devices d ON d.id = e.device GROUP BY 1 ORDER BY sum(refused) "
	"  + sum(recorded) DESC, 1 LIMIT 6) r))::text";

int srv_overview_fleet(struct srv_conn *conn, const char *scope, struct srv_rows **ret_rows,
		       struct err *err)
{
	return srv_query(conn, ret_rows, err, fleet, SRV_SCOPE(scope));
}

int srv_overview_accesses(struct srv_conn *conn, const char *scope, struct srv_rows **ret_rows,
			  struct err *err)
{
	return srv_query(conn, ret_rows, err, accesses, SRV_SCOPE(scope));
}
