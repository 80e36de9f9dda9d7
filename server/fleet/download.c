/* Images on a download connection: the newest complete manifest of a name, then its blobs in pieces. Each
 * piece is read, compressed and sent before the next is read, so a slow peer holds a megabyte and no
 * database connection. */
#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "server/fleet/session.h"

enum {
	PIECE_BYTES = 1 << 20, /* of a row of blob_chunks, except the last */
	LEVEL = 1              /* the server's CPU is shared by the whole fleet */
};

int srv_on_image_fetch(struct srv_session *s, Ampoule__Frame *frame)
{
	cleanup_rows struct srv_rows *rows = NULL;
	Ampoule__ImageManifest image;
	Ampoule__Frame reply;
	struct err err = {0};
	struct srv_conn *conn = srv_db_get(s->services->context.db, &err);
	int r = conn ? srv_query(conn, &rows, &err,
				 "SELECT manifest, signature FROM complete_images WHERE name = $1 "
				 "ORDER BY version DESC LIMIT 1",
				 SRV_TEXT(frame->image_fetch->name))
		     : -ENOTCONN;

	srv_db_put(s->services->context.db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (srv_rows_count(rows) == 0)
		return srv_wire_refuse(&s->wire, "unknown-image",
				       "no complete image of that name is here");
	ampoule__image_manifest__init(&image);
	ampoule__frame__init(&reply);
	image.name = frame->image_fetch->name;
	image.manifest.data = (uint8_t *)(uintptr_t)srv_rows_bytes(rows, 0, 0, &image.manifest.len);
	image.signature.data =
		(uint8_t *)(uintptr_t)srv_rows_bytes(rows, 0, 1, &image.signature.len);
	reply.kind_case = AMPOULE__FRAME__KIND_IMAGE_MANIFEST;
	reply.image_manifest = &image;
	return srv_wire_send(&s->wire, &reply);
}

/* The size of a complete blob: 1 with *ret_total, 0 when there is none. */
static int find_blob(struct srv_session *s, const ProtobufCBinaryData *digest, uint64_t *ret_total,
		     struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_conn *conn = srv_db_get(s->services->context.db, err);
	int r = conn ? srv_query(conn, &rows, err,
				 "SELECT bytes FROM blobs WHERE digest = $1 AND complete",
				 SRV_BYTES(digest->data, digest->len))
		     : -ENOTCONN;

	srv_db_put(s->services->context.db, conn);
	if (r < 0 || srv_rows_count(rows) == 0)
		return r;
	*ret_total = (uint64_t)srv_rows_int(rows, 0, 0);
	return 1;
}

static int send_piece(struct srv_session *s, const ProtobufCBinaryData *digest, uint64_t offset,
		      uint64_t total, const void *bytes, size_t n)
{
	size_t bound = ZSTD_compressBound(n);
	cleanup_free uint8_t *data = malloc(bound);
	Ampoule__BlobChunk chunk;
	Ampoule__Frame frame;

	if (!data)
		return -ENOMEM;
	size_t packed = ZSTD_compress(data, bound, bytes, n, LEVEL);

	if (ZSTD_isError(packed))
		return -EIO;
	ampoule__blob_chunk__init(&chunk);
	ampoule__frame__init(&frame);
	chunk.digest = *digest;
	chunk.offset = offset;
	chunk.total = total;
	chunk.data.data = data;
	chunk.data.len = packed;
	frame.kind_case = AMPOULE__FRAME__KIND_BLOB_CHUNK;
	frame.blob_chunk = &chunk;
	return srv_wire_send(&s->wire, &frame);
}

/* Sends what is left of the piece that holds offset; the bytes sent or a negative errno. */
static ssize_t send_at(struct srv_session *s, const ProtobufCBinaryData *digest, uint64_t offset,
		       uint64_t total, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_conn *conn = srv_db_get(s->services->context.db, err);
	size_t skip = offset % PIECE_BYTES, n = 0;
	int r = conn ? srv_query(conn, &rows, err,
				 "SELECT content FROM blob_chunks WHERE digest = $1 AND index = $2",
				 SRV_BYTES(digest->data, digest->len),
				 SRV_INT(offset / PIECE_BYTES))
		     : -ENOTCONN;

	srv_db_put(s->services->context.db, conn);
	if (r < 0)
		return r;
	const uint8_t *bytes = srv_rows_count(rows) ? srv_rows_bytes(rows, 0, 0, &n) : NULL;

	if (n <= skip || n - skip > total - offset)
		return err_set(err, -EIO, "the pieces of a complete blob are not what they were");
	r = send_piece(s, digest, offset, total, bytes + skip, n - skip);
	return r < 0 ? r : (ssize_t)(n - skip);
}

int srv_on_blob_fetch(struct srv_session *s, Ampoule__Frame *frame)
{
	const ProtobufCBinaryData *digest = &frame->blob_fetch->digest;
	uint64_t offset = frame->blob_fetch->offset, total = 0;
	struct err err = {0};

	if (digest->len != DIGEST_BYTES)
		return srv_session_end(s, "bad-request", "a digest has 32 bytes");
	int r = find_blob(s, digest, &total, &err);

	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (r == 0)
		return srv_wire_refuse(&s->wire, "unknown-blob", "no complete blob of that digest");
	if (offset > total)
		return srv_wire_refuse(&s->wire, "bad-offset", "the blob is shorter than that");
	if (offset == total)
		return send_piece(s, digest, offset, total, "", 0);
	memcpy(s->download.digest, digest->data, sizeof(s->download.digest));
	s->download.offset = offset;
	s->download.total = total;
	return 0; /* the session sends it piece by piece, as the peer takes them */
}

int srv_session_download_more(struct srv_session *s)
{
	struct srv_download *d = &s->download;
	const ProtobufCBinaryData digest = {sizeof(d->digest), d->digest};
	struct err err = {0};
	ssize_t n = send_at(s, &digest, d->offset, d->total, &err);

	if (n < 0 && err.code)
		return srv_session_unavailable(s, &err);
	if (n < 0)
		return (int)n;
	d->offset += (uint64_t)n;
	return 0;
}
