/* /session: signing in, who is signed in, signing out.
 *
 * An attempt is counted as failed before it is tried and taken back when it was good; a name that nobody has is
 * counted, delayed and hashed for like any other, so that answers and times tell nothing about names. */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "server/audit.h"
#include "server/config.h"
#include "server/db.h"
#include "server/derive.h"
#include "server/password.h"
#include "server/rest/grants.h"
#include "server/rest/handlers.h"
#include "server/rest/origin.h"
#include "server/secret.h"
#include "server/store/people.h"
#include "server/store/sessions.h"
#include "server/totp.h"

enum {
	FREE_BY_NAME = 5,
	FREE_BY_ADDRESS = 30,
	BUCKETS = 65536
};

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

/* ---- delays ---- */

struct buckets {
	int64_t name, address;
};

static int64_t bucket_of(const struct srv_call *call, int64_t kind, const char *text)
{
	uint8_t mac[32] = {0};
	unsigned n = sizeof(mac);

	(void)HMAC(EVP_sha256(), call->api->keys->bucket, 32, (const uint8_t *)text, strlen(text),
		   mac, &n); /* out of memory: one bucket for all, which is strict */
	return kind * BUCKETS + (mac[0] << 8 | mac[1]);
}

/* Answers and gives false when the attempt must wait. */
static bool may_try(struct srv_call *call, struct srv_conn *conn, const struct buckets *b,
		    struct err *err)
{
	int64_t wait_s = 0;
	int r = srv_delays_take(conn, b->address, FREE_BY_ADDRESS, &wait_s, err);

	if (r == 0 && !wait_s)
		r = srv_delays_take(conn, b->name, FREE_BY_NAME, &wait_s, err);
	if (r < 0) {
		srv_reply_failure(call->req, r, err);
	} else if (wait_s) {
		srv_reply_problem(call->req, SRV_TOO_MANY,
				  "Too many attempts failed. Try again in %" PRId64 " s.", wait_s);
		call->req->retry_after_s = (unsigned)wait_s;
	}
	return !call->req->status;
}

/* This attempt was no failure; with `all`, those of the name before it are forgotten too. */
static int give_back(struct srv_conn *conn, const struct buckets *b, bool all, struct err *err)
{
	int r = srv_delays_give_back(conn, b->name, all, err);

	return r < 0 ? r : srv_delays_give_back(conn, b->address, false, err);
}

/* ---- the second factor ---- */

static int use_totp(struct srv_call *call, struct srv_conn *conn, const struct srv_person *person,
		    const char *code, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	cleanup_buf struct buf secret = {0};
	int64_t step = 0;
	size_t n = 0;
	int r = srv_people_totp(conn, person->id, false, &rows, err);

	if (r < 0)
		return r;
	const uint8_t *sealed = srv_rows_count(rows) ? srv_rows_bytes(rows, 0, 0, &n) : NULL;

	r = srv_unseal(call->api->keys->seal, person->id, sealed, n, &secret);
	if (r == 0 && secret.len == SRV_TOTP_SECRET)
		r = srv_totp_check(secret.data, time(NULL), code, &step);
	else
		r = err_set(err, -EIO, "the second factor of %s does not open", person->name);
	if (secret.len)
		explicit_bzero(secret.data, secret.len);
	return r < 0 ? r : srv_people_totp_use(conn, person->id, step, err);
}

/* A TOTP or a recovery code; -EACCES when it is neither. */
static int use_code(struct srv_call *call, struct srv_conn *conn, const struct srv_person *person,
		    struct err *err)
{
	const char *code = call->body[B_CODE].text;
	uint8_t hash[32];

	if (!person->has_totp)
		return 0;
	if (srv_recovery_hash(code, hash) == 0)
		return srv_people_recovery_use(conn, person->id, hash, err);
	return use_totp(call, conn, person, code, err);
}

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
			const struct srv_person *person, const struct buckets *b,
			uint8_t secret[SRV_SECRET_BYTES], struct err *err)
{
	uint8_t hash[SRV_HASH_BYTES];
	char agent[160] = "";
	struct srv_session session = {0};
	struct srv_identity *who = &call->who;
	int r = use_code(call, conn, person, err);

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
		r = give_back(conn, b, true, err);
	if (r < 0)
		return r;
	snprintf(who->id, sizeof(who->id), "%s", person->id);
	snprintf(who->person, sizeof(who->person), "%s", person->id);
	snprintf(who->name, sizeof(who->name), "%s", person->name);
	snprintf(who->session, sizeof(who->session), "%s", session.id);
	who->expires_us = session.expires_us;
	return audit_login(call, conn, err);
}

static int sign_in(struct srv_call *call, struct srv_conn *conn, const struct srv_person *person,
		   const struct buckets *b, struct err *err)
{
	uint8_t secret[SRV_SECRET_BYTES];
	char text[SRV_SECRET_TEXT];
	int r = srv_secret_make(secret);

	if (r == 0)
		r = srv_begin(conn, err);
	if (r < 0)
		return r;
	r = open_session(call, conn, person, b, secret, err);
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
static int go_on(struct srv_call *call, struct srv_conn *conn, const struct srv_person *person,
		 const struct buckets *b, struct err *err)
{
	if (person->disabled) {
		refuse(call);
		return 0;
	}
	if (person->has_totp && !call->body[B_CODE].given) {
		int r = give_back(conn, b, false, err);

		srv_reply_problem(call->req, SRV_SECOND_FACTOR_NEEDED,
				  "Send \"code\" too: of the authenticator, or a recovery code.");
		return r;
	}
	int r = sign_in(call, conn, person, b, err);

	if (r != -EACCES)
		return r;
	refuse(call);
	return 0;
}

/* *ret_known is false for a name that nobody has. The connection is not held while the password is hashed. */
static int find_person(struct srv_call *call, const struct buckets *b, struct srv_person *person,
		       bool *ret_known, struct err *err)
{
	struct srv_conn *conn = srv_db_get(call->api->context->db, err);
	int r = 0;

	if (!conn)
		return err->code;
	*ret_known = false;
	if (may_try(call, conn, b, err)) {
		r = srv_people_find(conn, call->body[B_NAME].text, NULL, person, err);
		*ret_known = r == 0;
	}
	srv_db_put(call->api->context->db, conn);
	return r == -ENOENT ? 0 : r;
}

int srv_session_handle_post(struct srv_call *call, struct err *err)
{
	const struct srv_value *body = call->body;
	struct buckets b = {bucket_of(call, 0, body[B_NAME].text),
			    bucket_of(call, 1, call->req->peer)};
	struct srv_person person = {0};
	bool known = false;
	int r = find_person(call, &b, &person, &known, err);

	if (r < 0 || call->req->status)
		return r;
	if (known)
		snprintf(call->object, sizeof(call->object), "%s", person.name);
	r = srv_passwords_verify(call->api->passwords, known ? person.hash : NULL,
				 body[B_PASSWORD].text, err);
	if (r == -EACCES) {
		refuse(call);
		return 0;
	}
	struct err ignored = {0};
	struct srv_conn *conn = srv_db_get(call->api->context->db, r < 0 ? &ignored : err);

	if (!conn)
		return r < 0 ? r : err->code;
	if (r < 0)
		(void)give_back(conn, &b, false, &ignored); /* not tried: too many at once */
	else
		r = go_on(call, conn, &person, &b, err);
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
