#include "server/store/devices.h"

#include <errno.h>

#include "common/digest.h"
#include "server/config.h"
#include "server/hub.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"

enum {
	TOKEN_ID_MAX = 64
};

enum query {
	Q_GROUP,
	Q_STATE,
	Q_TOKEN,
	Q_LIMIT,
	Q_AFTER
};
const struct srv_field srv_devices_query[] = {
	[Q_GROUP] = {"group", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	[Q_STATE] = {"state", SRV_FIELD_TEXT, .max = 16, .words = "connected|offline|revoked"},
	[Q_TOKEN] = {"token", SRV_FIELD_TEXT, .max = TOKEN_ID_MAX},
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_AFTER] = SRV_PAGE_AFTER,
	{NULL},
};

/* One phase of a device's policy: {serial, digest, at}, or null when it never got there. */
static json_t *phase_json(const struct srv_rows *rows, size_t i, size_t serial, size_t digest,
			  json_t *at)
{
	size_t n;

	if (srv_rows_is_null(rows, i, serial)) {
		json_decref(at);
		return json_null();
	}
	const uint8_t *bytes = srv_rows_bytes(rows, i, digest, &n);

	return json_pack("{s:I, s:o, s:o*}", "serial", (json_int_t)srv_rows_int(rows, i, serial),
			 "digest", srv_json_digest(bytes, n), "at", at);
}

static json_t *time_json(const struct srv_rows *rows, size_t i, size_t column)
{
	return srv_json_time(srv_rows_time_us(rows, i, column));
}

static json_t *failed_json(const struct srv_rows *rows, size_t i)
{
	if (srv_rows_is_null(rows, i, SRV_DEVICE_FAILED_SERIAL))
		return json_null();
	return json_pack("{s:I, s:s, s:o}", "serial",
			 (json_int_t)srv_rows_int(rows, i, SRV_DEVICE_FAILED_SERIAL), "reason",
			 srv_rows_text(rows, i, SRV_DEVICE_FAILED_REASON), "at",
			 time_json(rows, i, SRV_DEVICE_FAILED_AT));
}

static json_t *policy_json(const struct srv_rows *rows, size_t i)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "desired",
			 phase_json(rows, i, SRV_DEVICE_DESIRED_SERIAL, SRV_DEVICE_DESIRED_DIGEST,
				    NULL),
			 "received",
			 phase_json(rows, i, SRV_DEVICE_RECEIVED_SERIAL, SRV_DEVICE_RECEIVED_DIGEST,
				    time_json(rows, i, SRV_DEVICE_RECEIVED_AT)),
			 "applied",
			 phase_json(rows, i, SRV_DEVICE_APPLIED_SERIAL, SRV_DEVICE_APPLIED_DIGEST,
				    time_json(rows, i, SRV_DEVICE_APPLIED_AT)),
			 "failed", failed_json(rows, i));
}

static json_t *device_json(const struct srv_rows *rows, size_t i)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:s, s:o, s:o, s:o}", "id",
			 srv_rows_text(rows, i, SRV_DEVICE_ID), "hostname",
			 srv_rows_text(rows, i, SRV_DEVICE_HOSTNAME), "group",
			 srv_rows_text(rows, i, SRV_DEVICE_GROUP), "state",
			 srv_rows_text(rows, i, SRV_DEVICE_STATE), "last_seen",
			 time_json(rows, i, SRV_DEVICE_LAST_SEEN), "isolation",
			 srv_rows_bool(rows, i, SRV_DEVICE_ISOLATION), "version",
			 srv_rows_text(rows, i, SRV_DEVICE_VERSION), "enrolled_at",
			 time_json(rows, i, SRV_DEVICE_ENROLLED), "certificate_expires",
			 time_json(rows, i, SRV_DEVICE_CERTIFICATE_EXPIRES), "policy",
			 policy_json(rows, i));
}

int srv_devices_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	const char *next = NULL;
	struct srv_device_filter filter = {
		.scope = call->scope,
		.after = q[Q_AFTER].text,
		.group = q[Q_GROUP].text,
		.state = q[Q_STATE].text,
		.token = q[Q_TOKEN].text,
		.limit = srv_page_limit(&q[Q_LIMIT]),
	};
	int r = srv_devices_list(call->conn, &filter, &rows, err);

	if (r == -EINVAL) {
		srv_page_refuse(call);
		return 0;
	}
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, device_json(rows, i), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	if ((int64_t)srv_rows_count(rows) == filter.limit)
		next = srv_rows_text(rows, srv_rows_count(rows) - 1, SRV_DEVICE_ID);
	srv_reply_json(call->req, 200, srv_page_json("devices", list, next));
	return 0;
}

int srv_devices_handle_get(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_device_filter filter = {.scope = call->scope, .id = call->param, .limit = 1};
	int r = srv_devices_list(call->conn, &filter, &rows, err);

	if (r < 0 && r != -EINVAL)
		return r;
	if (r == -EINVAL || !srv_rows_count(rows))
		srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no device with this id.");
	else
		srv_reply_json(call->req, 200, device_json(rows, 0));
	return 0;
}
