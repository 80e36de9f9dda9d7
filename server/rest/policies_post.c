/* POST /policies: a document becomes the next signed version of its group, or is refused with every
 * finding and its line. Under the group's lock from "which is the newest" to the commit, so serials rise
 * without gaps that matter and two admins cannot both be first. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/digest.h"
#include "common/policy/policy.h"
#include "server/config.h"
#include "server/hub.h"
#include "server/rest/handlers.h"
#include "server/signer/client.h"
#include "server/store/images.h"
#include "server/store/policies.h"

enum {
	VALID_S = 365 * 24 * 3600, /* newly accepted by a device for a year */
	SIGN_TRIES = 3
};

enum body {
	B_DOCUMENT,
	B_GROUP,
	B_NAME
};
const struct srv_field srv_policies_body[] = {
	[B_DOCUMENT] = {"document", SRV_FIELD_TEXT, true, 1, POLICY_BYTES_MAX},
	[B_GROUP] = {"group", SRV_FIELD_TEXT, .min = 1, .max = SRV_GROUP_MAX - 1},
	[B_NAME] = {"name", SRV_FIELD_TEXT, .max = 255},
	{NULL},
};

static void policy_freep(struct policy **policy)
{
	policy_free(*policy);
}

/* ---- findings ---- */

static int add_finding(json_t *list, int line, int column, const char *path, const char *text)
{
	json_t *json = json_pack("{s:i, s:i, s:s, s:s}", "line", line, "column", column, "path",
				 path, "text", text);

	return json && json_array_append_new(list, json) == 0 ? 0 : -ENOMEM;
}

static int add_parse_errors(json_t *list, const struct policy_errors *errors)
{
	int r = 0;

	for (size_t i = 0; i < errors->count && i < POLICY_ERRORS_MAX && r == 0; i++) {
		const struct policy_error *e = &errors->list[i];

		r = add_finding(list, e->line, e->column, e->path, e->text);
	}
	return r;
}

/* One finding per line of text: what policy_run_tests() says. */
static int add_lines(json_t *list, struct buf *text)
{
	char *at, *save = NULL;
	int r = buf_put_u8(text, 0);

	if (r < 0)
		return r;
	for (at = strtok_r((char *)text->data, "\n", &save); at && r == 0;
	     at = strtok_r(NULL, "\n", &save))
		r = add_finding(list, 0, 0, "tests", at);
	return r;
}

static int add_unknown_images(struct srv_call *call, const struct policy *policy, json_t *list,
			      struct err *err)
{
	const char *image;
	int line;

	for (size_t i = 0; (image = policy_image(policy, i, &line)); i++) {
		char text[256];
		bool known;
		int r = srv_images_is_known(call->conn, image, &known, err);

		if (r < 0)
			return r;
		snprintf(text, sizeof(text),
			 "no image '%s' on the server: push it first (ampoulectl image push DIR)",
			 image);
		if (!known && add_finding(list, line, 0, "run.image", text) < 0)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

/* Everything that may be wrong with a document, in list. NULL when it does not even parse. */
static int check_document(struct srv_call *call, struct policy **ret_policy, json_t *list,
			  struct err *err)
{
	const struct srv_value *document = &call->body[B_DOCUMENT];
	struct policy_errors errors = {0};
	cleanup_buf struct buf lines = {0};

	*ret_policy = policy_parse(document->text, document->bytes, &errors);
	if (!*ret_policy) {
		if (add_parse_errors(list, &errors) < 0)
			return err_set(err, -ENOMEM, "out of memory");
		return 0;
	}
	int failed = policy_run_tests(*ret_policy, &lines);

	if (failed < 0 || (failed > 0 && add_lines(list, &lines) < 0))
		return err_set(err, -ENOMEM, "out of memory");
	return add_unknown_images(call, *ret_policy, list, err);
}

/* ---- storing ---- */

static json_t *version_json(const char *id, const char *group, int64_t serial,
			    const uint8_t *digest, size_t n)
{
	return json_pack("{s:s, s:s, s:I, s:o}", "policy_id", id, "group", group, "serial",
			 (json_int_t)serial, "digest", srv_json_digest(digest, n));
}

static bool is_same_document(const struct srv_rows *newest, const struct srv_value *document)
{
	size_t n;
	const uint8_t *bytes;

	if (!srv_rows_count(newest))
		return false;
	bytes = srv_rows_bytes(newest, 0, SRV_POLICY_DOCUMENT, &n);
	return n == document->bytes && !memcmp(bytes, document->text, n);
}

/* Signs, taking a later serial when the signer remembers one that we do not: a server died between the
 * signature and the commit. */
static int sign(struct srv_call *call, struct srv_sign_request *ask, struct buf *envelope,
		struct err *err)
{
	const char *socket_path = call->api->context->config->signer_socket;
	uint64_t last = 0;
	int r = -ESTALE;

	for (int i = 0; i < SIGN_TRIES && r == -ESTALE; i++) {
		ask->serial = last >= ask->serial ? last + 1 : ask->serial;
		buf_clear(envelope);
		r = srv_sign_policy(socket_path, ask, envelope, &last, err);
	}
	if (r == -EINVAL)
		srv_reply_problem(call->req, SRV_POLICY_REFUSED, "The signer refuses it: %s",
				  err->text);
	else if (r < 0)
		srv_reply_problem(call->req, SRV_SIGNER_UNAVAILABLE,
				  "No signature: %s. Is ampoule-signer running?", err->text);
	return r;
}

/* In the transaction, after the lock. Answers; *ret_serial stays 0 when no version was stored. */
static int store_next(struct srv_call *call, const char *id, const char *group,
		      uint64_t *ret_serial, struct err *err)
{
	const struct srv_value *b = call->body;
	cleanup_rows struct srv_rows *newest = NULL;
	cleanup_buf struct buf envelope = {0};
	uint8_t digest[DIGEST_BYTES];
	int r = srv_policies_get(call->conn, call->scope, group, 0, &newest, err);

	if (r < 0)
		return r;
	int64_t last = srv_rows_count(newest) ? srv_rows_int(newest, 0, SRV_POLICY_SERIAL) : 0;

	if (is_same_document(newest, &b[B_DOCUMENT])) {
		size_t n;
		const uint8_t *same = srv_rows_bytes(newest, 0, SRV_POLICY_DIGEST, &n);

		srv_reply_json(call->req, 200, version_json(id, group, last, same, n));
		return 0;
	}
	uint64_t now_s = (uint64_t)time(NULL);
	struct srv_sign_request ask = {
		.policy_id = id,
		.group = group,
		.serial = (uint64_t)last + 1,
		.issued_s = now_s,
		.expires_s = now_s + VALID_S,
		.document = b[B_DOCUMENT].text,
		.document_bytes = b[B_DOCUMENT].bytes,
	};

	if (sign(call, &ask, &envelope, err) < 0)
		return 0;
	r = digest_bytes(envelope.data, envelope.len, digest);
	if (r < 0)
		return err_set(err, r, "cannot take the digest of a policy");
	struct srv_new_policy row = {
		.group = group,
		.serial = (int64_t)ask.serial,
		.policy_id = id,
		.name = b[B_NAME].given ? b[B_NAME].text : "",
		.document = ask.document,
		.document_bytes = ask.document_bytes,
		.envelope = envelope.data,
		.envelope_bytes = envelope.len,
		.digest = digest,
		.created_by = call->who.name,
	};

	r = srv_policies_add(call->conn, &row, err);
	if (r < 0)
		return r;
	*ret_serial = ask.serial;
	snprintf(call->object, sizeof(call->object), "%s/%" PRIu64, group, ask.serial);
	call->became = version_json(id, group, row.serial, digest, sizeof(digest));
	srv_reply_json(call->req, 201, json_incref(call->became));
	return 0;
}

static int store(struct srv_call *call, const struct policy *policy, struct err *err)
{
	const struct srv_value *given = &call->body[B_GROUP];
	const char *group = given->given ? given->text : "default";
	uint64_t serial = 0;

	if (!srv_groups_has(call->scope, group)) {
		srv_reply_problem(call->req, SRV_BAD_FIELD, "group: there is no such group.");
		return 0;
	}
	int r = srv_begin(call->conn, err);

	if (r < 0)
		return r;
	r = srv_policies_lock(call->conn, group, err);
	if (r == 0)
		r = store_next(call, policy_id(policy), group, &serial, err);
	if (r == 0 && serial)
		r = srv_commit(call->conn, err);
	else
		srv_rollback(call->conn);
	if (r == -ENOENT) {
		srv_reply_problem(call->req, SRV_BAD_FIELD, "group: there is no such group.");
		return 0;
	}
	if (r == 0 && serial)
		srv_hub_policy_changed(call->api->context->hub, group, serial);
	return r;
}

int srv_policies_handle_post(struct srv_call *call, struct err *err)
{
	cleanup_(policy_freep) struct policy *policy = NULL;
	json_t *list = json_array();

	if (!list)
		return err_set(err, -ENOMEM, "out of memory");
	int r = check_document(call, &policy, list, err);
	size_t findings = json_array_size(list);

	if (r < 0 || !findings)
		json_decref(list);
	if (r < 0)
		return r;
	if (findings) {
		srv_reply_findings(call->req, SRV_POLICY_REFUSED, list,
				   "%zu finding%s; nothing was changed.", findings,
				   findings == 1 ? "" : "s");
		return 0;
	}
	return store(call, policy, err);
}
