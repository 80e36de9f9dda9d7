#include "golden-image/tool/image.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/fd.h"

/* The manifest is written from the digests just taken and read back by the parser that endpoints use, so
 * that no image is signed which they would refuse. */

enum {
	FILE_MODE = 0644
};

static int join(char path[PATH_MAX], const char *folder, const char *name, struct err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "%s: too long", folder);
	return 0;
}

static int digest_file(const char *folder, const char *name, uint8_t digest[DIGEST_BYTES],
		       uint64_t *ret_bytes, struct err *err)
{
	char path[PATH_MAX];
	int r = join(path, folder, name, err);

	if (r < 0)
		return r;
	int fd cleanup_fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	r = digest_fd(fd, digest, ret_bytes);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

static json_t *render_shapes(const struct image_claim *claim)
{
	json_t *shapes = json_array();

	for (size_t i = 0; i < claim->shape_count; i++)
		json_array_append_new(shapes, json_pack("{s:I, s:I}", "memory_mib",
							(json_int_t)claim->shapes[i].memory_mib,
							"cpus", (json_int_t)claim->shapes[i].cpus));
	return shapes;
}

static int render_files(const char *folder, json_t *files, struct err *err)
{
	for (int i = 0; i < MANIFEST_FILES; i++) {
		const char *name = manifest_file_name((enum manifest_file)i);
		uint8_t digest[DIGEST_BYTES];
		char hex[DIGEST_HEX];
		uint64_t bytes;
		int r = digest_file(folder, name, digest, &bytes, err);

		if (r < 0)
			return r;
		digest_hex(digest, hex);
		json_object_set_new(files, name,
				    json_pack("{s:s, s:I}", "digest", hex, "bytes",
					      (json_int_t)bytes));
	}
	return 0;
}

/* *ret_text is freed by the caller. */
static int render(const char *folder, const struct image_claim *claim, char **ret_text,
		  struct err *err)
{
	json_t *files = json_object();
	json_auto_t *root =
		json_pack("{s:i, s:s, s:I, s:s, s:s, s:s, s:o, s:o}", "ampoule_image", 1, "name",
			  claim->name, "version", (json_int_t)claim->version, "arch", "x86_64",
			  "created", claim->created, "cmdline", claim->cmdline, "shapes",
			  render_shapes(claim), "files", files);

	if (!root)
		return err_set(err, -EINVAL, "manifest: name, cmdline or time is not UTF-8");
	int r = render_files(folder, files, err);

	if (r < 0)
		return r;
	*ret_text = json_dumps(root, JSON_INDENT(2));
	return *ret_text ? 0 : err_set(err, -ENOMEM, "manifest: no memory");
}

static int write_file(const char *folder, const char *name, const void *bytes, size_t n,
		      struct err *err)
{
	char path[PATH_MAX];
	int r = join(path, folder, name, err);

	if (r < 0)
		return r;
	r = fd_replace_file(path, bytes, n, FILE_MODE);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int image_sign(const char *folder, const struct image_claim *claim,
	       const uint8_t secret[SIGN_SECRET_BYTES], struct err *err)
{
	char *text cleanup_free = NULL;
	uint8_t signature[SIGN_BYTES];
	struct manifest readable;
	int r = render(folder, claim, &text, err);

	if (r < 0)
		return r;
	size_t n = strlen(text);

	r = manifest_parse(text, n, &readable, err);
	if (r < 0)
		return r;
	r = sign_document(SIGN_PURPOSE_IMAGE, secret, text, n, signature);
	if (r < 0)
		return err_set(err, r, "manifest: cannot be signed: %s", strerror(-r));
	r = write_file(folder, "manifest.json", text, n, err);
	if (r < 0)
		return r;
	return write_file(folder, "manifest.sig", signature, sizeof(signature), err);
}

static int read_file(const char *folder, const char *name, size_t max, struct buf *ret,
		     struct err *err)
{
	char path[PATH_MAX];
	int r = join(path, folder, name, err);

	if (r < 0)
		return r;
	r = buf_read_file(ret, path, max);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

static int verify_files(const char *folder, const struct manifest *m, struct err *err)
{
	for (int i = 0; i < MANIFEST_FILES; i++) {
		const char *name = manifest_file_name((enum manifest_file)i);
		uint8_t digest[DIGEST_BYTES];
		uint64_t bytes;
		int r = digest_file(folder, name, digest, &bytes, err);

		if (r < 0)
			return r;
		if (bytes != m->files[i].bytes ||
		    memcmp(digest, m->files[i].digest, DIGEST_BYTES) != 0)
			return err_set(err, -EBADMSG, "%s/%s: not the file the manifest names",
				       folder, name);
	}
	return 0;
}

int image_verify(const char *folder, const uint8_t key[SIGN_KEY_BYTES],
		 struct manifest *ret_manifest, struct err *err)
{
	struct buf json cleanup_buf = {0};
	struct buf signature cleanup_buf = {0};
	struct manifest m;
	int r = read_file(folder, "manifest.json", MANIFEST_BYTES_MAX, &json, err);

	if (r == 0)
		r = read_file(folder, "manifest.sig", SIGN_BYTES, &signature, err);
	if (r < 0)
		return r;
	if (signature.len != SIGN_BYTES ||
	    sign_verify(SIGN_PURPOSE_IMAGE, key, json.data, json.len, signature.data) < 0)
		return err_set(err, -EKEYREJECTED, "%s/manifest.sig: not signed by this key",
			       folder);
	r = manifest_parse(json.data, json.len, &m, err);
	if (r == 0)
		r = verify_files(folder, &m, err);
	if (r == 0)
		*ret_manifest = m;
	return r;
}
