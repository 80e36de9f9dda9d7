/* The files behind the image store, by digest: blobs/DIGEST complete and verified, inbox/DIGEST partial.
 *
 * A blob is written once, verified, made read only and, where the file system can, put under fs-verity;
 * only then it gets its name in blobs/. folder is the image store's. The agent's thread; importing may
 * happen beside it, since every change of blobs/ is one rename. */
#ifndef AGENT_AGENT_BLOBS_H
#define AGENT_AGENT_BLOBS_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/err.h"

/* -errno. */
int agent_blobs_make_folders(const char *folder, struct err *err) must_check;
/* Opens one, read only. -ENOENT; -EBADMSG: another size, or fs-verity measures another digest. */
int agent_blob_open(const char *folder, const uint8_t digest[DIGEST_BYTES], uint64_t bytes,
		    struct err *err) must_check;
uint64_t agent_blob_inbox_bytes(const char *folder, const uint8_t digest[DIGEST_BYTES]);
/* As agent_images_append(). */
int agent_blob_append(const char *folder, const uint8_t digest[DIGEST_BYTES], uint64_t offset,
		      uint64_t total, const void *bytes, size_t n, struct err *err) must_check;
/* Copies the file at path in. -EBADMSG: its digest is another. */
int agent_blob_import(const char *folder, const uint8_t digest[DIGEST_BYTES], const char *path,
		      struct err *err) must_check;

#endif
