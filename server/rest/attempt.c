#include "server/rest/attempt.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <time.h>

#include "server/config.h"
#include "server/db.h"
#include "server/derive.h"
#include "server/password.h"
#include "server/store/sessions.h"
#include "server/totp.h"

enum {
	FREE_BY_NAME = 5,
	FREE_BY_ADDRESS = 30,
	BUCKETS = 65536
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
static bool may_try(struct srv_call *call, struct srv_conn *conn, const struct srv_attempt *a,
		    struct err *err)
{
	int64_t wait_s = 0;
	int r = srv_delays_take(conn, a->address_bucket, FREE_BY_ADDRESS, &wait_s, err);

	if (r == 0 && !wait_s)
		r = srv_delays_take(conn, a->name_bucket, FREE_BY_NAME, &wait_s, err);
	if (r < 0) {
		srv_reply_failure(call->req, r, err);
	} else if (wait_s) {
		srv_reply_problem(call->req, SRV_TOO_MANY,
				  "Too many attempts failed. Try again in %" PRId64 " s.", wait_s);
		call->req->retry_after_s = (unsigned)wait_s;
	}
	return !call->req->status;
}

int srv_attempt_forgive(struct srv_conn *conn, const struct srv_attempt *a, bool all,
			struct err *err)
{
	int r = srv_delays_give_back(conn, a->name_bucket, all, err);

	return r < 0 ? r : srv_delays_give_back(conn, a->address_bucket, false, err);
}

int srv_attempt_begin(struct srv_call *call, const char *name, struct srv_attempt *out,
		      struct err *err)
{
	struct srv_conn *conn = srv_db_get(call->api->context->db, err);
	int r = 0;

	if (!conn)
		return err->code;
	*out = (struct srv_attempt){.name_bucket = bucket_of(call, 0, name),
				    .address_bucket = bucket_of(call, 1, call->req->peer)};
	if (may_try(call, conn, out, err)) {
		r = srv_people_find(conn, name, NULL, &out->person, err);
		out->known = r == 0;
	}
	srv_db_put(call->api->context->db, conn);
	return r == -ENOENT ? 0 : r;
}

int srv_attempt_password(struct srv_call *call, const struct srv_attempt *a, const char *password,
			 struct err *err)
{
	struct err ignored = {0};
	int r = srv_passwords_verify(call->api->passwords, a->known ? a->person.hash : NULL,
				     password, err);

	if (r == 0 || r == -EACCES)
		return r;
	struct srv_conn *conn = srv_db_get(call->api->context->db, &ignored);

	if (conn)
		(void)srv_attempt_forgive(conn, a, false,
					  &ignored); /* not tried: too many at once */
	srv_db_put(call->api->context->db, conn);
	return r;
}

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

int srv_attempt_code(struct srv_call *call, struct srv_conn *conn, const struct srv_attempt *a,
		     const char *code, struct err *err)
{
	uint8_t hash[32];

	if (!a->person.has_totp)
		return 0;
	if (!code)
		return err_set(err, -EACCES, "no code");
	if (srv_recovery_hash(code, hash) == 0)
		return srv_people_recovery_use(conn, a->person.id, hash, err);
	return use_totp(call, conn, &a->person, code, err);
}
