#include "agent/agent/images.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent/blobs.h"
#include "common/buf.h"
#include "common/fd.h"

static bool name_is_plain(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < MANIFEST_NAME_MAX && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

/* Fills "FOLDER/NAME[.next].SUFFIX"; names are checked, so that they cannot leave the folder. */
static int path_of(const struct agent_images *images, const char *name, bool next,
		   const char *suffix, char out[PATH_MAX], struct err *err)
{
	if (!name_is_plain(name))
		return err_set(err, -EINVAL, "this is not an image name");
	(void)snprintf(out, PATH_MAX, "%s/%s%s.%s", images->folder, name, next ? ".next" : "",
		       suffix); /* AGENT_FOLDER_MAX leaves room */
	return 0;
}

int agent_images_open(struct agent_images *images, const char *state_dir, struct err *err)
{
	if (snprintf(images->folder, sizeof(images->folder), "%s/images", state_dir) >=
	    (int)sizeof(images->folder))
		return err_set(err, -ENAMETOOLONG, "the state folder's name is too long");
	int r = agent_make_folder(images->folder, 0700, err);

	return r < 0 ? r : agent_blobs_make_folders(images->folder, err);
}

static int verify(const struct agent_identity *identity, const void *json, size_t n,
		  const uint8_t signature[SIGN_BYTES], struct err *err)
{
	for (size_t i = 0; i < identity->image_key_count; i++)
		if (sign_verify(SIGN_PURPOSE_IMAGE, identity->image_keys[i], json, n, signature) ==
		    0)
			return 0;
	return err_set(err, -EKEYREJECTED, "no image key of this endpoint made the signature");
}

/* Reads, verifies and parses one manifest and its signature file. */
static int read_manifest(const struct agent_identity *identity, const char *json_path,
			 const char *sig_path, struct buf *json, uint8_t signature[SIGN_BYTES],
			 struct manifest *out, struct err *err)
{
	cleanup_buf struct buf sig = {0};
	int r = buf_read_file(json, json_path, MANIFEST_BYTES_MAX);

	if (r == 0)
		r = buf_read_file(&sig, sig_path, SIGN_BYTES);
	if (r < 0)
		return err_set(err, r, "cannot read %s: %s", json_path, strerror(-r));
	if (sig.len != SIGN_BYTES)
		return err_set(err, -EKEYREJECTED, "%s is not a signature", sig_path);
	memcpy(signature, sig.data, SIGN_BYTES);
	r = verify(identity, json->data, json->len, signature, err);
	if (r < 0)
		return r;
	return manifest_parse(json->data, json->len, out, err);
}

int agent_images_load(const struct agent_images *images, const struct agent_identity *identity,
		      const char *name, bool next, struct manifest *out, struct err *err)
{
	cleanup_buf struct buf json = {0};
	uint8_t signature[SIGN_BYTES];
	char json_path[PATH_MAX];
	char sig_path[PATH_MAX];
	int r = path_of(images, name, next, "json", json_path, err);

	if (r == 0)
		r = path_of(images, name, next, "sig", sig_path, err);
	if (r < 0)
		return r;
	r = read_manifest(identity, json_path, sig_path, &json, signature, out, err);
	if (r == 0 && strcmp(out->name, name) != 0)
		return err_set(err, -EINVAL, "the manifest is of another image");
	return r;
}

int agent_images_put_manifest(const struct agent_images *images,
			      const struct agent_identity *identity, const char *name,
			      const void *json, size_t n, const uint8_t signature[SIGN_BYTES],
			      struct err *err)
{
	struct manifest fresh;
	struct manifest old;
	char json_path[PATH_MAX];
	char sig_path[PATH_MAX];
	int r = verify(identity, json, n, signature, err);

	if (r == 0)
		r = manifest_parse(json, n, &fresh, err);
	if (r == 0 && strcmp(fresh.name, name) != 0)
		r = err_set(err, -EINVAL, "the manifest is of another image");
	if (r == 0)
		r = path_of(images, name, true, "json", json_path, err);
	if (r == 0)
		r = path_of(images, name, true, "sig", sig_path, err);
	if (r < 0)
		return r;
	if (agent_images_load(images, identity, name, false, &old, NULL) == 0 &&
	    fresh.version < old.version)
		return err_set(err, -ESTALE, "version %" PRIu64 " of %s is older than %" PRIu64,
			       fresh.version, name, old.version);
	r = fd_replace_file(sig_path, signature, SIGN_BYTES, 0444);
	if (r == 0)
		r = fd_replace_file(json_path, json, n, 0444);
	if (r < 0)
		return err_set(err, r, "cannot write %s: %s", json_path, strerror(-r));
	return 0;
}

int agent_images_promote(const struct agent_images *images, const struct agent_identity *identity,
			 const char *name, struct err *err)
{
	char from[PATH_MAX];
	char to[PATH_MAX];
	struct manifest m;
	int r = agent_images_load(images, identity, name, true, &m, err);

	if (r < 0)
		return r;
	for (int i = 0; i < MANIFEST_FILES; i++)
		if (!agent_images_has_file(images, m.files[i].digest, m.files[i].bytes))
			return err_set(err, -ENOENT, "%s of %s is missing", manifest_file_name(i),
				       name);
	/* Between the two renames the pair does not verify: the image is then "not there", never wrong. */
	static const char *const suffixes[] = {"sig", "json"};

	for (size_t i = 0; i < 2; i++) {
		r = path_of(images, name, true, suffixes[i], from, err);
		if (r == 0)
			r = path_of(images, name, false, suffixes[i], to, err);
		if (r < 0)
			return r;
		if (rename(from, to) < 0)
			return err_set(err, -errno, "cannot rename %s: %m", from);
	}
	return 0;
}

int agent_images_open_file(const struct agent_images *images, const uint8_t digest[DIGEST_BYTES],
			   uint64_t bytes, struct err *err)
{
	return agent_blob_open(images->folder, digest, bytes, err);
}

bool agent_images_has_file(const struct agent_images *images, const uint8_t digest[DIGEST_BYTES],
			   uint64_t bytes)
{
	cleanup_fd int fd = agent_blob_open(images->folder, digest, bytes, NULL);

	return fd >= 0;
}

uint64_t agent_images_inbox_bytes(const struct agent_images *images,
				  const uint8_t digest[DIGEST_BYTES])
{
	return agent_blob_inbox_bytes(images->folder, digest);
}

int agent_images_append(const struct agent_images *images, const uint8_t digest[DIGEST_BYTES],
			uint64_t offset, uint64_t total, const void *bytes, size_t n,
			struct err *err)
{
	return agent_blob_append(images->folder, digest, offset, total, bytes, n, err);
}

static int install_files(const struct agent_images *images, const char *folder,
			 const struct manifest *m, struct err *err)
{
	for (int i = 0; i < MANIFEST_FILES; i++) {
		char path[PATH_MAX];

		if (agent_images_has_file(images, m->files[i].digest, m->files[i].bytes))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, manifest_file_name(i)) >=
		    (int)sizeof(path))
			return err_set(err, -ENAMETOOLONG, "the folder's name is too long");
		int r = agent_blob_import(images->folder, m->files[i].digest, path, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int agent_images_install(const struct agent_images *images, const struct agent_identity *identity,
			 const char *folder, char *ret_name, struct err *err)
{
	cleanup_buf struct buf json = {0};
	uint8_t signature[SIGN_BYTES];
	char json_path[PATH_MAX];
	char sig_path[PATH_MAX];
	struct manifest m;

	if (snprintf(json_path, sizeof(json_path), "%s/manifest.json", folder) >= PATH_MAX ||
	    snprintf(sig_path, sizeof(sig_path), "%s/manifest.sig", folder) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "the folder's name is too long");
	int r = read_manifest(identity, json_path, sig_path, &json, signature, &m, err);

	if (r == 0)
		r = agent_images_put_manifest(images, identity, m.name, json.data, json.len,
					      signature, err);
	if (r == 0)
		r = install_files(images, folder, &m, err);
	if (r == 0)
		r = agent_images_promote(images, identity, m.name, err);
	if (r == 0)
		(void)snprintf(ret_name, MANIFEST_NAME_MAX, "%s", m.name);
	return r;
}
