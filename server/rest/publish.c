#include "server/rest/publish.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "server/config.h"
#include "server/signer/client.h"
#include "server/store/policies.h"

enum {
	VALID_S = 365 * 24 * 3600, /* newly accepted by a device for a year */
	SIGN_TRIES = 3
};

static bool is_same_document(const struct srv_rows *newest, const struct srv_draft *draft)
{
	size_t n;
	const uint8_t *bytes;

	if (!srv_rows_count(newest))
		return false;
	bytes = srv_rows_bytes(newest, 0, SRV_POLICY_DOCUMENT, &n);
	return n == draft->document_bytes && !memcmp(bytes, draft->document, n);
}

/* Signs, taking a later serial when the signer remembers one that we do not: a server died between the
 * signature and the commit. */
static int sign(const char *socket_path, struct srv_sign_request *ask, struct buf *envelope,
		struct err *err)
{
	uint64_t last = 0;
	int r = -ESTALE;

	for (int i = 0; i < SIGN_TRIES && r == -ESTALE; i++) {
		ask->serial = last >= ask->serial ? last + 1 : ask->serial;
		buf_clear(envelope);
		r = srv_sign_policy(socket_path, ask, envelope, &last, err);
	}
	return r;
}

static int store(struct srv_conn *conn, const struct srv_draft *draft,
		 const struct srv_sign_request *ask, const struct buf *envelope,
		 struct srv_published *ret, struct err *err)
{
	int r = digest_bytes(envelope->data, envelope->len, ret->digest);

	if (r < 0)
		return err_set(err, r, "cannot take the digest of a policy");
	ret->serial = (int64_t)ask->serial;
	ret->is_new = true;
	return srv_policies_add(conn,
				&(struct srv_new_policy){.group = draft->group,
							 .serial = ret->serial,
							 .policy_id = draft->policy_id,
							 .name = draft->name,
							 .document = draft->document,
							 .document_bytes = draft->document_bytes,
							 .envelope = envelope->data,
							 .envelope_bytes = envelope->len,
							 .digest = ret->digest,
							 .created_by = draft->created_by},
				err);
}

/* What to ask the signer for; 1 when the draft is the newest already, and *ret says so. */
static int prepare(struct srv_conn *conn, const struct srv_draft *draft,
		   struct srv_sign_request *ask, struct srv_published *ret, struct err *err)
{
	cleanup_rows struct srv_rows *newest = NULL;
	uint64_t now_s = (uint64_t)time(NULL);
	int r = srv_policies_get(conn, SRV_GROUPS_ALL, draft->group, 0, &newest, err);

	if (r < 0)
		return r;
	*ret = (struct srv_published){0};
	if (srv_rows_count(newest))
		ret->serial = srv_rows_int(newest, 0, SRV_POLICY_SERIAL);
	if (is_same_document(newest, draft)) {
		size_t n;
		const uint8_t *same = srv_rows_bytes(newest, 0, SRV_POLICY_DIGEST, &n);

		memcpy(ret->digest, same, n < DIGEST_BYTES ? n : DIGEST_BYTES);
		return 1;
	}
	*ask = (struct srv_sign_request){.policy_id = draft->policy_id,
					 .group = draft->group,
					 .serial = (uint64_t)ret->serial + 1,
					 .issued_s = now_s,
					 .expires_s = now_s + VALID_S,
					 .document = draft->document,
					 .document_bytes = draft->document_bytes};
	return 0;
}

int srv_publish(struct srv_call *call, const struct srv_draft *draft, struct srv_published *ret,
		struct err *err)
{
	cleanup_buf struct buf envelope = {0};
	struct srv_sign_request ask;
	int r = prepare(call->conn, draft, &ask, ret, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = sign(call->api->context->config->signer_socket, &ask, &envelope, err);
	if (r == -EINVAL)
		srv_reply_problem(call->req, SRV_POLICY_REFUSED, "The signer refuses it: %s",
				  err->text);
	else if (r < 0)
		srv_reply_problem(call->req, SRV_SIGNER_UNAVAILABLE,
				  "No signature: %s. Is ampoule-signer running?", err->text);
	return r < 0 ? 1 : store(call->conn, draft, &ask, &envelope, ret, err);
}

int srv_publish_unasked(struct srv_conn *conn, const char *signer_socket,
			const struct srv_draft *draft, struct srv_published *ret, struct err *err)
{
	cleanup_buf struct buf envelope = {0};
	struct srv_sign_request ask;
	int r = prepare(conn, draft, &ask, ret, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = sign(signer_socket, &ask, &envelope, err);
	return r < 0 ? r : store(conn, draft, &ask, &envelope, ret, err);
}
