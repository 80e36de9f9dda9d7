/* /session/proof: who is signed in shows again who it is, and gets another cookie, because the one of before may be
 * in other hands; for SRV_PROOF_S then what changes how one signs in is taken (rows with `proof`). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/db.h"
#include "server/password.h"
#include "server/rest/attempt.h"
#include "server/rest/handlers.h"
#include "server/rest/origin.h"
#include "server/secret.h"
#include "server/store/sessions.h"

enum body {
	B_PASSWORD,
	B_CODE
};
const struct srv_field srv_proof_body[] = {
	[B_PASSWORD] = {"password", SRV_FIELD_TEXT, true, 1, SRV_PASSWORD_BYTES_MAX},
	[B_CODE] = {"code", SRV_FIELD_TEXT, .min = 6, .max = 32},
	{NULL},
};

/* The password is checked here, where no connection is held. */
int srv_proof_prepare(struct srv_call *call, struct err *err)
{
	struct srv_attempt attempt = {0};
	int r = srv_attempt_begin(call, call->who.name, &attempt, err);

	if (r < 0 || call->req->status)
		return r;
	r = srv_attempt_password(call, &attempt, call->body[B_PASSWORD].text, err);
	if (r == -EACCES) {
		srv_reply_problem(call->req, SRV_PASSWORD_REFUSED, "password: is not yours.");
		return 0;
	}
	if (r < 0)
		return r;
	call->prepared_bytes = sizeof(attempt);
	call->prepared = malloc(sizeof(attempt));
	if (!call->prepared)
		return err_set(err, -ENOMEM, "out of memory");
	memcpy(call->prepared, &attempt, sizeof(attempt));
	return 0;
}

static int renew(struct srv_call *call, struct err *err)
{
	uint8_t secret[SRV_SECRET_BYTES], hash[SRV_HASH_BYTES];
	char text[SRV_SECRET_TEXT];
	int r = srv_secret_make(secret);

	if (r < 0)
		return err_set(err, r, "the random generator fails");
	srv_secret_hash(secret, hash);
	r = srv_sessions_prove(call->conn, call->who.session, hash, err);
	if (r == 0) {
		srv_secret_text(SRV_SESSION_PREFIX, secret, text);
		srv_reply_none(call->req);
		srv_cookie_set(call->req, text);
		explicit_bzero(text, sizeof(text));
	}
	explicit_bzero(secret, sizeof(secret));
	return r;
}

int srv_proof_handle_post(struct srv_call *call, struct err *err)
{
	const struct srv_value *code = &call->body[B_CODE];
	const struct srv_attempt *attempt = call->prepared;
	int r = srv_attempt_code(call, call->conn, attempt, code->given ? code->text : NULL, err);

	if (r == -EACCES) {
		srv_reply_problem(
			call->req, SRV_CODE_REFUSED,
			"code: of your authenticator, or a recovery code, is needed too.");
		return 0;
	}
	if (r == 0)
		r = srv_attempt_forgive(call->conn, attempt, true, err);
	return r < 0 ? r : renew(call, err);
}
