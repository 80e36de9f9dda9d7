#include "agent/helper/attributes.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>

enum {
	LIST_BYTES = 1 << 16, /* XATTR_LIST_MAX */
	VALUE_BYTES = 1 << 16 /* XATTR_SIZE_MAX */
};

/* An ACL is a part of the mode; user.* is the user's own. All else is the system's. */
static int is_kept(const char *name)
{
	return strcmp(name, "system.posix_acl_access") == 0 || strncmp(name, "user.", 5) == 0;
}

static int copy_one(int fd, int old_fd, const char *name, char *value)
{
	ssize_t n = fgetxattr(old_fd, name, value, VALUE_BYTES);

	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	return fsetxattr(fd, name, value, (size_t)n, 0) < 0 ? -errno : 0;
}

static int copy_attributes(int fd, int old_fd)
{
	cleanup_free char *list = malloc(LIST_BYTES);
	cleanup_free char *value = malloc(VALUE_BYTES);
	int r = 0;

	if (!list || !value)
		return -ENOMEM;
	ssize_t n = flistxattr(old_fd, list, LIST_BYTES);

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (ssize_t at = 0; at < n && r == 0; at += (ssize_t)strlen(list + at) + 1)
		if (is_kept(list + at))
			r = copy_one(fd, old_fd, list + at, value);
	return r;
}

int helper_keep_attributes(int fd, int old_fd, const struct stat *old)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
	    fchown(fd, old->st_uid, old->st_gid) < 0)
		return -errno;
	/* The mode first: an ACL carries the group's part of it. */
	if (fchmod(fd, old->st_mode & 0777) < 0)
		return -errno;
	return copy_attributes(fd, old_fd);
}

int helper_set_time(int fd, int64_t mtime_ns)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (mtime_ns > 0 && mtime_ns / 1000000000 <= now.tv_sec)
		times[1] = (struct timespec){.tv_sec = mtime_ns / 1000000000,
					     .tv_nsec = mtime_ns % 1000000000};
	return futimens(fd, times) < 0 ? -errno : 0;
}
