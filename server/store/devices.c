#include "server/store/devices.h"

#include <errno.h>

#include "server/store/scope.h"

int srv_devices_list(struct srv_conn *conn, const struct srv_device_filter *filter,
		     struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(
		conn, ret_rows, err,
		"SELECT id::text, hostname, group_name, state, last_seen, isolation, version, "
		"enrolled_at, certificate_expires, desired_serial, desired_digest, "
		"received_serial, "
		"received_digest, received_at, applied_serial, applied_digest, applied_at, "
		"failed_serial, failed_reason, failed_at, name, labels::text, replaces::text, "
		"replaced_by::text, reported_at, clock_skew_ms, link_version, microvisor, kernel, "
		"isolation_reason, images, images_ready, templates, templates_ready, running, "
		"backlog, backlog_since FROM device_overview "
		"WHERE ($1::uuid IS NULL OR id = $1::uuid) AND ($2::uuid IS NULL OR id > $2::uuid) "
		"AND ($3::text IS NULL OR group_name = $3) AND (state = $4 OR ($4::text IS NULL "
		"AND (state <> 'retired' OR id = $1::uuid))) "
		"AND ($5::uuid IS NULL OR id IN (SELECT id FROM devices WHERE enrol_token = "
		"$5::uuid)) AND " SRV_IN_SCOPE("group_name", "$7") "ORDER BY id LIMIT $6::int8",
		SRV_TEXT(filter->id), SRV_TEXT(filter->after), SRV_TEXT(filter->group),
		SRV_TEXT(filter->state), SRV_TEXT(filter->token), SRV_INT(filter->limit),
		SRV_SCOPE(filter->scope));
}

int srv_devices_lock(struct srv_conn *conn, const char *scope, const char *id, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	/* As text: an id that is no UUID must not end the transaction. */
	int r = srv_query(conn, &rows, err,
			  "SELECT FROM devices WHERE id::text = $1 AND " SRV_IN_SCOPE(
				  "group_name", "$2") "FOR UPDATE",
			  SRV_TEXT(id), SRV_SCOPE(scope));

	if (r < 0)
		return r;
	return srv_rows_count(rows) ? 0 : err_set(err, -ENOENT, "no device %s", id);
}

int srv_devices_change(struct srv_conn *conn, const char *id,
		       const struct srv_device_change *change, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(
		conn, &rows, err,
		"UPDATE devices SET name = coalesce($2, name), "
		"labels = coalesce($3::text[], labels), state = coalesce($4, state), "
		"counter_said = CASE WHEN $4 = 'active' AND state = 'quarantined' THEN -1 "
		"ELSE counter_said END WHERE id = $1::uuid",
		SRV_TEXT(id), SRV_TEXT(change->name), SRV_TEXT(change->labels),
		SRV_TEXT(change->state));

	if (r < 0)
		return r;
	return srv_rows_affected(rows) ? 0 : err_set(err, -ENOENT, "no device %s", id);
}

int srv_devices_tell(struct srv_conn *conn, const char *id, const char *object,
		     const char *severity, int64_t quiet_s, struct err *err)
{
	return srv_query(
		conn, NULL, err,
		"INSERT INTO events (device, group_name, stream, sequence, wall_clock_ns, vm, "
		"task, user_name, class, operation, object, verdict, audit, severity, policy_id, "
		"serial, rule, exit_reason, guest_rip, count, dropped, image, program) "
		"SELECT id, group_name, '\\x', 0, extract(epoch FROM now())::bigint * 1000000000, "
		"'', '', '', 'fleet', 'health', convert_to($2, 'UTF8'), 'deny', false, $3, '', 0, "
		"'', '', 0, 1, 0, '', '' FROM devices WHERE id = $1::uuid AND NOT EXISTS (SELECT "
		"FROM events WHERE device = $1::uuid AND class = 'fleet' AND object = "
		"convert_to($2, 'UTF8') AND received_at > now() - $4::int8 * interval '1 second')",
		SRV_TEXT(id), SRV_TEXT(object), SRV_TEXT(severity), SRV_INT(quiet_s));
}
