#include "server/store/devices.h"

#include <errno.h>
#include <string.h>

#include "common/digest.h"
#include "server/config.h"
#include "server/hub.h"
#include "server/rest/grants.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"

enum {
	TOKEN_ID_MAX = 64,
	NAME_MAX_BYTES = 127,
	LABELS_MAX = 32,
	LABEL_MAX = 63
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
	[Q_STATE] = {"state", SRV_FIELD_TEXT, .max = 16,
		     .words = "connected|offline|waiting|quarantined|revoked|retired"},
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

static json_t *count_json(const struct srv_rows *rows, size_t i, size_t column)
{
	return json_integer((json_int_t)srv_rows_int(rows, i, column));
}

/* What it last said of itself; null before it did. */
static json_t *health_json(const struct srv_rows *rows, size_t i)
{
	if (srv_rows_is_null(rows, i, SRV_DEVICE_REPORTED_AT))
		return json_null();
	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "reported_at", time_json(rows, i, SRV_DEVICE_REPORTED_AT), "clock_skew_ms",
			 count_json(rows, i, SRV_DEVICE_CLOCK_SKEW_MS), "link_version",
			 srv_rows_text(rows, i, SRV_DEVICE_LINK_VERSION), "microvisor",
			 srv_rows_text(rows, i, SRV_DEVICE_MICROVISOR), "kernel",
			 srv_rows_text(rows, i, SRV_DEVICE_KERNEL), "isolation_reason",
			 srv_rows_text(rows, i, SRV_DEVICE_ISOLATION_REASON), "images",
			 count_json(rows, i, SRV_DEVICE_IMAGES), "images_ready",
			 count_json(rows, i, SRV_DEVICE_IMAGES_READY), "templates",
			 count_json(rows, i, SRV_DEVICE_TEMPLATES), "templates_ready",
			 count_json(rows, i, SRV_DEVICE_TEMPLATES_READY), "running",
			 count_json(rows, i, SRV_DEVICE_RUNNING), "backlog",
			 count_json(rows, i, SRV_DEVICE_BACKLOG), "backlog_since",
			 time_json(rows, i, SRV_DEVICE_BACKLOG_SINCE));
}

static json_t *id_json(const struct srv_rows *rows, size_t i, size_t column)
{
	return srv_rows_is_null(rows, i, column) ? json_null()
						 : json_string(srv_rows_text(rows, i, column));
}

static json_t *device_json(const struct srv_rows *rows, size_t i)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, "
			 "s:o}",
			 "id", srv_rows_text(rows, i, SRV_DEVICE_ID), "hostname",
			 srv_rows_text(rows, i, SRV_DEVICE_HOSTNAME), "group",
			 srv_rows_text(rows, i, SRV_DEVICE_GROUP), "state",
			 srv_rows_text(rows, i, SRV_DEVICE_STATE), "last_seen",
			 time_json(rows, i, SRV_DEVICE_LAST_SEEN), "isolation",
			 srv_rows_bool(rows, i, SRV_DEVICE_ISOLATION), "version",
			 srv_rows_text(rows, i, SRV_DEVICE_VERSION), "enrolled_at",
			 time_json(rows, i, SRV_DEVICE_ENROLLED), "certificate_expires",
			 time_json(rows, i, SRV_DEVICE_CERTIFICATE_EXPIRES), "policy",
			 policy_json(rows, i), "name", srv_rows_text(rows, i, SRV_DEVICE_NAME),
			 "labels", srv_groups_json(srv_rows_text(rows, i, SRV_DEVICE_LABELS)),
			 "replaces", id_json(rows, i, SRV_DEVICE_REPLACES), "replaced_by",
			 id_json(rows, i, SRV_DEVICE_REPLACED_BY), "health", health_json(rows, i));
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

/* ---- changing ---- */

enum patch {
	P_NAME,
	P_LABELS,
	P_STATE
};
const struct srv_field srv_devices_patch_body[] = {
	[P_NAME] = {"name", SRV_FIELD_TEXT, .max = NAME_MAX_BYTES},
	[P_LABELS] = {"labels", SRV_FIELD_LIST, .max = LABELS_MAX},
	[P_STATE] = {"state", SRV_FIELD_TEXT, .max = 16, .words = "active|revoked|retired"},
	{NULL},
};

/* Nothing in it needs quoting in an array, where NULL is no text. */
static bool is_label(const char *text)
{
	size_t n = text ? strlen(text) : 0;

	return n && n <= LABEL_MAX && text[0] != '-' && strcmp(text, "null") != 0 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._=-") == n;
}

/* "{a,b=c}". -EINVAL: some label is none. */
static int read_labels(const json_t *list, char *out, size_t cap)
{
	const json_t *item;
	size_t i, at = 0;

	out[at++] = '{';
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);

		if (!is_label(text) || strlen(text) != json_string_length(item))
			return -EINVAL;
		int n = snprintf(out + at, cap - at, "%s%s", i ? "," : "", text);

		if (n >= (int)(cap - at))
			return -EINVAL;
		at += (size_t)n;
	}
	snprintf(out + at, cap - at, "}");
	return 0;
}

/* Which ways there are: into the fleet from its doors only, out of it from anywhere, and no way back. */
static bool is_way(const char *from, const char *to)
{
	if (!strcmp(from, "retired"))
		return false;
	if (!strcmp(to, "active"))
		return !strcmp(from, "waiting") || !strcmp(from, "quarantined");
	return strcmp(to, from) != 0;
}

/* Reads the change from the body; answers what is wrong with it. */
static bool read_change(struct srv_call *call, const char *state, char *labels, size_t cap,
			struct srv_device_change *out)
{
	const struct srv_value *b = call->body;

	*out = (struct srv_device_change){.name = b[P_NAME].text, .state = b[P_STATE].text};
	if (b[P_LABELS].given) {
		if (read_labels(b[P_LABELS].list, labels, cap) < 0)
			srv_reply_problem(
				call->req, SRV_BAD_FIELD,
				"labels: words of a-z, 0-9, \".\", \"_\", \"=\" and \"-\", "
				"at most %d bytes each.",
				LABEL_MAX);
		out->labels = labels;
	}
	if (b[P_STATE].given && !is_way(state, b[P_STATE].text))
		srv_reply_problem(call->req, SRV_BAD_FIELD, "state: no %s device becomes %s.",
				  state, b[P_STATE].text);
	return !call->req->status;
}

int srv_devices_handle_patch(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *before = NULL;
	cleanup_rows struct srv_rows *after = NULL;
	struct srv_device_filter filter = {.scope = call->scope, .id = call->param, .limit = 1};
	struct srv_device_change change;
	char labels[LABELS_MAX * (LABEL_MAX + 1) + 3];
	int r = srv_devices_list(call->conn, &filter, &before, err);

	if (r < 0 && r != -EINVAL)
		return r;
	if (r < 0 || !srv_rows_count(before)) {
		srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no device with this id.");
		return 0;
	}
	if (!read_change(call, srv_rows_text(before, 0, SRV_DEVICE_STATE), labels, sizeof(labels),
			 &change))
		return 0;
	call->was = device_json(before, 0);
	r = srv_devices_change(call->conn, call->param, &change, err);
	if (r == 0)
		r = srv_devices_list(call->conn, &filter, &after, err);
	if (r < 0)
		return r;
	call->became = device_json(after, 0);
	/* Here at once; an instance that it is connected to elsewhere notices at its next heartbeat. */
	if (change.state && strcmp(change.state, "active") != 0)
		srv_hub_disconnect(call->api->context->hub, call->param);
	srv_reply_json(call->req, 200, device_json(after, 0));
	return 0;
}
