/* Rows of images, image_files, blobs and blob_chunks. As store/tokens.h. */
#ifndef SERVER_STORE_IMAGES_H
#define SERVER_STORE_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/manifest.h"
#include "common/sign.h"
#include "server/db.h"

/* Whether any version of the image has been pushed. */
int srv_images_is_known(struct srv_conn *conn, const char *name, bool *ret_known,
			struct err *err) must_check;

/* A pushed manifest with its signature, both byte for byte; borrowed. */
struct srv_new_image {
	const struct manifest *manifest;
	const void *bytes;
	size_t n;
	const uint8_t *signature; /* SIGN_BYTES */
	const char *created_by;
};
/* Stores the image and its files, in the caller's transaction. *ret_added is false when the same manifest
 * was there before; -EEXIST when this version has another one. */
int srv_images_add(struct srv_conn *conn, const struct srv_new_image *image, bool *ret_added,
		   struct err *err) must_check;

enum srv_image_column {
	SRV_IMAGE_NAME,
	SRV_IMAGE_VERSION,
	SRV_IMAGE_COMPLETE,
	SRV_IMAGE_CREATED,
	SRV_IMAGE_CREATED_BY
};
/* By name, the newest version first; goes on after (after_name, after_version), NULL = from the start. */
int srv_images_list(struct srv_conn *conn, const char *after_name, int64_t after_version,
		    int64_t limit, struct srv_rows **ret_rows, struct err *err) must_check;

enum srv_image_file_column {
	SRV_IMAGE_FILE_NAME,
	SRV_IMAGE_FILE_DIGEST,
	SRV_IMAGE_FILE_BYTES,
	SRV_IMAGE_FILE_PRESENT
};
int srv_images_files(struct srv_conn *conn, const char *name, int64_t version,
		     struct srv_rows **ret_rows, struct err *err) must_check;

/* How large the file with this digest should be, and whether it is here. -ENOENT when no image has it. */
int srv_blobs_find(struct srv_conn *conn, const uint8_t digest[DIGEST_BYTES], uint64_t *ret_bytes,
		   bool *ret_complete, struct err *err) must_check;
/* Stores a file whose digest the caller has verified, whole or not at all. *ret_added is false when it
 * was there. Reads fd from offset 0 with pread(2). */
int srv_blobs_add(struct srv_conn *conn, const uint8_t digest[DIGEST_BYTES], int fd, uint64_t bytes,
		  bool *ret_added, struct err *err) must_check;

#endif
