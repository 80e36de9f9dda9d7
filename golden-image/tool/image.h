/* Golden images as folders: manifest.json, manifest.sig and the files the manifest names. Makes, signs and
 * checks them. One thread. */
#ifndef GOLDEN_IMAGE_TOOL_IMAGE_H
#define GOLDEN_IMAGE_TOOL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/manifest.h"
#include "common/sign.h"

/* What the builder says of an image; all borrowed. */
struct image_claim {
	const char *name;
	const char *created; /* RFC 3339, UTC */
	const char *cmdline;
	uint64_t version;
	size_t shape_count;
	struct {
		uint32_t memory_mib;
		uint32_t cpus;
	} shapes[MANIFEST_SHAPES_MAX];
};

/* Digests the folder's files and writes its manifest and signature. What manifest_parse() would refuse
 * is refused here with its words. -errno with the file in err. */
int image_sign(const char *folder, const struct image_claim *claim,
	       const uint8_t secret[SIGN_SECRET_BYTES], struct err *err) must_check;
/* Checks signature, manifest, and every file's size and digest. -EKEYREJECTED for the signature, -EBADMSG
 * for a file that is not the manifest's, else -errno. */
int image_verify(const char *folder, const uint8_t key[SIGN_KEY_BYTES],
		 struct manifest *ret_manifest, struct err *err) must_check;

#endif
