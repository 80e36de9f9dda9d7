#include "server/store/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/sign.h"
#include "common/token.h"
#include "server/config.h"
#include "server/hub.h"
#include "server/rest/grants.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"
#include "server/rest/pins.h"
#include "server/secret.h"

enum {
	USES_MAX = 100000,
	TTL_MIN_S = 10,
	TTL_ENROL_S = 3600,
	TTL_MAX_S = 366 * 24 * 3600
};

enum query {
	Q_LIMIT,
	Q_AFTER
};
const struct srv_field srv_tokens_query[] = {
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_AFTER] = SRV_PAGE_AFTER,
	{NULL},
};

enum body {
	B_KIND,
	B_NAME,
	B_ROLE,
	B_GROUP,
	B_USES,
	B_TTL_S,
	B_GROUPS,
	B_APPROVAL
};
const struct srv_field srv_tokens_body[] = {
	[B_KIND] = {"kind", SRV_FIELD_TEXT, true, 1, 16, "enrol|api"},
	[B_NAME] = {"name", SRV_FIELD_TEXT, .max = SRV_TOKEN_NAME - 1},
	[B_ROLE] = {"role", SRV_FIELD_TEXT, .max = 16, .words = SRV_ROLE_WORDS},
	[B_GROUP] = {"group", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	[B_USES] = {"uses", SRV_FIELD_NUMBER, .min = 1, .max = USES_MAX},
	[B_TTL_S] = {"ttl_s", SRV_FIELD_NUMBER, .min = TTL_MIN_S, .max = TTL_MAX_S},
	[B_GROUPS] = {"groups", SRV_FIELD_LIST, .min = 1, .max = SRV_GRANT_GROUPS_MAX},
	[B_APPROVAL] = {"approval", SRV_FIELD_FLAG},
	{NULL},
};

/* ---- listing ---- */

static json_t *token_json(const struct srv_rows *rows, size_t i)
{
	bool enrol = !srv_rows_is_null(rows, i, SRV_TOKEN_COLUMN_USES_LEFT);
	const char *role = srv_rows_text(rows, i, SRV_TOKEN_COLUMN_ROLE);
	const char *group = srv_rows_text(rows, i, SRV_TOKEN_COLUMN_GROUP);

	return json_pack(
		"{s:s, s:s, s:s, s:s?, s:s?, s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o}", "id",
		srv_rows_text(rows, i, SRV_TOKEN_COLUMN_ID), "kind",
		srv_rows_text(rows, i, SRV_TOKEN_COLUMN_KIND), "name",
		srv_rows_text(rows, i, SRV_TOKEN_COLUMN_NAME), "role", role[0] ? role : NULL,
		"group", group[0] ? group : NULL, "groups",
		enrol ? json_null()
		      : srv_groups_json(srv_rows_text(rows, i, SRV_TOKEN_COLUMN_GROUPS)),
		"uses",
		enrol ? json_integer(srv_rows_int(rows, i, SRV_TOKEN_COLUMN_USES)) : json_null(),
		"uses_left",
		enrol ? json_integer(srv_rows_int(rows, i, SRV_TOKEN_COLUMN_USES_LEFT))
		      : json_null(),
		"state", srv_rows_text(rows, i, SRV_TOKEN_COLUMN_STATE), "expires_at",
		srv_json_time(srv_rows_time_us(rows, i, SRV_TOKEN_COLUMN_EXPIRES)), "created_at",
		srv_json_time(srv_rows_time_us(rows, i, SRV_TOKEN_COLUMN_CREATED)), "created_by",
		srv_rows_text(rows, i, SRV_TOKEN_COLUMN_CREATED_BY), "last_used_at",
		srv_json_time(srv_rows_time_us(rows, i, SRV_TOKEN_COLUMN_LAST_USED)), "approval",
		enrol ? json_boolean(srv_rows_bool(rows, i, SRV_TOKEN_COLUMN_APPROVAL))
		      : json_null());
}

/* What the caller may see and revoke: as an admin all within his groups, else what he made. */
static struct srv_token_filter filter_of(const struct srv_call *call, char scope[SRV_SCOPE_TEXT])
{
	srv_grants_scope(&call->who.grants, SRV_ROLE_ADMIN, scope);
	return (struct srv_token_filter){
		.scope = scope,
		.maker = call->who.person[0] ? call->who.person : NULL,
		.limit = 1,
	};
}

int srv_tokens_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	char scope[SRV_SCOPE_TEXT];
	struct srv_token_filter filter = filter_of(call, scope);
	const char *next = NULL;

	filter.limit = srv_page_limit(&q[Q_LIMIT]);
	filter.after = q[Q_AFTER].text;
	int r = srv_tokens_list(call->conn, &filter, &rows, err);

	if (r == -EINVAL) {
		srv_page_refuse(call);
		return 0;
	}
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, token_json(rows, i), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	if ((int64_t)srv_rows_count(rows) == filter.limit)
		next = srv_rows_text(rows, srv_rows_count(rows) - 1, SRV_TOKEN_COLUMN_ID);
	srv_reply_json(call->req, 200, srv_page_json("tokens", list, next));
	return 0;
}

/* ---- making ---- */

/* Every field that has no meaning for the kind is refused, so that nobody believes it had one. */
static bool is_fitting(struct srv_call *call)
{
	const struct srv_value *b = call->body;
	bool enrol = b[B_KIND].text[0] == 'e';
	const char *odd = NULL;

	if (enrol && b[B_ROLE].given)
		odd = "role";
	if (!enrol && b[B_GROUP].given)
		odd = "group";
	if (!enrol && b[B_USES].given)
		odd = "uses";
	if (enrol && b[B_GROUPS].given)
		odd = "groups";
	if (!enrol && b[B_APPROVAL].given)
		odd = "approval";
	if (odd)
		srv_reply_problem(call->req, SRV_BAD_FIELD, "%s: has no meaning for kind %s.", odd,
				  b[B_KIND].text);
	else if (!enrol && !b[B_ROLE].given)
		srv_reply_problem(call->req, SRV_BAD_FIELD,
				  "role: is missing; an API token has one.");
	return !call->req->status;
}

/* Which groups the token is for; those of its maker's role when none are named. Answers what is wrong. */
static bool read_groups(struct srv_call *call, unsigned givers, char groups[SRV_GROUPS_TEXT])
{
	const struct srv_value *b = call->body;
	char reach[SRV_SCOPE_TEXT];
	struct err err = {0};

	srv_grants_scope(&call->who.grants, givers, reach);
	if (b[B_KIND].text[0] == 'e')
		snprintf(groups, SRV_GROUPS_TEXT, "{%s}",
			 b[B_GROUP].given ? b[B_GROUP].text : "default");
	else if (!b[B_GROUPS].given && strlen(reach) >= SRV_GROUPS_TEXT)
		srv_reply_problem(call->req, SRV_BAD_FIELD, "groups: name them, at most %d.",
				  SRV_GRANT_GROUPS_MAX);
	else if (!b[B_GROUPS].given)
		snprintf(groups, SRV_GROUPS_TEXT, "%s", reach);
	else if (srv_groups_read("groups", b[B_GROUPS].list, groups, &err) < 0)
		srv_reply_problem(call->req, SRV_BAD_FIELD, "%s.", err.text);
	if (call->req->status)
		return false;
	/* A group that is not the caller's is answered like one that is not there. */
	if (!strcmp(reach, "{}"))
		srv_reply_problem(call->req, SRV_ABOVE_MAKER,
				  "None of your roles may hand this one out.");
	else if (!srv_groups_covers(reach, groups))
		srv_reply_problem(call->req, SRV_BAD_FIELD, "group: there is no such group.");
	return !call->req->status;
}

/* Never above its maker: an enrolment token needs an admin of its group, an API token somebody who has the role
 * there himself, or is admin there. */
static bool is_within_maker(struct srv_call *call, char groups[SRV_GROUPS_TEXT])
{
	unsigned role = SRV_ROLE_ADMIN;

	if (call->body[B_ROLE].given && srv_role_parse(call->body[B_ROLE].text, &role) < 0)
		role = SRV_ROLE_ADMIN; /* the table lets no other word through */
	return read_groups(call, srv_role_givers(role), groups);
}

static int text_of(struct srv_call *call, bool enrol, const uint8_t secret[SRV_SECRET_BYTES],
		   struct buf *text, struct err *err)
{
	char api[SRV_API_TOKEN_TEXT];
	struct token token = {0};

	if (!enrol) {
		srv_api_token_text(secret, api);
		int r = buf_put(text, api, strlen(api));

		explicit_bzero(api, sizeof(api));
		return r < 0 ? err_set(err, r, "out of memory") : 0;
	}
	int r = srv_pins_fill(call->api->context->config, call->conn, &token, err);

	if (r < 0)
		return r;
	memcpy(token.secret, secret, sizeof(token.secret));
	r = token_put(text, &token);
	explicit_bzero(&token, sizeof(token));
	return r < 0 ? err_set(err, r, "cannot make the token's text") : 0;
}

static int add(struct srv_call *call, const char *groups, const uint8_t secret[SRV_SECRET_BYTES],
	       char ret_id[SRV_TOKEN_ID], struct err *err)
{
	bool enrol = call->body[B_KIND].text[0] == 'e';
	const struct srv_value *b = call->body;
	uint8_t hash[SRV_HASH_BYTES];
	struct srv_new_token row = {
		.kind = b[B_KIND].text,
		.hash = hash,
		.name = b[B_NAME].given ? b[B_NAME].text : "",
		.role = b[B_ROLE].text,
		.created_by = call->who.name,
		.ttl_s = b[B_TTL_S].number,
	};

	if (enrol) {
		row.group = b[B_GROUP].given ? b[B_GROUP].text : "default";
		row.uses = b[B_USES].given ? b[B_USES].number : 1;
		row.ttl_s = b[B_TTL_S].given ? b[B_TTL_S].number : TTL_ENROL_S;
		row.approval = b[B_APPROVAL].given && b[B_APPROVAL].flag;
	}
	if (!enrol) {
		row.groups = groups;
		row.maker = call->who.person[0] ? call->who.person : NULL;
		row.parent = call->who.token[0] ? call->who.token : NULL;
	}
	srv_secret_hash(secret, hash);
	return srv_tokens_add(call->conn, &row, ret_id, err);
}

static int make(struct srv_call *call, uint8_t secret[SRV_SECRET_BYTES], struct buf *text,
		struct err *err)
{
	bool enrol = call->body[B_KIND].text[0] == 'e';
	char id[SRV_TOKEN_ID], groups[SRV_GROUPS_TEXT];

	if (!is_within_maker(call, groups))
		return 0;
	int r = srv_secret_make(secret);

	if (r < 0)
		return err_set(err, r, "no random bytes");
	r = text_of(call, enrol, secret, text, err);
	if (r == -ENOKEY) {
		srv_reply_problem(call->req, SRV_NO_KEYS, "%s", err->text);
		return 0;
	}
	if (r < 0)
		return r;
	r = add(call, groups, secret, id, err);
	if (r == -ENOENT) {
		srv_reply_problem(call->req, SRV_BAD_FIELD, "group: there is no such group.");
		return 0;
	}
	snprintf(call->object, sizeof(call->object), "%s", id);
	call->became = json_pack("{s:s, s:s?, s:o}", "kind", call->body[B_KIND].text, "role",
				 call->body[B_ROLE].text, "groups", srv_groups_json(groups));
	if (r == 0)
		srv_reply_json(call->req, 201,
			       json_pack("{s:s, s:s, s:s%}", "id", id, "kind",
					 call->body[B_KIND].text, "token", (const char *)text->data,
					 text->len));
	return r;
}

int srv_tokens_handle_post(struct srv_call *call, struct err *err)
{
	cleanup_buf struct buf text = {0};
	uint8_t secret[SRV_SECRET_BYTES] = {0};

	if (!is_fitting(call))
		return 0;
	int r = make(call, secret, &text, err);

	explicit_bzero(secret, sizeof(secret));
	if (text.len)
		explicit_bzero(text.data, text.len);
	return r;
}

int srv_tokens_handle_delete(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	char scope[SRV_SCOPE_TEXT];
	struct srv_token_filter filter = filter_of(call, scope);

	filter.id = call->param;
	int r = srv_tokens_list(call->conn, &filter, &rows, err);

	if (r < 0 && r != -EINVAL)
		return r;
	if (r < 0 || !srv_rows_count(rows)) {
		srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no token with this id.");
		return 0;
	}
	call->was = token_json(rows, 0);
	r = srv_tokens_revoke(call->conn, call->param, err);
	if (r == 0)
		srv_reply_none(call->req);
	return r;
}
