/* /people: who may sign in, and what they may do. For admins of every group: whoever can hand out roles could
 * hand them to himself, so a narrower admin cannot. */
#include "server/store/people.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/password.h"
#include "server/rest/grants.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"

enum query {
	Q_LIMIT,
	Q_AFTER
};
const struct srv_field srv_people_query[] = {
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_AFTER] = SRV_PAGE_AFTER,
	{NULL},
};

enum body {
	B_NAME,
	B_PASSWORD,
	B_ROLES
};
const struct srv_field srv_people_body[] = {
	[B_NAME] = {"name", SRV_FIELD_TEXT, true, 1, SRV_PERSON_NAME - 1},
	[B_PASSWORD] = {"password", SRV_FIELD_TEXT, true, 1, SRV_PASSWORD_BYTES_MAX},
	[B_ROLES] = {"roles", SRV_FIELD_LIST, true, 0, SRV_ROLES},
	{NULL},
};

enum patch_body {
	P_ROLES,
	P_DISABLED,
	P_TOTP
};
const struct srv_field srv_people_patch_body[] = {
	[P_ROLES] = {"roles", SRV_FIELD_LIST, .min = 0, .max = SRV_ROLES},
	[P_DISABLED] = {"disabled", SRV_FIELD_FLAG},
	[P_TOTP] = {"totp", SRV_FIELD_FLAG},
	{NULL},
};

static void refuse_unknown(struct srv_call *call)
{
	srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no person with this id.");
}

static json_t *person_json(struct srv_conn *conn, const struct srv_rows *rows, size_t i,
			   struct err *err)
{
	const char *id = srv_rows_text(rows, i, SRV_PERSON_COLUMN_ID);
	struct srv_grants grants = {0};

	if (srv_people_grants(conn, id, &grants, err) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:b, s:b, s:o, s:s, s:o}", "id", id, "name",
			 srv_rows_text(rows, i, SRV_PERSON_COLUMN_NAME), "roles",
			 srv_grants_json(&grants), "disabled",
			 srv_rows_bool(rows, i, SRV_PERSON_COLUMN_DISABLED), "totp",
			 srv_rows_bool(rows, i, SRV_PERSON_COLUMN_TOTP), "created_at",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_PERSON_COLUMN_CREATED)),
			 "created_by", srv_rows_text(rows, i, SRV_PERSON_COLUMN_CREATED_BY),
			 "last_seen",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_PERSON_COLUMN_LAST_SEEN)));
}

/* One person as JSON; *ret_json stays NULL when there is none. */
static int load(struct srv_call *call, const char *id, json_t **ret_json, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_people_list(call->conn, id, NULL, 1, &rows, err);

	if (r == 0 && srv_rows_count(rows)) {
		*ret_json = person_json(call->conn, rows, 0, err);
		r = *ret_json ? 0 : -ENOMEM;
	}
	return r;
}

/* The same before a change: a bad id ends the transaction, so it is looked at first. Answers 404. */
static int load_before(struct srv_call *call, struct err *err)
{
	int r = load(call, call->param, &call->was, err);

	if (r == -EINVAL || (r == 0 && !call->was)) {
		refuse_unknown(call);
		return 0;
	}
	if (r == 0)
		snprintf(call->object, sizeof(call->object), "%s",
			 json_string_value(json_object_get(call->was, "name")));
	return r;
}

int srv_people_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	int64_t limit = srv_page_limit(&q[Q_LIMIT]);
	const char *next = NULL;
	int r = srv_people_list(call->conn, NULL, q[Q_AFTER].text, limit, &rows, err);
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, person_json(call->conn, rows, i, err), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	if ((int64_t)srv_rows_count(rows) == limit)
		next = srv_rows_text(rows, srv_rows_count(rows) - 1, SRV_PERSON_COLUMN_NAME);
	srv_reply_json(call->req, 200, srv_page_json("people", list, next));
	return 0;
}

int srv_people_handle_get(struct srv_call *call, struct err *err)
{
	json_t *json = NULL;
	int r = load(call, call->param, &json, err);

	if (r < 0 && r != -EINVAL)
		return r;
	if (json)
		srv_reply_json(call->req, 200, json);
	else
		refuse_unknown(call);
	return 0;
}

/* ---- changing ---- */

int srv_people_prepare(struct srv_call *call, struct err *err)
{
	const struct srv_value *b = call->body;
	struct err why = {0};

	if (srv_password_check(b[B_PASSWORD].text, b[B_NAME].text, &why) < 0) {
		srv_reply_problem(call->req, SRV_PASSWORD_REFUSED, "password: %s.", why.text);
		return 0;
	}
	call->prepared_bytes = SRV_PASSWORD_HASH;
	call->prepared = calloc(1, SRV_PASSWORD_HASH);
	if (!call->prepared)
		return err_set(err, -ENOMEM, "out of memory");
	return srv_passwords_hash(call->api->passwords, b[B_PASSWORD].text, call->prepared, err);
}

static int set_roles(struct srv_call *call, const char *id, json_t *list, struct err *err)
{
	struct srv_grants grants;
	int r = srv_grants_read(list, &grants, err);

	if (r < 0) {
		srv_reply_problem(call->req, SRV_BAD_FIELD, "%s.", err->text);
		return 0;
	}
	r = srv_people_set_grants(call->conn, id, &grants, err);
	if (r != -ENOENT)
		return r;
	srv_reply_problem(call->req, SRV_BAD_FIELD, "roles: there is no such group.");
	return 0;
}

/* Gives the answer, and the audit row what became of it. */
static int reply_person(struct srv_call *call, const char *id, int status, struct err *err)
{
	int r = load(call, id, &call->became, err);

	if (r == 0)
		srv_reply_json(call->req, status, json_incref(call->became));
	return r;
}

int srv_people_handle_post(struct srv_call *call, struct err *err)
{
	const struct srv_value *b = call->body;
	char id[SRV_PERSON_ID];
	int r = srv_people_add(call->conn, b[B_NAME].text, call->prepared, call->who.name, id, err);

	snprintf(call->object, sizeof(call->object), "%s", b[B_NAME].text);
	if (r == -EEXIST)
		srv_reply_problem(call->req, SRV_PERSON_EXISTS, "name: somebody has this name.");
	else if (r == -EINVAL)
		srv_reply_problem(
			call->req, SRV_BAD_FIELD,
			"name: lower-case letters, digits, \".\", \"_\", \"@\" and \"-\", "
			"and a letter or digit first.");
	else if (r < 0)
		return r;
	if (!call->req->status)
		r = set_roles(call, id, b[B_ROLES].list, err);
	return call->req->status ? 0 : r < 0 ? r : reply_person(call, id, 201, err);
}

/* Answers when the change would leave nobody who can manage people. */
static int keep_an_admin(struct srv_call *call, struct err *err)
{
	bool has = false;
	int r = srv_people_has_admin(call->conn, &has, err);

	if (r == 0 && !has)
		srv_reply_problem(call->req, SRV_LAST_ADMIN,
				  "This is the last admin of every group. Make another first.");
	return r;
}

int srv_people_handle_patch(struct srv_call *call, struct err *err)
{
	const struct srv_value *b = call->body;
	int r = load_before(call, err);

	if (r < 0 || call->req->status)
		return r;
	if (b[P_TOTP].given && b[P_TOTP].flag) {
		srv_reply_problem(call->req, SRV_BAD_FIELD,
				  "totp: only its owner can set it up; here it can be removed.");
		return 0;
	}
	if (b[P_ROLES].given)
		r = set_roles(call, call->param, b[P_ROLES].list, err);
	if (r == 0 && !call->req->status && b[P_DISABLED].given)
		r = srv_people_disable(call->conn, call->param, b[P_DISABLED].flag, err);
	if (r == 0 && !call->req->status && b[P_TOTP].given)
		r = srv_people_totp_remove(call->conn, call->param, err);
	if (r == 0 && !call->req->status)
		r = keep_an_admin(call, err);
	if (r < 0 || call->req->status)
		return r;
	return reply_person(call, call->param, 200, err);
}

int srv_people_handle_delete(struct srv_call *call, struct err *err)
{
	int r = load_before(call, err);

	if (r < 0 || call->req->status)
		return r;
	r = srv_people_delete(call->conn, call->param, err);
	if (r == 0)
		r = keep_an_admin(call, err);
	if (r == 0 && !call->req->status)
		srv_reply_none(call->req);
	return r;
}
