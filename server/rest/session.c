/* /session: signing in, who is signed in, signing out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "server/audit.h"
#include "server/config.h"
#include "server/db.h"
#include "server/password.h"
#include "server/rest/attempt.h"
#include "server/rest/grants.h"
#include "server/rest/handlers.h"
#include "server/rest/origin.h"
#include "server/secret.h"
#include "server/store/sessions.h"

enum body {
	B_NAME,
	B_PASSWORD,
	B_CODE
};
const struct srv_field srv_session_body[] = {
	[B_NAME] = {"name", SRV_FIELD_TEXT, true, 1, SRV_PERSON_NAME - 1},
	[B_PASSWORD] = {"password", SRV_FIELD_TEXT, true, 1, SRV_PASSWORD_BYTES_MAX},
	[B_CODE] = {"code", SRV_FIELD_TEXT, .min = 6, .max = 32},
	{NULL},
};

/* ---- answering ---- */

static json_t *session_json(const struct srv_identity *who)
{
	return json_pack("{s:{s:s, s:s, s:o}, s:o, s:i}", "person", "id", who->person, "name",
			 who->name, "roles", srv_grants_json(&who->grants), "expires",
			 srv_json_time(who->expires_us), "idle_seconds", SRV_SESSION_IDLE_S);
}

static int audit_login(struct srv_call *call, struct srv_conn *conn, struct err *err)
{
	struct srv_audit_entry entry = {
		.actor = call->who.name,
		.person = call->who.person,
		.session = call->who.session,
		.address = call->req->peer,
		.request = call->req->id,
		.action = "POST /api/v1/session",
		.object = call->who.name,
		.outcome = "done",
	};

	return srv_audit_add(conn, &entry, err);
}

/* In a transaction: the code is used up, the session is there, the log says so, or none of it. */
static int open_session(struct srv_call *call, struct srv_conn *conn,
			const struct srv_attempt *attempt, uint8_t secret[SRV_SECRET_BYTES],
			struct err *err)
{
	uint8_t hash[SRV_HASH_BYTES];
	char agent[160] = "";
	struct srv_session session = {0};
	struct srv_identity *who = &call->who;
	const struct srv_person *person = &attempt->person;
	int r = srv_attempt_code(call, conn, attempt, call->body[B_CODE].text, err);

	if (r < 0)
		return r;
	if (call->req->agent)
		log_quote(agent, sizeof(agent), call->req->agent, strlen(call->req->agent));
	srv_secret_hash(secret, hash);
	struct srv_new_session made = {
		.hash = hash, .person = person->id, .address = call->req->peer, .agent = agent};

	r = srv_sessions_add(conn, &made, &session, err);
	if (r == 0)
		r = srv_people_grants(conn, person->id, &who->grants, err);
	if (r == 0)
		r = srv_attempt_forgive(conn, attempt, true, err);
	if (r < 0)
		return r;
	snprintf(who->id, sizeof(who->id), "%s", person->id);
	snprintf(who->person, sizeof(who->person), "%s", person->id);
	snprintf(who->name, sizeof(who->name), "%s", person->name);
	snprintf(who->session, sizeof(who->session), "%s", session.id);
	who->expires_us = session.expires_us;
	return audit_login(call, conn, err);
}

static int sign_in(struct srv_call *call, struct srv_conn *conn, const struct srv_attempt *attempt,
		   struct err *err)
{
	uint8_t secret[SRV_SECRET_BYTES];
	char text[SRV_SECRET_TEXT];
	int r = srv_secret_make(secret);

	if (r == 0)
		r = srv_begin(conn, err);
	if (r < 0)
		return r;
	r = open_session(call, conn, attempt, secret, err);
	if (r == 0)
		r = srv_commit(conn, err);
	if (r < 0) {
		srv_rollback(conn);
	} else {
		srv_secret_text(SRV_SESSION_PREFIX, secret, text);
		srv_cookie_set(call->req, text);
		srv_reply_json(call->req, 200, session_json(&call->who));
		explicit_bzero(text, sizeof(text));
	}
	explicit_bzero(secret, sizeof(secret));
	return r;
}

static void refuse(struct srv_call *call)
{
	srv_reply_problem(
		call->req, SRV_LOGIN_REFUSED,
		"The name, the password or the code is wrong, or the account is disabled.");
}

/* The password was right. */
static int go_on(struct srv_call *call, struct srv_conn *conn, const struct srv_attempt *attempt,
		 struct err *err)
{
	const struct srv_person *person = &attempt->person;

	if (person->disabled) {
		refuse(call);
		return 0;
	}
	if (person->has_totp && !call->body[B_CODE].given) {
		int r = srv_attempt_forgive(conn, attempt, false, err);

		srv_reply_problem(call->req, SRV_SECOND_FACTOR_NEEDED,
				  "Send \"code\" too: of the authenticator, or a recovery code.");
		return r;
	}
	int r = sign_in(call, conn, attempt, err);

	if (r != -EACCES)
		return r;
	refuse(call);
	return 0;
}

int srv_session_handle_post(struct srv_call *call, struct err *err)
{
	const struct srv_value *body = call->body;
	struct srv_attempt attempt = {0};
	int r = srv_attempt_begin(call, body[B_NAME].text, &attempt, err);

	if (r < 0 || call->req->status)
		return r;
	if (attempt.known)
		snprintf(call->object, sizeof(call->object), "%s", attempt.person.name);
	r = srv_attempt_password(call, &attempt, body[B_PASSWORD].text, err);
	if (r == -EACCES) {
		refuse(call);
		return 0;
	}
	if (r < 0)
		return r;
	struct srv_conn *conn = srv_db_get(call->api->context->db, err);

	if (!conn)
		return err->code;
	r = go_on(call, conn, &attempt, err);
	srv_db_put(call->api->context->db, conn);
	return r;
}

int srv_session_handle_get(struct srv_call *call, struct err *err)
{
	(void)err;
	srv_reply_json(call->req, 200, session_json(&call->who));
	return 0;
}

int srv_session_handle_delete(struct srv_call *call, struct err *err)
{
	int r = srv_sessions_end(call->conn, call->who.session, NULL, err);

	if (r < 0 && r != -ENOENT) /* ended meanwhile is as good */
		return r;
	srv_reply_none(call->req);
	srv_cookie_set(call->req, "");
	return 0;
}
