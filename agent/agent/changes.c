#include "agent/agent/changes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "agent/delta.h"

/* The walk keeps one path, grown and cut as it goes down and up. */

struct walk {
	struct agent_changes *changes;
	char path[MV_PATH_MAX];
	size_t n;
	int depth;
};

static int open_beneath(int folder, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int add(struct walk *walk, unsigned kind, uint64_t bytes, uint32_t mode)
{
	struct agent_changes *changes = walk->changes;

	if (changes->count == AGENT_CHANGES_MAX ||
	    changes->names_bytes + walk->n > AGENT_CHANGES_NAMES_MAX) {
		changes->cut = true;
		return 0;
	}
	if ((changes->count & (changes->count - 1)) == 0) {
		size_t room = changes->count ? changes->count * 2 : 16;
		struct agent_changed *list =
			reallocarray(changes->list, room, sizeof(*changes->list));

		if (!list)
			return -ENOMEM;
		changes->list = list;
	}
	char *path = strndup(walk->path, walk->n);

	if (!path)
		return -ENOMEM;
	changes->list[changes->count++] = (struct agent_changed){.mode = mode,
								 .what = {.kind = (uint8_t)kind,
									  .fate = AGENT_FATE_KEEP,
									  .bytes = bytes,
									  .path = path}};
	changes->names_bytes += walk->n;
	return 0;
}

static int add_file(struct walk *walk, int folder, const char *name)
{
	struct agent_delta delta;
	cleanup_fd int fd = open_beneath(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || agent_delta_init(&delta, fd) < 0)
		return add(walk, AGENT_CHANGE_DAMAGED, 0, 0);
	if (delta.gone)
		return add(walk, AGENT_CHANGE_DELETED, 0, 0);
	return add(walk, delta.header.original.ino ? AGENT_CHANGE_CHANGED : AGENT_CHANGE_NEW,
		   delta.size, 0);
}

static int walk_folder(struct walk *walk, int fd);

static int add_folder(struct walk *walk, int folder, const char *name, mode_t mode)
{
	int fd = open_beneath(folder, name, O_RDONLY | O_DIRECTORY);
	int r = mode & S_ISVTX ? add(walk, AGENT_CHANGE_FOLDER, 0, mode & 0777) : 0;

	if (fd < 0 || walk->depth == AGENT_CHANGES_DEPTH_MAX) {
		if (fd >= 0)
			close(fd);
		walk->changes->cut = true;
		return r;
	}
	walk->depth++;
	if (r == 0)
		r = walk_folder(walk, fd);
	else
		close(fd);
	walk->depth--;
	return r;
}

static int visit(struct walk *walk, int folder, const char *name)
{
	size_t was = walk->n;
	size_t n = strlen(name);
	struct stat st;
	int r = 0;

	/* What went meanwhile is no change any more. */
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (was + 1 + n >= sizeof(walk->path)) {
		walk->changes->cut = true;
		return 0;
	}
	walk->path[was] = '/';
	memcpy(walk->path + was + 1, name, n);
	walk->n = was + 1 + n;
	if (S_ISDIR(st.st_mode))
		r = add_folder(walk, folder, name, st.st_mode);
	else if (S_ISLNK(st.st_mode))
		r = add(walk, AGENT_CHANGE_LINK, (uint64_t)st.st_size, 0);
	else if (S_ISREG(st.st_mode))
		r = add_file(walk, folder, name);
	else
		r = add(walk, AGENT_CHANGE_DAMAGED, 0, 0);
	walk->n = was;
	return r;
}

/* Takes fd. */
static int walk_folder(struct walk *walk, int fd)
{
	DIR *dir = fdopendir(fd);
	int r = 0;

	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0 && !(walk->changes->cut && walk->changes->count == AGENT_CHANGES_MAX)) {
		errno = 0;
		const struct dirent *entry = readdir(dir);

		if (!entry) {
			r = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = visit(walk, dirfd(dir), entry->d_name);
	}
	closedir(dir);
	return r;
}

/* A folder comes before what is in it. */
static int by_path(const void *left, const void *right)
{
	const struct agent_changed *a = left, *b = right;

	return strcmp(a->what.path, b->what.path);
}

int agent_changes_read(struct agent_changes *changes, int store_fd)
{
	cleanup_free struct walk *walk = calloc(1, sizeof(*walk));

	*changes = (struct agent_changes){0};
	if (!walk)
		return -ENOMEM;
	walk->changes = changes;
	int fd = open_beneath(store_fd, MV_STORE_TREE, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	int r = walk_folder(walk, fd);

	if (changes->count > 1)
		qsort(changes->list, changes->count, sizeof(*changes->list), by_path);
	return r;
}

void agent_changes_release(struct agent_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		char *path;

		memcpy(&path, &changes->list[i].what.path, sizeof(path)); /* const for others */
		free(path);
	}
	free(changes->list);
	*changes = (struct agent_changes){0};
}

struct agent_changed *agent_changes_find(const struct agent_changes *changes, const char *path)
{
	struct agent_changed key = {.what = {.path = path}};

	return changes->count ? bsearch(&key, changes->list, changes->count, sizeof(key), by_path)
			      : NULL;
}

int agent_changes_open(int store_fd, const char *path)
{
	char below[MV_PATH_MAX + 8];

	(void)snprintf(below, sizeof(below), "%s%s", MV_STORE_TREE,
		       path); /* path begins with "/" */
	return open_beneath(store_fd, below, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}
