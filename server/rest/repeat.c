#include "server/rest/repeat.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "server/db.h"
#include "server/derive.h"

/* The database has a hash of the client's key; the key itself is part of what seals the answer, and of the keyed
 * hash of the request, in which there may be a password. */

bool srv_repeat_is_wanted(struct srv_call *call)
{
	const char *key = call->req->idempotency_key;
	size_t n = key ? strlen(key) : 0;

	if (!key || !call->route->repeatable)
		return false;
	for (size_t i = 0; i < n; i++)
		n = key[i] > ' ' && key[i] < 0x7f ? n : 0;
	if (n >= SRV_REPEAT_KEY_MIN && n <= SRV_REPEAT_KEY_MAX)
		return true;
	srv_reply_problem(call->req, SRV_BAD_PARAMETER,
			  "Idempotency-Key: %d to %d visible ASCII characters, best random ones.",
			  SRV_REPEAT_KEY_MIN, SRV_REPEAT_KEY_MAX);
	return false;
}

static int hash(const uint8_t *key, const void *bytes, size_t n, uint8_t out[32])
{
	unsigned len = 32;

	return HMAC(EVP_sha256(), key, SRV_KEY_BYTES, bytes, n, out, &len) ? 0 : -EIO;
}

/* What seals this request's answer. */
static int make_key(const struct srv_call *call, uint8_t out[SRV_KEY_BYTES])
{
	const char *key = call->req->idempotency_key;

	return hash(call->api->keys->repeat, key, strlen(key), out);
}

/* Route, object and body, so that another request with the key shows. */
static int hash_request(const struct srv_call *call, uint8_t out[32])
{
	const struct srv_request *req = call->req;
	cleanup_buf struct buf text = {0};
	uint8_t key[SRV_KEY_BYTES];
	int r = make_key(call, key);

	if (r == 0)
		r = buf_printf(&text, "%s %s\n", req->method, req->path);
	if (r == 0)
		r = buf_put(&text, req->body.data, req->body.len);
	if (r == 0)
		r = hash(key, text.data, text.len, out);
	if (text.len)
		explicit_bzero(text.data, text.len);
	explicit_bzero(key, sizeof(key));
	return r;
}

static void hash_key(const struct srv_call *call, uint8_t out[32])
{
	const char *key = call->req->idempotency_key;

	SHA256((const uint8_t *)key, strlen(key), out);
}

/* Makes room: what is over, and the oldest of the caller. */
static int forget_old(struct srv_call *call, struct err *err)
{
	return srv_query(
		call->conn, NULL, err,
		"DELETE FROM repeats WHERE created_at < now() - $1::int8 * interval '1 second' "
		"OR (caller, key_hash) IN (SELECT caller, key_hash FROM repeats "
		"WHERE caller = $2 ORDER BY created_at DESC OFFSET $3::int8)",
		SRV_INT(SRV_REPEAT_S), SRV_TEXT(call->who.id), SRV_INT(SRV_REPEATS_PER_CALLER - 1));
}

static int give_again(struct srv_call *call, const struct srv_rows *rows, struct err *err)
{
	cleanup_buf struct buf text = {0};
	uint8_t key[SRV_KEY_BYTES];
	size_t n;
	const uint8_t *sealed = srv_rows_bytes(rows, 0, 2, &n);
	int r = make_key(call, key);

	if (r == 0)
		r = srv_unseal(key, call->who.id, sealed, n, &text);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return err_set(err, -EIO, "a kept answer does not open");
	srv_reply_json(call->req, (int)srv_rows_int(rows, 0, 1),
		       json_loadb((const char *)text.data, text.len, 0, NULL));
	explicit_bzero(text.data, text.len);
	return 0;
}

/* The row is somebody's who came before with this key. */
static int answer_of_then(struct srv_call *call, const uint8_t key_hash[32],
			  const uint8_t request[32], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(call->conn, &rows, err,
			  "SELECT request = $3, status, answer FROM repeats "
			  "WHERE caller = $1 AND key_hash = $2",
			  SRV_TEXT(call->who.id), SRV_BYTES(key_hash, 32), SRV_BYTES(request, 32));

	if (r < 0)
		return r;
	if (!srv_rows_count(rows))
		return err_set(err, -EAGAIN, "a kept answer has just been forgotten");
	if (!srv_rows_bool(rows, 0, 0))
		srv_reply_problem(call->req, SRV_KEY_REUSED,
				  "This Idempotency-Key came before with another request.");
	else if (srv_rows_is_null(rows, 0, 2))
		srv_reply_problem(call->req, SRV_ALREADY_DONE,
				  "It was done, with %lld, and the answer was too long to be kept.",
				  (long long)srv_rows_int(rows, 0, 1));
	else
		r = give_again(call, rows, err);
	return r;
}

int srv_repeat_begin(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	uint8_t key_hash[32], request[32];
	int r = hash_request(call, request);

	if (r < 0)
		return err_set(err, r, "cannot hash a request");
	hash_key(call, key_hash);
	r = forget_old(call, err);
	if (r == 0)
		r = srv_query(call->conn, &rows, err,
			      "INSERT INTO repeats (caller, key_hash, request) VALUES ($1, $2, $3) "
			      "ON CONFLICT DO NOTHING",
			      SRV_TEXT(call->who.id), SRV_BYTES(key_hash, 32),
			      SRV_BYTES(request, 32));
	if (r < 0 || srv_rows_affected(rows))
		return r;
	return answer_of_then(call, key_hash, request, err);
}

int srv_repeat_keep(struct srv_call *call, struct err *err)
{
	const struct srv_request *req = call->req;
	cleanup_buf struct buf sealed = {0};
	uint8_t key_hash[32], key[SRV_KEY_BYTES];
	bool kept = req->reply.len <= SRV_REPEAT_ANSWER_MAX;
	int r = make_key(call, key);

	hash_key(call, key_hash);
	if (r == 0 && kept)
		r = srv_seal(key, call->who.id, req->reply.data, req->reply.len, &sealed);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return err_set(err, r, "cannot seal an answer");
	return srv_query(call->conn, NULL, err,
			 "UPDATE repeats SET status = $3::int8::int4, answer = $4 "
			 "WHERE caller = $1 AND key_hash = $2",
			 SRV_TEXT(call->who.id), SRV_BYTES(key_hash, 32), SRV_INT(req->status),
			 kept ? SRV_BYTES(sealed.data, sealed.len) : SRV_NULL);
}
