#include "server/rest/blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/fd.h"
#include "server/config.h"
#include "server/db.h"
#include "server/store/images.h"

struct srv_upload {
	atomic_uint *running; /* counted in there */
	int fd;
	uint8_t digest[DIGEST_BYTES];
	uint64_t bytes; /* what the manifest says */
	uint64_t got;
};

void srv_upload_free(struct srv_upload *upload)
{
	if (!upload)
		return;
	atomic_fetch_sub(upload->running, 1);
	if (upload->fd >= 0)
		close(upload->fd);
	free(upload);
}

/* What exceeds the manifest's size is refused by dispatch; a failed write is answered here. */
static int take_bytes(struct srv_request *req, const void *bytes, size_t n)
{
	struct srv_call *call = req->state;
	struct srv_upload *upload = call->upload;
	int r = upload->got + n > upload->bytes ? -EFBIG : fd_write_all(upload->fd, bytes, n);

	upload->got += n;
	if (r < 0 && r != -EFBIG)
		srv_reply_problem(req, SRV_UNAVAILABLE, "The server's disk cannot take this now.");
	return r;
}

static int upload_new(struct srv_call *call, struct srv_upload **ret_upload, struct err *err)
{
	struct srv_upload *upload = calloc(1, sizeof(*upload));

	if (!upload)
		return err_set(err, -ENOMEM, "out of memory");
	upload->running = call->api->uploads;
	upload->fd = -1;
	*ret_upload = upload;
	if (atomic_fetch_add(upload->running, 1) >= SRV_UPLOADS_MAX)
		return err_set(err, -EBUSY, "more than %d uploads at once", SRV_UPLOADS_MAX);
	upload->fd =
		open(call->api->context->config->state_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (upload->fd < 0)
		return err_set(err, -errno, "cannot make a file in the state folder: %m");
	return 0;
}

static int find_expected(struct srv_call *call, const uint8_t digest[DIGEST_BYTES],
			 uint64_t *ret_bytes, bool *ret_complete, struct err *err)
{
	struct srv_conn *conn = srv_db_get(call->api->context->db, err);
	int r = conn ? srv_blobs_find(conn, digest, ret_bytes, ret_complete, err) : err->code;

	srv_db_put(call->api->context->db, conn);
	return r;
}

static json_t *blob_json(const uint8_t digest[DIGEST_BYTES], uint64_t bytes)
{
	return json_pack("{s:o, s:I}", "digest", srv_json_digest(digest, DIGEST_BYTES), "bytes",
			 (json_int_t)bytes);
}

int srv_blobs_begin(struct srv_call *call, struct err *err)
{
	struct srv_request *req = call->req;
	uint8_t digest[DIGEST_BYTES];
	uint64_t bytes = 0;
	bool complete = false;

	if (digest_parse(call->param, digest) < 0) {
		srv_reply_problem(req, SRV_NOT_FOUND, "A blob is named by 64 hex digits.");
		return 0;
	}
	int r = find_expected(call, digest, &bytes, &complete, err);

	if (r == -ENOENT) {
		srv_reply_problem(req, SRV_BLOB_UNWANTED,
				  "Push the manifest that lists it first: POST /api/v1/images.");
		return 0;
	}
	if (r < 0)
		return r;
	if (complete) {
		srv_reply_json(req, 200, blob_json(digest, bytes));
		return 0;
	}
	r = upload_new(call, &call->upload, err);
	if (r < 0)
		return r;
	memcpy(call->upload->digest, digest, sizeof(digest));
	call->upload->bytes = bytes;
	req->body_max = bytes;
	req->sink = take_bytes;
	return 0;
}

int srv_blobs_put(struct srv_call *call, struct err *err)
{
	struct srv_upload *upload = call->upload;
	uint8_t digest[DIGEST_BYTES];
	uint64_t bytes;
	bool added;
	int r = digest_fd(upload->fd, digest, &bytes);

	if (r < 0)
		return err_set(err, r, "cannot read an upload back");
	if (bytes != upload->bytes || memcmp(digest, upload->digest, sizeof(digest))) {
		srv_reply_problem(call->req, SRV_DIGEST_MISMATCH,
				  "%llu bytes came, the manifest says %llu; nothing was kept.",
				  (unsigned long long)bytes, (unsigned long long)upload->bytes);
		return 0;
	}
	r = srv_blobs_add(call->conn, digest, upload->fd, bytes, &added, err);
	if (r == 0)
		srv_reply_json(call->req, added ? 201 : 200, blob_json(digest, bytes));
	return r;
}
