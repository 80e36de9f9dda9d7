/* PUT /blobs/{digest}: one file of an image, streamed to an unnamed file in the state folder, verified by
 * its digest, then stored whole. So the database never sees a byte that was not verified, and a slow
 * client holds no connection to it. */
#ifndef SERVER_REST_BLOBS_H
#define SERVER_REST_BLOBS_H

#include "server/rest/route.h"

enum {
	SRV_UPLOADS_MAX = 4 /* at once, of one instance: each may take SRV_BLOB_BYTES_MAX of disk */
};
#define SRV_BLOB_BYTES_MAX (4ULL << 30)

struct srv_upload; /* opaque; owned by its call */

/* Prepares the sink, or answers: 404, 409 for a digest no image has, 200 when the blob is there. */
int srv_blobs_begin(struct srv_call *call, struct err *err);
int srv_blobs_put(struct srv_call *call, struct err *err);
/* Drops the file. NULL is fine. */
void srv_upload_free(struct srv_upload *upload);

#endif
