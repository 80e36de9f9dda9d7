#include "server/store/devices.h"

#include "server/chores/chores.h"

/* What nobody would notice of devices: that they are silent, that a certificate nears its end without having been
 * renewed, which happens at half of its life. Each is told once, for the same silence and the same certificate. */

enum {
	AT_ONCE = 500 /* devices; the rest at the next turn */
};

/* Marks the devices that a condition holds for, and tells of each. */
static int tell(struct srv_conn *conn, const char *sql, const char *object, const char *severity,
		struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err, sql, SRV_INT(AT_ONCE));

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_devices_tell(conn, srv_rows_text(rows, i, 0), object, severity, 0, err);
	return r;
}

int srv_chore_devices(struct srv_conn *conn, struct err *err)
{
	int r = tell(
		conn,
		"UPDATE devices d SET told_silent = o.last_seen FROM (SELECT o.id, o.last_seen "
		"FROM device_overview o JOIN devices d USING (id) WHERE o.state = 'offline' "
		"AND o.last_seen < now() - (SELECT value::int8 FROM meta WHERE key = "
		"'silent_after_s') * interval '1 second' AND d.told_silent IS DISTINCT FROM "
		"o.last_seen LIMIT $1::int8) o WHERE d.id = o.id RETURNING d.id::text",
		"silent", "medium", err);

	return r < 0 ? r
		     : tell(conn,
			    "UPDATE devices SET told_certificate = certificate_expires WHERE id IN "
			    "(SELECT id FROM devices WHERE state = 'active' AND "
			    "certificate_expires "
			    "< now() + interval '7 days' AND told_certificate IS DISTINCT FROM "
			    "certificate_expires LIMIT $1::int8) RETURNING id::text",
			    "certificate-ends", "medium", err);
}
