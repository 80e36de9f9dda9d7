#include "server/store/gauges.h"

static const char gauges[] =
	"WITH d AS MATERIALIZED (SELECT CASE WHEN d.state = 'revoked' THEN 'revoked' "
	"WHEN i.heartbeat_at > now() - interval '90 seconds' THEN 'connected' ELSE 'offline' END "
	"AS state, coalesce(d.last_seen, d.enrolled_at) AS heard, d.isolation "
	"FROM devices d LEFT JOIN instances i ON i.id = d.instance) "
	"SELECT 'ampoule_devices', format('{state=\"%s\"}', s), "
	"(SELECT count(*) FROM d WHERE state = s), 'Devices, by state.' "
	"FROM unnest(ARRAY['connected', 'offline', 'revoked']) s "
	"UNION ALL SELECT 'ampoule_devices_silent', '', count(*), "
	"'Devices that were not heard for a day.' FROM d "
	"WHERE state = 'offline' AND heard < now() - $1::int8 * interval '1 second' "
	"UNION ALL SELECT 'ampoule_devices_without_isolation', '', count(*), "
	"'Devices that cannot start micro-VMs.' FROM d WHERE state <> 'revoked' AND NOT isolation "
	"UNION ALL SELECT 'ampoule_policies_failed', '', count(*), "
	"'Devices that could not apply the policy they should.' FROM device_overview "
	"WHERE failed_serial = desired_serial AND state <> 'revoked' "
	"UNION ALL SELECT 'ampoule_instances', '', count(*), 'Serving processes.' FROM instances "
	"WHERE heartbeat_at > now() - interval '90 seconds' "
	"UNION ALL SELECT 'ampoule_sessions', '', count(*), 'People who are signed in.' "
	"FROM sessions WHERE expires_at > now() "
	"UNION ALL SELECT 'ampoule_emergencies', '', count(*), "
	"'Emergencies that no second person has looked at.' FROM approvals "
	"WHERE emergency AND reviewed_at IS NULL "
	"UNION ALL SELECT 'ampoule_audit_waiting', '', count(*), "
	"'Rows of the audit log that are not chained yet.' FROM audit a WHERE (a.xact, a.id) > "
	"(coalesce((SELECT xact FROM audit_chain ORDER BY sequence DESC LIMIT 1), '0'::xid8), "
	"coalesce((SELECT row FROM audit_chain ORDER BY sequence DESC LIMIT 1), 0))";

int srv_gauges_list(struct srv_conn *conn, int64_t silent_s, struct srv_rows **ret_rows,
		    struct err *err)
{
	return srv_query(conn, ret_rows, err, gauges, SRV_INT(silent_s));
}
