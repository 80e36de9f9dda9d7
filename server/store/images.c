#include "server/store/images.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
	CHUNK_BYTES = 1 << 20
};

int srv_images_is_known(struct srv_conn *conn, const char *name, bool *ret_known, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err, "SELECT EXISTS (SELECT FROM images WHERE name = $1)",
			  SRV_TEXT(name));

	if (r == 0)
		*ret_known = srv_rows_bool(rows, 0, 0);
	return r;
}

/* What to say about a version that is there already. */
static int compare_stored(struct srv_conn *conn, const struct srv_new_image *image, bool *ret_added,
			  struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	size_t n;
	int r = srv_query(conn, &rows, err,
			  "SELECT manifest FROM images WHERE name = $1 AND version = $2::int8",
			  SRV_TEXT(image->manifest->name), SRV_INT(image->manifest->version));

	if (r < 0)
		return r;
	if (!srv_rows_count(rows))
		return err_set(err, -EAGAIN, "the image was removed meanwhile");
	const uint8_t *bytes = srv_rows_bytes(rows, 0, 0, &n);

	if (n != image->n || memcmp(bytes, image->bytes, n))
		return err_set(err, -EEXIST, "image '%s' version %" PRIu64 " has another manifest",
			       image->manifest->name, image->manifest->version);
	*ret_added = false;
	return 0;
}

static int add_files(struct srv_conn *conn, const struct manifest *m, struct err *err)
{
	int r = 0;

	for (int i = 0; i < MANIFEST_FILES && r == 0; i++)
		r = srv_query(conn, NULL, err,
			      "INSERT INTO image_files (name, version, file, digest, bytes) "
			      "VALUES ($1, $2::int8, $3, $4, $5::int8)",
			      SRV_TEXT(m->name), SRV_INT(m->version),
			      SRV_TEXT(manifest_file_name((enum manifest_file)i)),
			      SRV_BYTES(m->files[i].digest, DIGEST_BYTES),
			      SRV_INT(m->files[i].bytes));
	return r;
}

int srv_images_add(struct srv_conn *conn, const struct srv_new_image *image, bool *ret_added,
		   struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "INSERT INTO images (name, version, manifest, signature, created_by) "
			  "VALUES ($1, $2::int8, $3, $4, $5) ON CONFLICT DO NOTHING",
			  SRV_TEXT(image->manifest->name), SRV_INT(image->manifest->version),
			  SRV_BYTES(image->bytes, image->n),
			  SRV_BYTES(image->signature, SIGN_BYTES), SRV_TEXT(image->created_by));

	if (r < 0)
		return r;
	if (!srv_rows_affected(rows))
		return compare_stored(conn, image, ret_added, err);
	*ret_added = true;
	return add_files(conn, image->manifest, err);
}

int srv_images_list(struct srv_conn *conn, const char *after_name, int64_t after_version,
		    int64_t limit, struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(
		conn, ret_rows, err,
		"SELECT i.name, i.version, c.name IS NOT NULL, i.created_at, i.created_by "
		"FROM images i LEFT JOIN complete_images c ON c.name = i.name AND c.version = "
		"i.version "
		"WHERE $1::text IS NULL OR i.name > $1 OR (i.name = $1 AND i.version < $2::int8) "
		"ORDER BY i.name, i.version DESC LIMIT $3::int8",
		SRV_TEXT(after_name), SRV_INT(after_version), SRV_INT(limit));
}

int srv_images_files(struct srv_conn *conn, const char *name, int64_t version,
		     struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT f.file, f.digest, f.bytes, coalesce(b.complete, false) "
			 "FROM image_files f LEFT JOIN blobs b ON b.digest = f.digest "
			 "WHERE f.name = $1 AND f.version = $2::int8 ORDER BY f.file",
			 SRV_TEXT(name), SRV_INT(version));
}

int srv_blobs_find(struct srv_conn *conn, const uint8_t digest[DIGEST_BYTES], uint64_t *ret_bytes,
		   bool *ret_complete, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT f.bytes, coalesce(b.complete, false) FROM image_files f "
			  "LEFT JOIN blobs b ON b.digest = f.digest WHERE f.digest = $1 LIMIT 1",
			  SRV_BYTES(digest, DIGEST_BYTES));

	if (r < 0)
		return r;
	if (!srv_rows_count(rows))
		return err_set(err, -ENOENT, "no image has a file with this digest");
	*ret_bytes = (uint64_t)srv_rows_int(rows, 0, 0);
	*ret_complete = srv_rows_bool(rows, 0, 1);
	return 0;
}

static int read_chunk(int fd, uint64_t offset, uint8_t *chunk, size_t n, struct err *err)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(fd, chunk + have, n - have, (off_t)(offset + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(err, got < 0 ? -errno : -EIO, "cannot read an upload back");
		have += (size_t)got;
	}
	return 0;
}

static int add_chunks(struct srv_conn *conn, const uint8_t digest[DIGEST_BYTES], int fd,
		      uint64_t bytes, struct err *err)
{
	cleanup_free uint8_t *chunk = malloc(CHUNK_BYTES);
	int r = 0;

	if (!chunk)
		return err_set(err, -ENOMEM, "out of memory");
	for (uint64_t at = 0; at < bytes && r == 0; at += CHUNK_BYTES) {
		size_t n = bytes - at < CHUNK_BYTES ? (size_t)(bytes - at) : CHUNK_BYTES;

		r = read_chunk(fd, at, chunk, n, err);
		if (r == 0)
			r = srv_query(conn, NULL, err,
				      "INSERT INTO blob_chunks (digest, index, content) "
				      "VALUES ($1, $2::int8::int4, $3)",
				      SRV_BYTES(digest, DIGEST_BYTES), SRV_INT(at / CHUNK_BYTES),
				      SRV_BYTES(chunk, n));
	}
	return r;
}

/* One transaction: another instance that stores the same blob waits on our row and then finds it. */
int srv_blobs_add(struct srv_conn *conn, const uint8_t digest[DIGEST_BYTES], int fd, uint64_t bytes,
		  bool *ret_added, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_begin(conn, err);

	if (r == 0)
		r = srv_query(conn, NULL, err,
			      "DELETE FROM blobs WHERE digest = $1 AND NOT complete",
			      SRV_BYTES(digest, DIGEST_BYTES));
	if (r == 0)
		r = srv_query(
			conn, &rows, err,
			"INSERT INTO blobs (digest, bytes, complete) VALUES ($1, $2::int8, true) "
			"ON CONFLICT DO NOTHING",
			SRV_BYTES(digest, DIGEST_BYTES), SRV_INT(bytes));
	if (r == 0)
		*ret_added = srv_rows_affected(rows) > 0;
	if (r == 0 && *ret_added)
		r = add_chunks(conn, digest, fd, bytes, err);
	if (r == 0)
		return srv_commit(conn, err);
	srv_rollback(conn);
	return r;
}
