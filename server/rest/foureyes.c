#include "server/rest/foureyes.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "server/db.h"
#include "server/derive.h"
#include "server/store/approvals.h"

/* The digest is keyed: a password may be in the request, and digests are shown. */

/* Fields that nobody else may see. */
static const char *const secrets[] = {"password", "current", "code"};

static const char *author_of(const struct srv_call *call)
{
	return call->who.person[0] ? call->who.person : call->who.id;
}

/* The person that the request is about, "" when it is about something else. */
static const char *concerns(const struct srv_call *call)
{
	return strstr(call->route->path, "/people/{id}") ? call->param : "";
}

/* The request as approvers see it. NULL when out of memory; the caller's. */
static char *make_summary(const struct srv_call *call)
{
	json_t *copy = call->json ? json_copy(call->json) : json_object();

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		if (json_object_get(copy, secrets[i]))
			json_object_set_new(copy, secrets[i], json_string("(not shown)"));
	}
	char *text = copy ? json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(copy);
	return text;
}

/* Method, path, body, the version of what it changes, the devices it reaches. */
static int make_digest(struct srv_call *call, uint8_t out[32], struct err *err)
{
	cleanup_buf struct buf text = {0};
	char etag[SRV_ETAG_TEXT] = "";
	char *body = call->json ? json_dumps(call->json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	unsigned n = 32;
	int r = call->route->current ? call->route->current(call, etag, err) : 0;

	if (r == 0)
		r = buf_printf(&text, "%s\n%s\n%s\n", call->req->method, call->req->path, etag);
	if (r == 0 && call->eyes.devices)
		r = buf_put(&text, call->eyes.devices, strlen(call->eyes.devices));
	if (r == 0)
		r = buf_printf(&text, "\n");
	if (r == 0 && body)
		r = buf_put(&text, body, strlen(body));
	if (r == 0 &&
	    !HMAC(EVP_sha256(), call->api->keys->eyes, SRV_KEY_BYTES, text.data, text.len, out, &n))
		r = -EIO;
	if (body)
		explicit_bzero(body, strlen(body));
	free(body);
	if (text.len)
		explicit_bzero(text.data, text.len);
	return r < 0 && !err->code ? err_set(err, r, "cannot take the digest of a request") : r;
}

int srv_eyes_check(struct srv_call *call, struct err *err)
{
	struct srv_four_eyes four = {0};
	int r = srv_four_eyes_get(call->conn, &four, err);

	if (r < 0 || !four.on)
		return r;
	r = call->route->eyes(call, err);
	if (r < 0 || !call->eyes.needed)
		return r;
	r = make_digest(call, call->eyes.digest, err);
	if (r == 0)
		r = srv_approvals_use(call->conn, call->eyes.digest, author_of(call), err);
	if (r == -ENOENT)
		srv_reply_problem(call->req, SRV_APPROVAL_NEEDED,
				  "Somebody else must agree first.");
	return r == -ENOENT ? 0 : r;
}

int srv_eyes_keep(struct srv_call *call, struct err *err)
{
	char id[SRV_APPROVAL_ID], action[160];
	char *summary = make_summary(call);

	snprintf(action, sizeof(action), "%s %s", call->route->method, call->route->path);
	if (!summary)
		return err_set(err, -ENOMEM, "out of memory");
	int r = srv_approvals_put(call->conn,
				  &(struct srv_new_approval){.digest = call->eyes.digest,
							     .action = action,
							     .object = call->req->path,
							     .summary = summary,
							     .devices = call->eyes.reached,
							     .author = author_of(call),
							     .author_name = call->who.name,
							     .concerns = concerns(call)},
				  id, err);

	free(summary);
	if (r == 0)
		srv_reply_problem(call->req, SRV_APPROVAL_NEEDED,
				  "Somebody else must agree first: approval %s waits (ampoulectl "
				  "approval show). When it is given, send the same again.",
				  id);
	return r;
}
