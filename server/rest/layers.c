/* What is stored of layers and groups, and what policies say: read only, but for PUT of a group. */
#include "server/store/layers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/hub.h"
#include "server/rest/findings.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"
#include "server/store/policies.h"

enum {
	HISTORY_MAX = 1000
};

enum diff_query {
	D_GROUP,
	D_FROM,
	D_TO
};
const struct srv_field srv_policy_diff_query[] = {
	[D_GROUP] = {"group", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	[D_FROM] = {"from", SRV_FIELD_NUMBER, .min = 1, .max = INT64_MAX},
	[D_TO] = {"to", SRV_FIELD_NUMBER, .min = 1, .max = INT64_MAX},
	{NULL},
};

enum rules_query {
	R_GROUP,
	R_SERIAL,
	R_DEVICE,
	R_USER
};
const struct srv_field srv_policy_rules_query[] = {
	[R_GROUP] = {"group", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	[R_SERIAL] = {"serial", SRV_FIELD_NUMBER, .min = 1, .max = INT64_MAX},
	[R_DEVICE] = {"device", SRV_FIELD_TEXT, .min = 36, .max = 36},
	[R_USER] = {"user", SRV_FIELD_TEXT, .min = 1, .max = 255},
	{NULL},
};

enum group_body {
	N_NAME,
	N_PARENT
};
const struct srv_field srv_groups_body[] = {
	[N_NAME] = {"name", SRV_FIELD_TEXT, true, 1, SRV_GROUP_MAX - 1},
	[N_PARENT] = {"parent", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	{NULL},
};

static void policy_freep(struct policy **policy)
{
	policy_free(*policy);
}

static json_t *layer_json(const struct srv_rows *rows, size_t i)
{
	size_t n;
	const uint8_t *bytes = srv_rows_bytes(rows, i, SRV_LAYER_DOCUMENT, &n);
	bool gone = srv_rows_is_null(rows, i, SRV_LAYER_DOCUMENT);
	bool delta = !srv_rows_is_null(rows, i, SRV_LAYER_GROUP);

	return json_pack("{s:s, s:I, s:s, s:s?, s:o, s:s, s:s, s:o, s:o}", "id",
			 srv_rows_text(rows, i, SRV_LAYER_ID), "revision",
			 (json_int_t)srv_rows_int(rows, i, SRV_LAYER_REVISION), "kind",
			 srv_rows_text(rows, i, SRV_LAYER_KIND), "group",
			 delta ? srv_rows_text(rows, i, SRV_LAYER_GROUP) : NULL, "until",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_LAYER_UNTIL)), "managed",
			 srv_rows_text(rows, i, SRV_LAYER_MANAGED), "created_by",
			 srv_rows_text(rows, i, SRV_LAYER_CREATED_BY), "created_at",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_LAYER_CREATED)), "document",
			 gone ? json_null() : json_stringn((const char *)bytes, n));
}

static int reply_layers(struct srv_call *call, const struct srv_rows *rows, struct err *err)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; i < srv_rows_count(rows) && r == 0; i++)
		r = srv_page_add(list, layer_json(rows, i), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	srv_reply_json(call->req, 200, json_pack("{s:o}", "layers", list));
	return 0;
}

int srv_layers_handle_list(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_layers_newest(call->conn, &rows, err);

	return r < 0 ? r : reply_layers(call, rows, err);
}

int srv_layers_handle_get(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_layers_history(call->conn, call->param, HISTORY_MAX, &rows, err);

	if (r < 0)
		return r;
	if (srv_rows_count(rows))
		return reply_layers(call, rows, err);
	srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no such document.");
	return 0;
}

/* The policy of a group with that serial, 0 = the newest; NULL in *ret_policy after an answer. */
static int load(struct srv_call *call, const char *group, int64_t serial,
		struct policy **ret_policy, int64_t *ret_serial, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct policy_errors errors;
	size_t n;
	int r = srv_policies_get(call->conn, call->scope, group, serial, &rows, err);

	if (r < 0)
		return r;
	if (!srv_rows_count(rows)) {
		srv_reply_problem(call->req, SRV_NOT_FOUND,
				  "The group has no policy with this serial.");
		return 0;
	}
	const uint8_t *bytes = srv_rows_bytes(rows, 0, SRV_POLICY_DOCUMENT, &n);

	*ret_serial = srv_rows_int(rows, 0, SRV_POLICY_SERIAL);
	*ret_policy = policy_parse(bytes, n, &errors);
	if (!*ret_policy)
		srv_reply_problem(call->req, SRV_POLICY_REFUSED,
				  "This version's language refuses serial %lld: line %d: %s",
				  (long long)*ret_serial, errors.list[0].line, errors.list[0].text);
	return 0;
}

int srv_policy_diff_handle_get(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	const char *group = q[D_GROUP].given ? q[D_GROUP].text : "default";
	cleanup_(policy_freep) struct policy *old = NULL;
	cleanup_(policy_freep) struct policy *new = NULL;
	int64_t from = 0, to = 0;

	if (!q[D_FROM].given) {
		srv_reply_problem(call->req, SRV_BAD_PARAMETER, "from: is missing.");
		return 0;
	}
	int r = load(call, group, q[D_FROM].number, &old, &from, err);

	if (r < 0 || !old)
		return r;
	r = load(call, group, q[D_TO].given ? q[D_TO].number : 0, &new, &to, err);
	if (r < 0 || !new)
		return r;
	srv_reply_json(call->req, 200,
		       json_pack("{s:s, s:I, s:I, s:o}", "group", group, "from", (json_int_t)from,
				 "to", (json_int_t)to, "changes", srv_changes_json(old, new)));
	return 0;
}

struct listing {
	json_t *list;
	const struct policy_request *request; /* NULL: for everybody */
};

static int add_item(void *context, const struct policy_item *item)
{
	struct listing *l = context;

	if (l->request && !policy_item_applies(item, l->request))
		return 0;
	json_t *json = srv_item_json(item);

	return json && json_array_append_new(l->list, json) == 0 ? 0 : -ENOMEM;
}

/* A device's group and host name; an answer when there is no such device. */
static int find_device(struct srv_call *call, char group[SRV_GROUP_MAX], char host[256],
		       struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_groups_of_device(call->conn, call->query[R_DEVICE].text, &rows, err);

	if (r < 0)
		return r;
	if (!srv_rows_count(rows)) {
		srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no such device.");
		return 1;
	}
	(void)snprintf(group, SRV_GROUP_MAX, "%s", srv_rows_text(rows, 0, 0));
	(void)snprintf(host, 256, "%s", srv_rows_text(rows, 0, 1));
	return 0;
}

/* What is in force for a group, or for a device and a user, in the order of deciding. */
int srv_policy_rules_handle_get(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_(policy_freep) struct policy *policy = NULL;
	char group[SRV_GROUP_MAX], host[256] = "";
	int64_t serial = q[R_SERIAL].given ? q[R_SERIAL].number : 0;

	(void)snprintf(group, sizeof(group), "%s", q[R_GROUP].given ? q[R_GROUP].text : "default");
	int r = q[R_DEVICE].given ? find_device(call, group, host, err) : 0;

	if (r == 0)
		r = load(call, group, serial, &policy, &serial, err);
	if (r < 0 || !policy)
		return r < 0 ? r : 0;
	struct policy_request request = {.user = q[R_USER].text,
					 .device = q[R_DEVICE].text,
					 .hostname = host[0] ? host : NULL,
					 .now_s = (uint64_t)time(NULL)};
	struct listing listing = {.list = json_array(),
				  .request =
					  q[R_DEVICE].given || q[R_USER].given ? &request : NULL};

	if (!listing.list || policy_items(policy, add_item, &listing) < 0) {
		json_decref(listing.list);
		return err_set(err, -ENOMEM, "out of memory");
	}
	srv_reply_json(call->req, 200,
		       json_pack("{s:s, s:I, s:o}", "group", group, "serial", (json_int_t)serial,
				 "rules", listing.list));
	return 0;
}

int srv_groups_handle_list(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	json_t *list = json_array();
	int r = srv_groups_list(call->conn, &rows, err);

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(
			list,
			json_pack("{s:s, s:s?}", "name", srv_rows_text(rows, i, 0), "parent",
				  srv_rows_is_null(rows, i, 1) ? NULL : srv_rows_text(rows, i, 1)),
			err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	srv_reply_json(call->req, 200, json_pack("{s:o}", "groups", list));
	return 0;
}

/* Policies of groups below follow at the next change of a layer. */
int srv_groups_handle_post(struct srv_call *call, struct err *err)
{
	const struct srv_value *b = call->body;
	const char *parent = b[N_PARENT].given ? b[N_PARENT].text : NULL;
	int r = srv_groups_put(call->conn, b[N_NAME].text, parent, err);

	if (r == -EINVAL)
		srv_reply_problem(call->req, SRV_BAD_FIELD,
				  "parent: the group would lie below itself; or the name is none.");
	else if (r == -ENOENT)
		srv_reply_problem(call->req, SRV_BAD_FIELD, "parent: there is no such group.");
	else if (r == 0)
		srv_reply_json(call->req, 200,
			       json_pack("{s:s, s:s?}", "name", b[N_NAME].text, "parent", parent));
	return r == -EINVAL || r == -ENOENT ? 0 : r;
}
