#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/view/tree.h"

/* The names in the store (delta.h). We alone write there, so a node's `stored` is the truth, and a folder without
 * changes costs no call. A file is made outside the tree and renamed into it whole.
 *
 * What is taken is counted: the blocks of files, and ENTRY_BYTES for each name. Deleting is never refused. */

enum {
	ENTRY_BYTES = 4096
};

struct mv_original mv_store_note(const struct stat *st)
{
	const int64_t second = 1000000000;

	return (struct mv_original){.dev = st->st_dev,
				    .ino = st->st_ino,
				    .size = (uint64_t)st->st_size,
				    .mtime_ns = st->st_mtim.tv_sec * second + st->st_mtim.tv_nsec,
				    .ctime_ns = st->st_ctim.tv_sec * second + st->st_ctim.tv_nsec};
}

int mv_store_get_header(int fd, struct mv_delta_header *header)
{
	size_t checked = offsetof(struct mv_delta_header, checksum);

	if (pread(fd, header, sizeof(*header), 0) != (ssize_t)sizeof(*header) ||
	    header->magic != MV_DELTA_MAGIC ||
	    header->checksum != mv_delta_checksum(header, checked))
		return -EBADMSG;
	return 0;
}

int mv_store_put_header(int fd, struct mv_delta_header *header)
{
	header->magic = MV_DELTA_MAGIC;
	header->checksum = mv_delta_checksum(header, offsetof(struct mv_delta_header, checksum));
	return pwrite(fd, header, sizeof(*header), 0) == (ssize_t)sizeof(*header) ? 0 : -ENOSPC;
}

/* What an open name of the store is. */
static int identify(int fd, struct mv_node *like, struct mv_original *hides)
{
	struct mv_delta_header header;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -EIO;
	*like = (struct mv_node){.kind = MV_NODE_FOLDER,
				 .share = -1,
				 .stored = true,
				 .made = st.st_mode & S_ISVTX,
				 .shown = mv_view_ino(st.st_dev, st.st_ino)};
	if (S_ISDIR(st.st_mode))
		return like->made ? MV_STORED_THIS : MV_STORED_FOLDER;
	if (mv_store_get_header(fd, &header) < 0)
		return -EIO;
	*hides = header.original;
	like->kind = MV_NODE_FILE;
	if (header.mode == 0)
		return MV_STORED_GONE;
	like->dev = hides->dev;
	like->ino = hides->ino;
	like->made = header.shown_ino != mv_view_ino(hides->dev, hides->ino) || !hides->ino;
	if (header.shown_ino)
		like->shown = header.shown_ino;
	return MV_STORED_THIS;
}

int mv_store_look(const struct mv_node *parent, const char *name, struct mv_node *like,
		  struct mv_original *hides)
{
	*hides = (struct mv_original){0};
	if (!parent->stored)
		return MV_STORED_NOTHING;
	int folder = mv_node_folder(parent, MV_STORE);
	int fd = folder < 0 ? folder : mv_host_open_in(folder, name, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return fd == -ENOENT ? MV_STORED_NOTHING : fd;
	int r = identify(fd, like, hides);

	if (r >= 0 && like->kind == MV_NODE_FOLDER)
		like->fds[MV_STORE] = fd + 1;
	else
		close(fd);
	return r;
}

static void uncharge(struct mv_view *view, uint64_t bytes)
{
	view->used -= bytes < view->used ? bytes : view->used;
}

/* A name is about to go. What is still open is counted until it is closed (file.c). */
static void forget(struct mv_view *view, struct mv_node *parent, int folder, const char *name)
{
	const struct mv_node *node = mv_node_child(view, parent, name);
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	uncharge(view, ENTRY_BYTES);
	if (S_ISREG(st.st_mode) && !(node && node->file))
		uncharge(view, (uint64_t)st.st_blocks * 512);
}

int mv_store_enter(struct mv_view *view, struct mv_node *folder)
{
	/* Each round makes the uppermost that is missing; the top of the tree is always there. */
	while (!folder->stored) {
		struct mv_node *top = folder;

		while (!view->nodes[top->parent].stored)
			top = &view->nodes[top->parent];
		int fd =
			top->hashed ? mv_node_folder(&view->nodes[top->parent], MV_STORE) : -ENOENT;

		if (fd >= 0 && mkdirat(fd, top->name, 0700) < 0 && errno != EEXIST)
			return -errno;
		if (fd >= 0)
			fd = mv_host_open_in(fd, top->name, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return fd;
		view->used += ENTRY_BYTES;
		top->stored = true;
		top->fds[MV_STORE] = fd + 1;
	}
	return mv_node_folder(folder, MV_STORE);
}

int mv_store_make(struct mv_view *view)
{
	if (view->store < 0)
		return -EROFS;
	return mv_host_open_in(view->store, MV_STORE_NEW, O_RDWR | O_CREAT | O_TRUNC);
}

static int rename_to(struct mv_view *view, int from, const char *from_name, struct mv_node *parent,
		     const char *name)
{
	int folder = mv_store_enter(view, parent);

	if (folder < 0)
		return folder;
	forget(view, parent, folder, name);
	return renameat(from, from_name, folder, name) < 0 ? -errno : 0;
}

int mv_store_place(struct mv_view *view, struct mv_node *parent, const char *name)
{
	int r = rename_to(view, view->store, MV_STORE_NEW, parent, name);

	if (r < 0)
		(void)unlinkat(view->store, MV_STORE_NEW, 0); /* else the next one overwrites it */
	else
		view->used += ENTRY_BYTES;
	return r;
}

int mv_store_add(struct mv_view *view, struct mv_node *parent, const char *name,
		 struct mv_delta_header *header, uint64_t bytes)
{
	int fd = mv_store_make(view);

	if (fd < 0)
		return fd;
	int r = ftruncate(fd, (off_t)bytes) < 0 ? -errno : mv_store_put_header(fd, header);

	close(fd);
	return r < 0 ? r : mv_store_place(view, parent, name);
}

int mv_store_rename(struct mv_view *view, struct mv_node *parent, const char *name,
		    struct mv_node *to, const char *to_name)
{
	int folder = mv_node_folder(parent, MV_STORE);

	return folder < 0 ? folder : rename_to(view, folder, name, to, to_name);
}

int mv_store_remove(struct mv_view *view, struct mv_node *parent, const char *name,
		    const struct mv_original *hides)
{
	struct mv_delta_header gone = {.original = *hides};

	if (!hides->ino) {
		int folder = mv_node_folder(parent, MV_STORE);

		if (folder < 0)
			return folder;
		forget(view, parent, folder, name);
		return unlinkat(folder, name, 0) < 0 ? -errno : 0;
	}
	return mv_store_add(view, parent, name, &gone, sizeof(gone));
}

int mv_store_mkdir(struct mv_view *view, struct mv_node *parent, const char *name)
{
	int folder = mv_store_enter(view, parent);

	if (folder < 0)
		return folder;
	/* What says that the host's is gone: a folder that the task made says it too. */
	forget(view, parent, folder, name);
	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (mkdirat(folder, name, S_ISVTX | 0700) < 0)
		return -errno;
	view->used += ENTRY_BYTES;
	return 0;
}
