#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "microvisor/view/server.h"

/* READDIR. What the host has in a folder is listed first, in its own order and with its own positions, which
 * any reader may come back to; hidden and denied names, and what is neither file nor folder, are left out
 * without a word: being listed by others is not reaching. A folder that the view makes up lists only the way to
 * shares, never what rules mention. Then comes what the store has, with positions of its own: the handle knows
 * which of the two it is in. */

enum {
	DOTS = 2,            /* "." and "..", in front of the made-up names */
	ROUNDS_MAX = 1 << 16 /* of 32 KiB: no host folder is that large */
};

/* What entries need; they go to call->out. */
struct list {
	struct mv_call *call;
	struct mv_path folder;
	int store; /* its folder there, for looking names up; -1: none */
	size_t used;
	bool full;
};

/* Puts one entry; sets full when it does not fit. next is the position behind it. */
static void put(struct list *list, uint64_t ino, uint64_t next, const char *name, uint32_t type)
{
	size_t n = strlen(name);
	struct fuse_dirent entry = {.ino = ino, .off = next, .namelen = (uint32_t)n, .type = type};
	size_t bytes = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + n);

	if (bytes > list->call->room - list->used) {
		list->full = true;
		return;
	}
	memset(list->call->out + list->used, 0, bytes);
	memcpy(list->call->out + list->used, &entry, FUSE_NAME_OFFSET);
	memcpy(list->call->out + list->used + FUSE_NAME_OFFSET, name, n);
	list->used += bytes;
}

/* The path of a name in the folder, when a listing shows it. */
static bool shows(const struct list *list, const char *name, bool is_folder, bool is_made,
		  struct mv_path *path)
{
	*path = list->folder;
	return mv_path_append(path, name) == 0 &&
	       mv_view_shows(list->call->view, path, is_folder, is_made);
}

/* What stat() says of a name of the store, as far as a listing shows it; DT_UNKNOWN otherwise. */
static uint32_t type_in_store(const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return st->st_size < MV_DELTA_DATA_AT ? DT_UNKNOWN : DT_REG;
	return st->st_mode & S_ISVTX ? DT_DIR : DT_UNKNOWN;
}

/* Whether the store has something in place of the host's name. */
static bool is_replaced(const struct list *list, const char *name)
{
	struct stat st;

	return list->store >= 0 && fstatat(list->store, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !(S_ISDIR(st.st_mode) && !(st.st_mode & S_ISVTX));
}

/* Puts one record of an open folder. */
static void put_record(struct list *list, int fd, const struct dirent64 *dent)
{
	uint64_t ino = mv_view_ino(list->call->node->dev, dent->d_ino);
	uint32_t type = dent->d_type;
	bool in_store = list->call->handle->in_store;
	struct mv_path path;
	struct stat st;

	if (strcmp(dent->d_name, ".") == 0 || strcmp(dent->d_name, "..") == 0) {
		if (!in_store || list->call->node->made)
			put(list, ino, (uint64_t)dent->d_off, dent->d_name, DT_DIR);
		return;
	}
	if (in_store || type == DT_UNKNOWN) {
		if (fstatat(fd, dent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return;
		type = in_store ? type_in_store(&st) : IFTODT(st.st_mode);
		ino = mv_view_ino(st.st_dev, st.st_ino);
	}
	if ((type == DT_DIR || type == DT_REG) && (in_store || !is_replaced(list, dent->d_name)) &&
	    shows(list, dent->d_name, type == DT_DIR, in_store, &path))
		put(list, ino, (uint64_t)dent->d_off, dent->d_name, type);
}

/* An open folder from position at on; a buffer of it, or more when nothing of one is shown. */
static int list_open(struct list *list, int fd, uint64_t at)
{
	char *dents = list->call->view->dents;

	for (unsigned round = 0; round < ROUNDS_MAX && !list->full && !list->used; round++) {
		if (lseek(fd, (off_t)at, SEEK_SET) < 0)
			return -EINVAL;
		ssize_t n = getdents64(fd, dents, MV_VIEW_DENTS_MAX);

		if (n < 0)
			return errno == EINVAL ? -EINVAL : errno == ENOENT ? 0 : -EIO;
		if (n == 0)
			break;
		for (ssize_t i = 0; i < n && !list->full;) {
			/* Aligned by the kernel. */
			const struct dirent64 *dent = (const void *)(dents + i);

			put_record(list, fd, dent);
			at = (uint64_t)dent->d_off;
			i += dent->d_reclen;
		}
	}
	return 0;
}

/* The made-up folder's n-th name: the next component of the n-th share or root. False when there is none
 * at that place: it lies elsewhere, or an earlier one gave the same. */
static bool made_up_name(const struct list *list, unsigned n, char name[MV_VIEW_NAME_MAX + 1],
			 bool *ret_folder)
{
	const struct mv_view_share *shares = list->call->view->shares;
	const struct mv_path *share = &shares[n].path;
	size_t start = list->folder.n == 1 ? 1 : list->folder.n + 1;

	if (share->n <= start || !mv_path_is_within(share, &list->folder))
		return false;
	const char *slash = memchr(share->bytes + start, '/', share->n - start);
	size_t end = slash ? (size_t)(slash - share->bytes) : share->n;

	for (unsigned i = 0; i < n; i++) {
		if (mv_path_is_in(shares[i].path.bytes, shares[i].path.n, share->bytes, end))
			return false;
	}
	memcpy(name, share->bytes + start, end - start);
	name[end - start] = '\0';
	*ret_folder = slash || shares[n].kind != MV_SHARE_FILE;
	return true;
}

static void list_made_up(struct list *list, uint64_t at)
{
	for (; at < DOTS && !list->full; at++)
		put(list, mv_path_ino(&list->folder), at + 1, at == 0 ? "." : "..", DT_DIR);
	for (; at - DOTS < list->call->view->share_count && !list->full; at++) {
		char name[MV_VIEW_NAME_MAX + 1];
		struct mv_path path;
		bool folder;

		if (made_up_name(list, (unsigned)(at - DOTS), name, &folder) &&
		    !is_replaced(list, name) && shows(list, name, folder, false, &path))
			put(list, mv_path_ino(&path), at + 1, name, folder ? DT_DIR : DT_REG);
	}
}

int mv_fuse_readdir(struct mv_call *call)
{
	struct list list = {.call = call, .store = mv_node_folder(call->node, MV_STORE)};
	uint64_t at = call->in.read.offset;
	int r = mv_handle_get(call, MV_OP_LIST);
	struct mv_handle *handle = call->handle;

	if (r < 0)
		return r;
	if (call->room > call->in.read.size)
		call->room = call->in.read.size;
	mv_node_path(call->view, call->node, &list.folder);
	if (at == 0)
		handle->in_store = call->node->made;
	if (!handle->in_store && handle->fd >= 0)
		r = list_open(&list, handle->fd, at);
	else if (!handle->in_store)
		list_made_up(&list, at);
	if (r == 0 && !handle->in_store && !list.used && !list.full) {
		handle->in_store = true;
		at = 0;
	}
	if (r == 0 && handle->in_store && list.store >= 0)
		r = list_open(&list, list.store, at);
	if (r < 0)
		return r;
	return list.used == 0 && list.full ? -EINVAL : (int)list.used;
}
