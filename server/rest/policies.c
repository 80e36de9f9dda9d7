#include "server/store/policies.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "server/config.h"
#include "server/hub.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"

enum query {
	Q_GROUP,
	Q_LIMIT,
	Q_AFTER
};
const struct srv_field srv_policies_query[] = {
	[Q_GROUP] = {"group", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_AFTER] = SRV_PAGE_AFTER,
	{NULL},
};

enum get_query {
	G_GROUP
};
const struct srv_field srv_policies_get_query[] = {
	[G_GROUP] = {"group", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	{NULL},
};

static json_t *policy_json(const struct srv_rows *rows, size_t i)
{
	size_t n;
	const uint8_t *digest = srv_rows_bytes(rows, i, SRV_POLICY_DIGEST, &n);

	return json_pack("{s:s, s:s, s:I, s:o, s:s, s:s, s:o}", "policy_id",
			 srv_rows_text(rows, i, SRV_POLICY_ID), "group",
			 srv_rows_text(rows, i, SRV_POLICY_GROUP), "serial",
			 (json_int_t)srv_rows_int(rows, i, SRV_POLICY_SERIAL), "digest",
			 srv_json_digest(digest, n), "name",
			 srv_rows_text(rows, i, SRV_POLICY_NAME), "created_by",
			 srv_rows_text(rows, i, SRV_POLICY_CREATED_BY), "created_at",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_POLICY_CREATED)));
}

int srv_policies_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	char group[SRV_GROUP_MAX] = "", next[SRV_PAGE_CURSOR_MAX] = "";
	int64_t serial = 0, limit = srv_page_limit(&q[Q_LIMIT]);

	if (q[Q_AFTER].given &&
	    srv_page_split(call, &q[Q_AFTER], group, sizeof(group), &serial) < 0)
		return 0;
	int r = srv_policies_list(call->conn, call->scope, q[Q_GROUP].text, group[0] ? group : NULL,
				  serial, limit, &rows, err);
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, policy_json(rows, i), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	size_t n = srv_rows_count(rows);

	if ((int64_t)n == limit)
		snprintf(next, sizeof(next), "%s/%" PRId64,
			 srv_rows_text(rows, n - 1, SRV_POLICY_GROUP),
			 srv_rows_int(rows, n - 1, SRV_POLICY_SERIAL));
	srv_reply_json(call->req, 200, srv_page_json("policies", list, next[0] ? next : NULL));
	return 0;
}

/* "{serial}": a number above 0, or "newest" as 0. */
static int parse_serial(const char *text, int64_t *ret)
{
	char *end;

	if (!strcmp(text, "newest")) {
		*ret = 0;
		return 0;
	}
	errno = 0;
	long long n = strtoll(text, &end, 10);

	if (errno || *end || n <= 0 || *text < '0' || *text > '9')
		return -EINVAL;
	*ret = n;
	return 0;
}

int srv_policies_handle_get(struct srv_call *call, struct err *err)
{
	const char *group = call->query[G_GROUP].given ? call->query[G_GROUP].text : "default";
	cleanup_rows struct srv_rows *rows = NULL;
	int64_t serial = -1;
	size_t n;
	int r = 0;

	if (parse_serial(call->param, &serial) == 0)
		r = srv_policies_get(call->conn, call->scope, group, serial, &rows, err);
	if (r < 0)
		return r;
	if (!rows || !srv_rows_count(rows)) {
		srv_reply_problem(call->req, SRV_NOT_FOUND,
				  "The group has no policy with this serial.");
		return 0;
	}
	json_t *json = policy_json(rows, 0);
	const uint8_t *document = srv_rows_bytes(rows, 0, SRV_POLICY_DOCUMENT, &n);

	if (json &&
	    json_object_set_new(json, "document", json_stringn((const char *)document, n)) < 0) {
		json_decref(json);
		json = NULL;
	}
	srv_reply_json(call->req, 200, json);
	return 0;
}
