#include "server/store/images.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/manifest.h"
#include "common/sign.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"
#include "server/store/tokens.h"

enum query {
	Q_LIMIT,
	Q_AFTER
};
const struct srv_field srv_images_query[] = {
	[Q_LIMIT] = SRV_PAGE_LIMIT,
	[Q_AFTER] = SRV_PAGE_AFTER,
	{NULL},
};

enum body {
	B_MANIFEST,
	B_SIGNATURE
};
const struct srv_field srv_images_body[] = {
	[B_MANIFEST] = {"manifest", SRV_FIELD_TEXT, true, 4, MANIFEST_BYTES_MAX / 3 * 4 + 4},
	[B_SIGNATURE] = {"signature", SRV_FIELD_TEXT, true, 88, 88},
	{NULL},
};

/* ---- listing ---- */

static json_t *file_json(const struct srv_rows *rows, size_t i)
{
	size_t n;
	const uint8_t *digest = srv_rows_bytes(rows, i, SRV_IMAGE_FILE_DIGEST, &n);

	return json_pack("{s:s, s:o, s:I, s:b}", "file",
			 srv_rows_text(rows, i, SRV_IMAGE_FILE_NAME), "digest",
			 srv_json_digest(digest, n), "bytes",
			 (json_int_t)srv_rows_int(rows, i, SRV_IMAGE_FILE_BYTES), "present",
			 srv_rows_bool(rows, i, SRV_IMAGE_FILE_PRESENT));
}

/* The image's files; only those that are missing when asked so. NULL with err. */
static json_t *files_json(struct srv_conn *conn, const char *name, int64_t version,
			  bool missing_only, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_images_files(conn, name, version, &rows, err);
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++) {
		if (missing_only && srv_rows_bool(rows, i, SRV_IMAGE_FILE_PRESENT))
			continue;
		r = srv_page_add(list, file_json(rows, i), err);
	}
	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *image_json(struct srv_conn *conn, const struct srv_rows *rows, size_t i,
			  struct err *err)
{
	const char *name = srv_rows_text(rows, i, SRV_IMAGE_NAME);
	int64_t version = srv_rows_int(rows, i, SRV_IMAGE_VERSION);

	return json_pack("{s:s, s:I, s:b, s:o, s:s, s:o}", "name", name, "version",
			 (json_int_t)version, "complete",
			 srv_rows_bool(rows, i, SRV_IMAGE_COMPLETE), "created_at",
			 srv_json_time(srv_rows_time_us(rows, i, SRV_IMAGE_CREATED)), "created_by",
			 srv_rows_text(rows, i, SRV_IMAGE_CREATED_BY), "files",
			 files_json(conn, name, version, false, err));
}

int srv_images_handle_list(struct srv_call *call, struct err *err)
{
	const struct srv_value *q = call->query;
	cleanup_rows struct srv_rows *rows = NULL;
	char name[MANIFEST_NAME_MAX] = "", next[SRV_PAGE_CURSOR_MAX] = "";
	int64_t version = 0, limit = srv_page_limit(&q[Q_LIMIT]);

	if (q[Q_AFTER].given && srv_page_split(call, &q[Q_AFTER], name, sizeof(name), &version) < 0)
		return 0;
	int r = srv_images_list(call->conn, name[0] ? name : NULL, version, limit, &rows, err);
	json_t *list = json_array();

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = srv_page_add(list, image_json(call->conn, rows, i, err), err);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	size_t n = srv_rows_count(rows);

	if ((int64_t)n == limit)
		snprintf(next, sizeof(next), "%s/%" PRId64,
			 srv_rows_text(rows, n - 1, SRV_IMAGE_NAME),
			 srv_rows_int(rows, n - 1, SRV_IMAGE_VERSION));
	srv_reply_json(call->req, 200, srv_page_json("images", list, next[0] ? next : NULL));
	return 0;
}

/* ---- pushing ---- */

/* 0 when one of the trusted image keys made the signature, -EKEYREJECTED when none did. */
static int verify(struct srv_conn *conn, const struct buf *manifest, const struct buf *signature,
		  struct err *err)
{
	cleanup_rows struct srv_rows *keys = NULL;
	int r = srv_keys_list(conn, "image", &keys, err);

	if (r < 0)
		return r;
	r = -EKEYREJECTED;
	for (size_t i = 0; i < srv_rows_count(keys) && r == -EKEYREJECTED; i++) {
		size_t n;
		const uint8_t *key = srv_rows_bytes(keys, i, SRV_KEY_COLUMN_KEY, &n);

		r = sign_verify(SIGN_PURPOSE_IMAGE, key, manifest->data, manifest->len,
				signature->data);
	}
	return r < 0 ? err_set(err, r, "the signature could not be verified") : 0;
}

/* Decodes and checks; answers and gives false when the image is refused. */
static bool read_image(struct srv_call *call, struct buf *manifest, struct buf *signature,
		       struct manifest *ret_parsed)
{
	const struct srv_value *m = &call->body[B_MANIFEST], *s = &call->body[B_SIGNATURE];
	struct err err = {0};

	if (base64_decode(manifest, m->text, m->bytes) < 0)
		srv_reply_problem(call->req, SRV_BAD_FIELD, "manifest: is not Base64.");
	else if (base64_decode(signature, s->text, s->bytes) < 0 || signature->len != SIGN_BYTES)
		srv_reply_problem(call->req, SRV_BAD_FIELD,
				  "signature: is not the Base64 of %d bytes.", SIGN_BYTES);
	else if (manifest_parse(manifest->data, manifest->len, ret_parsed, &err) < 0)
		srv_reply_problem(call->req, SRV_MANIFEST_REFUSED, "%s", err.text);
	return !call->req->status;
}

static int add_image(struct srv_call *call, const struct srv_new_image *image, bool *ret_added,
		     struct err *err)
{
	int r = srv_begin(call->conn, err);

	if (r < 0)
		return r;
	r = srv_images_add(call->conn, image, ret_added, err);
	if (r == 0)
		return srv_commit(call->conn, err);
	srv_rollback(call->conn);
	return r;
}

static int reply_image(struct srv_call *call, const struct manifest *m, bool added, struct err *err)
{
	json_t *missing = files_json(call->conn, m->name, (int64_t)m->version, true, err);

	if (!missing)
		return err->code;
	srv_reply_json(call->req, added ? 201 : 200,
		       json_pack("{s:s, s:I, s:o}", "name", m->name, "version",
				 (json_int_t)m->version, "missing", missing));
	return 0;
}

int srv_images_handle_post(struct srv_call *call, struct err *err)
{
	cleanup_buf struct buf manifest = {0}, signature = {0};
	struct manifest parsed = {0};
	bool added;

	if (!read_image(call, &manifest, &signature, &parsed))
		return 0;
	int r = verify(call->conn, &manifest, &signature, err);

	if (r == -EKEYREJECTED) {
		srv_reply_problem(call->req, SRV_IMAGE_UNTRUSTED,
				  "No trusted key made this signature. If you trust the builder, "
				  "add its public key: ampoulectl image trust HEX.");
		return 0;
	}
	if (r < 0)
		return r;
	struct srv_new_image image = {
		.manifest = &parsed,
		.bytes = manifest.data,
		.n = manifest.len,
		.signature = signature.data,
		.created_by = call->who.name,
	};

	r = add_image(call, &image, &added, err);
	if (r == -EEXIST) {
		srv_reply_problem(call->req, SRV_IMAGE_EXISTS,
				  "%s. A version never changes: build it as a higher one.",
				  err->text);
		return 0;
	}
	snprintf(call->object, sizeof(call->object), "%s/%" PRIu64, parsed.name, parsed.version);
	return r < 0 ? r : reply_image(call, &parsed, added, err);
}
