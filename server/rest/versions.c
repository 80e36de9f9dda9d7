#include "server/rest/versions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/db.h"
#include "server/rest/grants.h"
#include "server/role.h"
#include "server/store/devices.h"
#include "server/store/layers.h"
#include "server/store/people.h"
#include "server/store/policies.h"

/* A change locks what it compares, so that what was compared is what is changed. */

/* Takes json. */
static int make_tag(json_t *json, char ret_etag[SRV_ETAG_TEXT], struct err *err)
{
	int r = srv_etag_of(json, ret_etag);

	json_decref(json);
	return r < 0 ? err_set(err, r, "out of memory for an entity tag") : 0;
}

int srv_version_of_person(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_grants grants = {0};
	int r = srv_route_changes(call->route) ? srv_people_lock(call->conn, call->param, err) : 0;

	if (r == 0)
		r = srv_people_list(call->conn, call->param, NULL, 1, &rows, err);
	if (r == -EINVAL || r == -ENOENT)
		return 0; /* no such person */
	if (r < 0 || !srv_rows_count(rows))
		return r;
	r = srv_people_grants(call->conn, call->param, &grants, err);
	if (r < 0)
		return r;
	return make_tag(json_pack("{s:s, s:o, s:b, s:b}", "name",
				  srv_rows_text(rows, 0, SRV_PERSON_COLUMN_NAME), "roles",
				  srv_grants_json(&grants), "disabled",
				  srv_rows_bool(rows, 0, SRV_PERSON_COLUMN_DISABLED), "totp",
				  srv_rows_bool(rows, 0, SRV_PERSON_COLUMN_TOTP)),
			ret_etag, err);
}

/* Each row as the texts of its first n columns. */
static json_t *rows_json(const struct srv_rows *rows, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < srv_rows_count(rows); i++) {
		json_t *row = json_array();

		for (size_t c = 0; c < n; c++)
			json_array_append_new(row,
					      srv_rows_is_null(rows, i, c)
						      ? json_null()
						      : json_string(srv_rows_text(rows, i, c)));
		if (json_array_append_new(list, row) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int srv_version_of_groups(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_route_changes(call->route)
			? srv_script(call->conn, "LOCK TABLE groups IN SHARE ROW EXCLUSIVE MODE",
				     err)
			: 0;

	if (r == 0)
		r = srv_groups_list(call->conn, &rows, err);
	return r < 0 ? r : make_tag(rows_json(rows, 2), ret_etag, err);
}

/* Whether a device that is let in has a connection is no part of it. */
static bool is_let_in(const char *state)
{
	return strcmp(state, "connected") == 0 || strcmp(state, "offline") == 0;
}

int srv_version_of_device(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	const struct srv_device_filter filter = {
		.scope = call->scope, .id = call->param, .limit = 1};
	int r = srv_route_changes(call->route)
			? srv_devices_lock(call->conn, call->scope, call->param, err)
			: 0;

	if (r == 0)
		r = srv_devices_list(call->conn, &filter, &rows, err);
	if (r == -EINVAL || r == -ENOENT)
		return 0; /* no such device */
	if (r < 0 || !srv_rows_count(rows))
		return r;
	const char *state = srv_rows_text(rows, 0, SRV_DEVICE_STATE);

	return make_tag(json_pack("[s, s, s]", srv_rows_text(rows, 0, SRV_DEVICE_NAME),
				  srv_rows_text(rows, 0, SRV_DEVICE_LABELS),
				  is_let_in(state) ? "active" : state),
			ret_etag, err);
}

int srv_version_of_layers(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	json_t *list = json_array();
	int r = srv_route_changes(call->route) ? srv_layers_lock(call->conn, err) : 0;

	if (r == 0)
		r = srv_layers_newest(call->conn, &rows, err);
	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = json_array_append_new(
			list, json_pack("[s, I]", srv_rows_text(rows, i, SRV_LAYER_ID),
					(json_int_t)srv_rows_int(rows, i, SRV_LAYER_REVISION)));
	if (r < 0) {
		json_decref(list);
		return r == -1 ? err_set(err, -ENOMEM, "out of memory") : r;
	}
	return make_tag(list, ret_etag, err);
}

/* The value of a field of that name, of the body or the query. */
static const char *text_of(const struct srv_call *call, const char *name)
{
	int at = srv_fields_find(call->route->body, name);

	if (at >= 0)
		return call->body[at].text;
	at = srv_fields_find(call->route->query, name);
	return at >= 0 ? call->query[at].text : NULL;
}

int srv_version_of_policy(struct srv_call *call, char ret_etag[SRV_ETAG_TEXT], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	const char *group = text_of(call, "group");
	/* The handler has refused what is neither a number nor "newest", which counts as 0 here. */
	int64_t serial = strtoll(call->param, NULL, 10);
	int r = 0;

	group = group ? group : "default";
	if (srv_route_changes(call->route) && srv_groups_has(call->scope, group))
		r = srv_policies_lock(call->conn, group, err);
	if (r == 0)
		r = srv_policies_get(call->conn, call->scope, group, serial, &rows, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || !srv_groups_has(call->scope, group))
		return r;
	return make_tag(json_pack("[s, I]", group,
				  srv_rows_count(rows)
					  ? (json_int_t)srv_rows_int(rows, 0, SRV_POLICY_SERIAL)
					  : 0),
			ret_etag, err);
}
