/* Setting passwords: one's own, somebody's by an admin, and that of the first admin by the one-time link. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit.h"
#include "server/config.h"
#include "server/db.h"
#include "server/password.h"
#include "server/rest/grants.h"
#include "server/rest/handlers.h"
#include "server/secret.h"
#include "server/store/people.h"

enum body {
	B_PASSWORD,
	B_CURRENT
};
const struct srv_field srv_password_body[] = {
	[B_PASSWORD] = {"password", SRV_FIELD_TEXT, true, 1, SRV_PASSWORD_BYTES_MAX},
	[B_CURRENT] = {"current", SRV_FIELD_TEXT, .min = 1, .max = SRV_PASSWORD_BYTES_MAX},
	{NULL},
};

enum first_body {
	F_LINK,
	F_NAME,
	F_PASSWORD
};
const struct srv_field srv_first_body[] = {
	[F_LINK] = {"link", SRV_FIELD_TEXT, true, 1, SRV_SECRET_TEXT - 1},
	[F_NAME] = {"name", SRV_FIELD_TEXT, true, 1, SRV_PERSON_NAME - 1},
	[F_PASSWORD] = {"password", SRV_FIELD_TEXT, true, 1, SRV_PASSWORD_BYTES_MAX},
	{NULL},
};

/* Answers when the password is no good. */
static bool is_good(struct srv_call *call, const char *password, const char *name)
{
	struct err why = {0};

	if (srv_password_check(password, name, &why) == 0)
		return true;
	srv_reply_problem(call->req, SRV_PASSWORD_REFUSED, "password: %s.", why.text);
	return false;
}

/* ---- somebody's ---- */

/* One's own needs the present one; another's needs an admin of every group. Answers 404 for what is not his. */
static bool may_set(struct srv_call *call, bool own)
{
	char scope[SRV_SCOPE_TEXT];

	srv_grants_scope(&call->who.grants, SRV_ROLE_ADMIN, scope);
	if (!own && !srv_groups_covers(scope, SRV_GROUPS_ALL))
		srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no person with this id.");
	else if (own && !call->body[B_CURRENT].given)
		srv_reply_problem(call->req, SRV_BAD_FIELD,
				  "current: is missing; your present password is needed.");
	return !call->req->status;
}

static int find(struct srv_call *call, struct srv_person *person, struct err *err)
{
	int r = srv_people_find(call->conn, NULL, call->param, person, err);

	if (r != -ENOENT && r != -EINVAL)
		return r;
	srv_reply_problem(call->req, SRV_NOT_FOUND, "There is no person with this id.");
	return 0;
}

/* Checks and hashes. No connection is held meanwhile. */
static int hash_new(struct srv_call *call, const struct srv_person *person, bool own,
		    char hash[SRV_PASSWORD_HASH], struct err *err)
{
	const struct srv_value *b = call->body;
	int r = 0;

	if (own)
		r = srv_passwords_verify(call->api->passwords, person->hash, b[B_CURRENT].text,
					 err);
	if (r == -EACCES) {
		srv_reply_problem(call->req, SRV_PASSWORD_REFUSED,
				  "current: is not your present password.");
		return 0;
	}
	if (r < 0 || !is_good(call, b[B_PASSWORD].text, person->name))
		return r;
	return srv_passwords_hash(call->api->passwords, b[B_PASSWORD].text, hash, err);
}

int srv_password_prepare(struct srv_call *call, struct err *err)
{
	bool own = !strcmp(call->param, call->who.person);
	struct srv_person person = {0};

	if (!may_set(call, own))
		return 0;
	call->conn = srv_db_get(call->api->context->db, err);
	if (!call->conn)
		return err->code;
	int r = find(call, &person, err);

	srv_db_put(call->api->context->db, call->conn);
	call->conn = NULL;
	if (r < 0 || call->req->status)
		return r;
	snprintf(call->object, sizeof(call->object), "%s", person.name);
	call->prepared_bytes = SRV_PASSWORD_HASH;
	call->prepared = calloc(1, SRV_PASSWORD_HASH);
	if (!call->prepared)
		return err_set(err, -ENOMEM, "out of memory");
	return hash_new(call, &person, own, call->prepared, err);
}

int srv_password_handle_post(struct srv_call *call, struct err *err)
{
	bool own = !strcmp(call->param, call->who.person);
	int r = srv_people_set_password(call->conn, call->param, call->prepared,
					own ? call->who.session : NULL, err);

	if (r == 0)
		srv_reply_none(call->req);
	return r;
}

/* ---- the first admin's ---- */

static void refuse_link(struct srv_call *call)
{
	srv_reply_problem(
		call->req, SRV_LINK_USED,
		"It was used, is too old, or never was one. \"ampoule-server link\" prints "
		"another.");
}

static int add_admin(struct srv_call *call, struct srv_conn *conn, const uint8_t *hash,
		     const char *password_hash, struct err *err)
{
	struct srv_grants grants = {0};
	struct srv_audit_entry entry = {
		.actor = call->body[F_NAME].text,
		.address = call->req->peer,
		.request = call->req->id,
		.action = "POST /api/v1/setup",
		.object = call->body[F_NAME].text,
		.outcome = "done",
		.became = "{\"roles\":[{\"groups\":\"all\",\"role\":\"admin\"}]}",
	};
	char id[SRV_PERSON_ID];
	int r = srv_grants_add(&grants, "admin", SRV_GROUPS_ALL);

	if (r == 0)
		r = srv_links_use(conn, hash, err);
	if (r == 0)
		r = srv_people_add(conn, call->body[F_NAME].text, password_hash, "setup", id, err);
	if (r == 0)
		r = srv_people_set_grants(conn, id, &grants, err);
	if (r == 0) {
		entry.person = id;
		r = srv_audit_add(conn, &entry, err);
	}
	if (r == 0)
		srv_reply_json(call->req, 201,
			       json_pack("{s:s, s:s, s:o}", "id", id, "name",
					 call->body[F_NAME].text, "roles",
					 srv_grants_json(&grants)));
	return r;
}

/* Whether the link would do, before anything is hashed for it. */
static int look_at_link(struct srv_call *call, const uint8_t hash[SRV_HASH_BYTES], struct err *err)
{
	struct srv_conn *conn = srv_db_get(call->api->context->db, err);
	int r = conn ? srv_links_find(conn, hash, err) : err->code;

	srv_db_put(call->api->context->db, conn);
	return r;
}

static int make_admin(struct srv_call *call, const uint8_t hash[SRV_HASH_BYTES],
		      const char *password_hash, struct err *err)
{
	struct srv_conn *conn = srv_db_get(call->api->context->db, err);

	if (!conn)
		return err->code;
	int r = srv_begin(conn, err);

	if (r == 0)
		r = add_admin(call, conn, hash, password_hash, err);
	if (r == 0)
		r = srv_commit(conn, err);
	srv_db_put(call->api->context->db, conn); /* which rolls back what was not committed */
	return r;
}

int srv_first_handle_post(struct srv_call *call, struct err *err)
{
	const struct srv_value *b = call->body;
	uint8_t secret[SRV_SECRET_BYTES] = {0}, hash[SRV_HASH_BYTES];
	char password_hash[SRV_PASSWORD_HASH];
	int r = srv_secret_parse(SRV_LINK_PREFIX, b[F_LINK].text, secret);

	srv_secret_hash(secret, hash);
	explicit_bzero(secret, sizeof(secret));
	r = r < 0 ? -EACCES : look_at_link(call, hash, err);
	if (r == 0 && !is_good(call, b[F_PASSWORD].text, b[F_NAME].text))
		return 0;
	if (r == 0)
		r = srv_passwords_hash(call->api->passwords, b[F_PASSWORD].text, password_hash,
				       err);
	if (r == 0)
		r = make_admin(call, hash, password_hash, err);
	explicit_bzero(password_hash, sizeof(password_hash));
	if (r == -EACCES)
		refuse_link(call);
	else if (r == -EEXIST)
		srv_reply_problem(call->req, SRV_PERSON_EXISTS, "name: somebody has this name.");
	else if (r == -EINVAL)
		srv_reply_problem(call->req, SRV_BAD_FIELD, "name: is no name.");
	else
		return r;
	return 0;
}
