#include "server/store/devices.h"

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
		"failed_serial, failed_reason, failed_at FROM device_overview "
		"WHERE ($1::uuid IS NULL OR id = $1::uuid) AND ($2::uuid IS NULL OR id > $2::uuid) "
		"AND ($3::text IS NULL OR group_name = $3) AND ($4::text IS NULL OR state = $4) "
		"AND ($5::uuid IS NULL OR id IN (SELECT id FROM devices WHERE enrol_token = "
		"$5::uuid)) AND " SRV_IN_SCOPE("group_name", "$7") "ORDER BY id LIMIT $6::int8",
		SRV_TEXT(filter->id), SRV_TEXT(filter->after), SRV_TEXT(filter->group),
		SRV_TEXT(filter->state), SRV_TEXT(filter->token), SRV_INT(filter->limit),
		SRV_SCOPE(filter->scope));
}
