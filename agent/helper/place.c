#include "agent/helper/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

/* Between any two calls here the user, or whoever writes to his folders, may move and replace what lies there.
 * So a folder is reached by one openat2(2) that follows nothing, and used by its descriptor from then on; and
 * whether the right file was replaced is asked after the exchange, when nobody can change the answer. */

static int open_beneath(int base, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, base, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Relative, no empty, "." or ".." component. */
static bool is_canonical(const char *path)
{
	for (const char *at = path;; at++) {
		size_t n = strcspn(at, "/");

		if (n == 0 || n >= HELPER_NAME_MAX || (n == 1 && at[0] == '.') ||
		    (n == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += n;
		if (*at == '\0')
			return true;
	}
}

/* The folder that path lies in, and path's last name. */
static int open_folder(int base, const char *path, char name[HELPER_NAME_MAX])
{
	char folder[4096];
	const char *slash = strrchr(path, '/');

	if (!is_canonical(path) || strlen(path) >= sizeof(folder))
		return -EINVAL;
	(void)snprintf(name, HELPER_NAME_MAX, "%s", slash ? slash + 1 : path);
	if (!slash)
		return open_beneath(base, ".", O_PATH | O_DIRECTORY);
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return open_beneath(base, folder, O_PATH | O_DIRECTORY);
}

/* O_NONBLOCK: a FIFO must not keep us. */
static int open_old(struct helper_place *place)
{
	int fd = open_beneath(place->folder, place->name, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd == -ELOOP || fd == -ENXIO ? -EPERM : fd;
	place->old = fd;
	if (fstat(fd, &place->old_stat) < 0)
		return -errno;
	if (!S_ISREG(place->old_stat.st_mode))
		return -EPERM;
	/* Whoever may not write a file is not helped to replace it, though its folder be his. */
	if (syscall(SYS_faccessat2, fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

int helper_place_open(struct helper_place *place, int base, const char *path)
{
	*place = (struct helper_place){.folder = -1, .old = -1};
	int r = open_folder(base, path, place->name);

	if (r < 0)
		return r;
	place->folder = r;
	r = open_old(place);
	if (r < 0)
		helper_place_close(place);
	return r;
}

void helper_place_close(struct helper_place *place)
{
	if (place->folder >= 0)
		close(place->folder);
	if (place->old >= 0)
		close(place->old);
	place->folder = -1;
	place->old = -1;
}

void helper_place_rename(struct helper_place *place, const char *name)
{
	if (place->old >= 0)
		close(place->old);
	place->old = -1;
	(void)snprintf(place->name, sizeof(place->name), "%s", name); /* checked by the caller */
}

static int make_name(char name[HELPER_NAME_MAX])
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	(void)snprintf(name, HELPER_NAME_MAX, ".ampoule-%016" PRIx64, random);
	return 0;
}

int helper_file_make(struct helper_file *file, const struct helper_place *place)
{
	*file = (struct helper_file){
		.fd = openat(place->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
	if (file->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
		return -errno;
	int r = make_name(file->name);

	if (r < 0)
		return r;
	file->fd = openat(place->folder, file->name,
			  O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->fd < 0) {
		r = -errno;
		file->name[0] = '\0';
		return r;
	}
	return 0;
}

/* Without CAP_DAC_READ_SEARCH a descriptor is linked by its name below /proc. -errno. */
static int link_nameless(const struct helper_file *file, const struct helper_place *place,
			 const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	return linkat(AT_FDCWD, path, place->folder, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int sync_folder(const struct helper_place *place, int file_fd)
{
	cleanup_fd int fd = openat(place->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fsync(fd) < 0 ? -errno : 0;
	/* A folder that may be written and not listed: the whole file system then. */
	return syncfs(file_fd) < 0 ? -errno : 0;
}

static int publish_new(struct helper_file *file, const struct helper_place *place)
{
	if (!file->name[0])
		return link_nameless(file, place, place->name);
	if (renameat2(place->folder, file->name, place->folder, place->name, RENAME_NOREPLACE) ==
	    0) {
		file->name[0] = '\0';
		return 0;
	}
	if (errno != EINVAL)
		return -errno;
	/* link(2) does not replace either; the other name goes with helper_file_close(). */
	return linkat(place->folder, file->name, place->folder, place->name, 0) < 0 ? -errno : 0;
}

/* The change times of both differ after a rename; all else of an untouched file is as it was. */
static bool is_old(const struct helper_place *place, const char *name)
{
	const struct stat *old = &place->old_stat;
	struct stat st;

	return fstatat(place->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == old->st_dev && st.st_ino == old->st_ino && st.st_size == old->st_size &&
	       st.st_mtim.tv_sec == old->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == old->st_mtim.tv_nsec;
}

/* The old file has the file's name after it: it goes with helper_file_close(). */
static int publish_over(struct helper_file *file, const struct helper_place *place)
{
	int r = 0;

	if (!file->name[0]) {
		char name[HELPER_NAME_MAX];

		r = make_name(name);
		if (r == 0)
			r = link_nameless(file, place, name);
		if (r < 0)
			return r;
		memcpy(file->name, name, sizeof(name));
	}
	if (!is_old(place, place->name))
		return -ESTALE;
	r = renameat2(place->folder, file->name, place->folder, place->name, RENAME_EXCHANGE);
	if (r < 0 && errno == EINVAL) {
		/* No exchange on this file system: a change between the look and this is lost here, and
		 * kept in nothing but the version before. */
		if (renameat(place->folder, file->name, place->folder, place->name) < 0)
			return -errno;
		file->name[0] = '\0';
		return 0;
	}
	if (r < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	if (is_old(place, file->name))
		return 0;
	/* Somebody put another file there in between: it gets its place back. */
	if (renameat2(place->folder, file->name, place->folder, place->name, RENAME_EXCHANGE) < 0) {
		r = -errno;
		file->name[0] = '\0'; /* it is his now: not to be removed */
		return r;
	}
	return -ESTALE;
}

int helper_file_publish(struct helper_file *file, const struct helper_place *place)
{
	int r = place->old < 0 ? publish_new(file, place) : publish_over(file, place);

	return r < 0 ? r : sync_folder(place, file->fd);
}

void helper_file_close(struct helper_file *file, const struct helper_place *place)
{
	if (file->name[0])
		(void)unlinkat(place->folder, file->name, 0); /* what stays is a spare name */
	if (file->fd >= 0)
		close(file->fd);
	*file = (struct helper_file){.fd = -1};
}

int helper_make_folder(int base, const char *path, unsigned mode)
{
	char name[HELPER_NAME_MAX];
	struct stat st;
	cleanup_fd int folder = open_folder(base, path, name);

	if (folder < 0)
		return folder;
	if (mkdirat(folder, name, mode & 0777) < 0 && errno != EEXIST)
		return -errno;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -EEXIST;
}
