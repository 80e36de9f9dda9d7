/* /me/totp: one's own second factor. Without "code" it is started: the answer has the secret for the
 * authenticator. With "code" it is confirmed, by proving that the authenticator has it; only then it counts, and
 * the recovery codes are shown, once. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "server/derive.h"
#include "server/rest/handlers.h"
#include "server/store/people.h"
#include "server/totp.h"

enum body {
	B_CODE
};
const struct srv_field srv_factor_body[] = {
	[B_CODE] = {"code", SRV_FIELD_TEXT, .min = 6, .max = 6},
	{NULL},
};

static int start(struct srv_call *call, struct err *err)
{
	cleanup_buf struct buf sealed = {0};
	uint8_t secret[SRV_TOTP_SECRET];
	char text[SRV_TOTP_TEXT], uri[256];
	int r = srv_totp_make(secret);

	if (r == 0)
		r = srv_seal(call->api->keys->seal, call->who.person, secret, sizeof(secret),
			     &sealed);
	if (r < 0)
		return err_set(err, r, "cannot make a second factor");
	r = srv_people_totp_start(call->conn, call->who.person, sealed.data, sealed.len, err);
	srv_totp_text(secret, text);
	snprintf(uri, sizeof(uri), "otpauth://totp/Ampoule:%s?secret=%s&issuer=Ampoule",
		 call->who.name, text);
	if (r == 0)
		srv_reply_json(call->req, 200, json_pack("{s:s, s:s}", "secret", text, "uri", uri));
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	explicit_bzero(uri, sizeof(uri));
	return r;
}

/* The step of the pending factor that the code is of. -EACCES: of none, or nothing is pending. */
static int check_pending(struct srv_call *call, int64_t *ret_step, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	cleanup_buf struct buf secret = {0};
	size_t n = 0;
	int r = srv_people_totp(call->conn, call->who.person, true, &rows, err);

	if (r < 0)
		return r;
	const uint8_t *sealed = srv_rows_count(rows) ? srv_rows_bytes(rows, 0, 0, &n) : NULL;

	if (!n)
		return err_set(err, -EACCES, "nothing is pending");
	r = srv_unseal(call->api->keys->seal, call->who.person, sealed, n, &secret);
	if (r < 0 || secret.len != SRV_TOTP_SECRET)
		return err_set(err, -EIO, "a pending second factor does not open");
	r = srv_totp_check(secret.data, time(NULL), call->body[B_CODE].text, ret_step);
	explicit_bzero(secret.data, secret.len);
	return r < 0 ? err_set(err, r, "not the code") : 0;
}

static int give_codes(struct srv_call *call, struct err *err)
{
	uint8_t hashes[SRV_RECOVERY_CODES][32];
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; i < SRV_RECOVERY_CODES && r == 0; i++) {
		char code[SRV_RECOVERY_TEXT];

		r = srv_recovery_make(code, hashes[i]);
		if (r == 0 && json_array_append_new(list, json_string(code)) < 0)
			r = -ENOMEM;
		explicit_bzero(code, sizeof(code));
	}
	if (r < 0)
		err_set(err, r, "cannot make recovery codes");
	else
		r = srv_people_totp_confirm(call->conn, call->who.person,
					    (const uint8_t(*)[32])hashes, SRV_RECOVERY_CODES, err);
	if (r == 0)
		srv_reply_json(call->req, 200, json_pack("{s:O}", "recovery_codes", list));
	json_decref(list);
	return r;
}

int srv_factor_handle_post(struct srv_call *call, struct err *err)
{
	int64_t step = 0;

	if (!call->body[B_CODE].given)
		return start(call, err);
	int r = check_pending(call, &step, err);

	if (r == 0)
		r = srv_people_totp_use(call->conn, call->who.person, step, err);
	if (r == -EACCES) {
		srv_reply_problem(
			call->req, SRV_CODE_REFUSED,
			"It is not the code of now, or nothing was started. Is the clock of "
			"the authenticator right?");
		return 0;
	}
	return r < 0 ? r : give_codes(call, err);
}

int srv_factor_handle_delete(struct srv_call *call, struct err *err)
{
	int r = srv_people_totp_remove(call->conn, call->who.person, err);

	if (r == 0)
		srv_reply_none(call->req);
	return r;
}
