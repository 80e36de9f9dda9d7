#include "agent/agent/blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent/options.h"
#include "common/fd.h"

static void path_of(const char *folder, const char *part, const uint8_t digest[DIGEST_BYTES],
		    char out[PATH_MAX])
{
	char hex[DIGEST_HEX];

	digest_hex(digest, hex);
	(void)snprintf(out, PATH_MAX, "%s/%s/%s", folder, part, hex); /* AGENT_FOLDER_MAX */
}

int agent_blobs_make_folders(const char *folder, struct err *err)
{
	char path[PATH_MAX];
	static const char *const parts[] = {"blobs", "inbox"};

	for (size_t i = 0; i < 2; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", folder, parts[i]) >= (int)sizeof(path))
			return err_set(err, -ENAMETOOLONG, "the state folder's name is too long");
		int r = agent_make_folder(path, 0700, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether the kernel's own digest of the file is this one; true where there is no fs-verity. */
static bool kernel_agrees(int fd, const uint8_t digest[DIGEST_BYTES])
{
	union {
		struct fsverity_digest head;
		uint8_t bytes[sizeof(struct fsverity_digest) + 64];
	} measured = {.head = {.digest_size = 64}};

	if (ioctl(fd, FS_IOC_MEASURE_VERITY, &measured) < 0)
		return true;
	return measured.head.digest_algorithm == FS_VERITY_HASH_ALG_SHA256 &&
	       measured.head.digest_size == DIGEST_BYTES &&
	       memcmp(measured.bytes + sizeof(measured.head), digest, DIGEST_BYTES) == 0;
}

int agent_blob_open(const char *folder, const uint8_t digest[DIGEST_BYTES], uint64_t bytes,
		    struct err *err)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(folder, "blobs", digest, path);
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != bytes)
		return err_set(err, -EBADMSG, "%s has another size than its manifest says", path);
	if (!kernel_agrees(fd, digest))
		return err_set(err, -EBADMSG, "%s has another digest than its name says", path);
	return take_fd(fd);
}

uint64_t agent_blob_inbox_bytes(const char *folder, const uint8_t digest[DIGEST_BYTES])
{
	char path[PATH_MAX];
	struct stat st;

	path_of(folder, "inbox", digest, path);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Puts a verified file under fs-verity where the file system can; elsewhere it is root's and read only. */
static void protect(const char *path)
{
	struct fsverity_enable_arg arg = {.version = 1,
					  .hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
					  .block_size = DIGEST_BLOCK_BYTES};
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		(void)ioctl(fd, FS_IOC_ENABLE_VERITY, &arg); /* optional: not every file system */
}

/* Verifies a whole file of the inbox and moves it to the blobs. A wrong one is removed. */
static int finish(const char *folder, const uint8_t digest[DIGEST_BYTES], const char *inbox,
		  struct err *err)
{
	char path[PATH_MAX];
	uint8_t found[DIGEST_BYTES];
	cleanup_fd int fd = open(inbox, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", inbox);
	int r = digest_fd(fd, found, NULL);

	if (r < 0)
		return err_set(err, r, "cannot read %s: %s", inbox, strerror(-r));
	if (memcmp(found, digest, sizeof(found)) != 0) {
		(void)unlink(inbox); /* nothing of it may be used; the next try starts afresh */
		return err_set(err, -EBADMSG, "what came in has another digest than asked for");
	}
	if (fchmod(fd, 0444) < 0 || fsync(fd) < 0)
		return err_set(err, -errno, "cannot keep %s: %m", inbox);
	close(take_fd(fd));
	protect(inbox);
	path_of(folder, "blobs", digest, path);
	if (rename(inbox, path) < 0)
		return err_set(err, -errno, "cannot rename %s: %m", inbox);
	return 0;
}

int agent_blob_append(const char *folder, const uint8_t digest[DIGEST_BYTES], uint64_t offset,
		      uint64_t total, const void *bytes, size_t n, struct err *err)
{
	char inbox[PATH_MAX];
	struct stat st;

	path_of(folder, "inbox", digest, inbox);
	cleanup_fd int fd =
		open(inbox, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot open %s: %m", inbox);
	if ((uint64_t)st.st_size != offset || offset > total || n > total - offset)
		return err_set(err, -ERANGE, "a part came in that does not continue the file");
	int r = fd_write_all(fd, bytes, n);

	if (r < 0)
		return err_set(err, r, "cannot write %s: %s", inbox, strerror(-r));
	if (offset + n < total)
		return 0;
	r = finish(folder, digest, inbox, err);
	return r < 0 ? r : 1;
}

/* Copies from one descriptor to another, by the kernel where it can. */
static int copy_all(int from, int to)
{
	for (;;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
	}
}

/* For file systems that copy_file_range(2) does not join. */
static int copy_by_hand(int from, int to)
{
	static const size_t chunk = 1 << 20;
	cleanup_free char *bytes = malloc(chunk);

	if (!bytes)
		return -ENOMEM;
	if (lseek(from, 0, SEEK_SET) < 0 || lseek(to, 0, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(from, bytes, chunk);

		if (n <= 0)
			return n < 0 ? -errno : 0;
		int r = fd_write_all(to, bytes, (size_t)n);

		if (r < 0)
			return r;
	}
}

int agent_blob_import(const char *folder, const uint8_t digest[DIGEST_BYTES], const char *path,
		      struct err *err)
{
	char inbox[PATH_MAX];
	cleanup_fd int from = open(path, O_RDONLY | O_CLOEXEC);

	if (from < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	path_of(folder, "inbox", digest, inbox);
	cleanup_fd int to =
		open(inbox, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (to < 0)
		return err_set(err, -errno, "cannot make %s: %m", inbox);
	int r = copy_all(from, to);

	if (r < 0)
		r = copy_by_hand(from, to);
	if (r < 0)
		return err_set(err, r, "cannot copy %s: %s", path, strerror(-r));
	close(take_fd(to));
	r = finish(folder, digest, inbox, err);
	if (r < 0)
		return err_prefix(err, "%s", path);
	return 0;
}
