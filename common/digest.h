/* The digest of files and blobs: fs-verity's, SHA-256, 4 KiB blocks, no salt (Linux
 * Documentation/filesystems/fsverity.rst, "File digest computation"), so that the kernel can enforce
 * what we verified. Any thread. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum {
	DIGEST_BYTES = 32,
	DIGEST_HEX = 65,
	DIGEST_BLOCK_BYTES = 4096
};

/* Digest of n bytes in memory. -ENOMEM, -EIO when the library fails. */
int digest_bytes(const void *bytes, size_t n, uint8_t ret_digest[DIGEST_BYTES]) must_check;
/* Digest of an open file from offset 0 to its end, read with pread(2); *ret_bytes (may be NULL) its size. */
int digest_fd(int fd, uint8_t ret_digest[DIGEST_BYTES], uint64_t *ret_bytes) must_check;
/* "sha256" hex, lower case, terminated. */
void digest_hex(const uint8_t digest[DIGEST_BYTES], char out[DIGEST_HEX]);
/* -EINVAL unless text is exactly 64 hex digits. */
int digest_parse(const char *text, uint8_t ret_digest[DIGEST_BYTES]) must_check;

#endif
