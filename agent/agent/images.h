/* The image store: manifests by name, their files by digest. A file is verified once, when it comes in,
 * and is root's and read only from then on; where the file system has fs-verity the kernel goes on
 * verifying it.
 *
 * On disk, in images/ of the state folder: NAME.json and NAME.sig (complete images), NAME.next.json and
 * NAME.next.sig (files still missing), blobs/DIGEST, inbox/DIGEST (partial). Every change is a rename.
 * The agent's thread; `ampoule-agent image install` may write beside a running agent. */
#ifndef AGENT_AGENT_IMAGES_H
#define AGENT_AGENT_IMAGES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent/identity.h"
#include "agent/agent/options.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/manifest.h"

/* Plain data. */
struct agent_images {
	char folder[AGENT_FOLDER_MAX];
};

/* Makes the folders. -errno. */
int agent_images_open(struct agent_images *images, const char *state_dir,
		      struct err *err) must_check;

/* The manifest of a complete image, or of one still coming in when next is set; its signature is
 * verified again. -ENOENT: no such image; -EKEYREJECTED, -EINVAL; -errno. */
int agent_images_load(const struct agent_images *images, const struct agent_identity *identity,
		      const char *name, bool next, struct manifest *out,
		      struct err *err) must_check;
/* Verifies a manifest and keeps it as the one coming in. -EKEYREJECTED: no pinned image key; -EINVAL: not
 * a manifest, or of another image than name; -ESTALE: an older version than the complete one; -errno. */
int agent_images_put_manifest(const struct agent_images *images,
			      const struct agent_identity *identity, const char *name,
			      const void *json, size_t n, const uint8_t signature[SIGN_BYTES],
			      struct err *err) must_check;
/* Makes the image that was coming in the complete one. -ENOENT while a file is missing; -errno. */
int agent_images_promote(const struct agent_images *images, const struct agent_identity *identity,
			 const char *name, struct err *err) must_check;

/* Opens a stored file, read only. -ENOENT: not in the store; -EBADMSG: of another size or digest. */
int agent_images_open_file(const struct agent_images *images, const uint8_t digest[DIGEST_BYTES],
			   uint64_t bytes, struct err *err) must_check;
bool agent_images_has_file(const struct agent_images *images, const uint8_t digest[DIGEST_BYTES],
			   uint64_t bytes);

/* How much of a file has come in: where its download goes on. */
uint64_t agent_images_inbox_bytes(const struct agent_images *images,
				  const uint8_t digest[DIGEST_BYTES]);
/* Appends n bytes of a file of total bytes. 0: more to come; 1: complete, verified and stored.
 * -ERANGE: offset is not where the download goes on, or beyond total; -EBADMSG: complete, but of another
 * digest: what came in is thrown away; -errno. */
int agent_images_append(const struct agent_images *images, const uint8_t digest[DIGEST_BYTES],
			uint64_t offset, uint64_t total, const void *bytes, size_t n,
			struct err *err) must_check;

/* Installs an image from a folder as the builder makes it: manifest.json, manifest.sig, the files by
 * their manifest names. Errors as above. ret_name has MANIFEST_NAME_MAX bytes. */
int agent_images_install(const struct agent_images *images, const struct agent_identity *identity,
			 const char *folder, char *ret_name, struct err *err) must_check;

#endif
