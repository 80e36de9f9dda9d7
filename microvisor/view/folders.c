#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "microvisor/arbiter/path.h"
#include "microvisor/view/server.h"

/* OPENDIR and READDIR. A host folder is listed in its own order and with its own positions, which any
 * reader may come back to; hidden and denied names, and what is neither file nor folder, are left out
 * without a word: being listed by others is not reaching. A folder that the view makes up lists only
 * the way to shares, never what rules mention. */

static const char *const root_names[] = {"home", "media", "mnt", "srv"};

enum {
	DOTS = 2, /* "." and "..", in front of the made-up names */
	ROOT_NAMES = sizeof(root_names) / sizeof(root_names[0]),
	ROUNDS_MAX = 1 << 16 /* of 32 KiB: no host folder is that large */
};

/* The kernel's record, getdents64(2). */
struct dent {
	uint64_t ino;
	int64_t next;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

/* Where entries go, and what they need. */
struct list {
	struct mv_view *view;
	struct mv_path folder;
	uint8_t *out;
	size_t room;
	size_t used;
	bool full;
};

int mv_fuse_opendir(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_open_out out = {0};
	int fd = -1;

	if (call->node->kind == MV_NODE_FILE)
		return -ENOTDIR;
	int r = mv_view_permit(fuse->view, call->from, call->node, MV_OP_LIST);

	if (r < 0)
		return r;
	if (call->node->kind == MV_NODE_FOLDER) {
		fd = mv_host_open(fuse->view, call->node);
		if (fd < 0)
			return fd;
	}
	r = mv_handle_open(fuse, call->node, fd, &out.fh);
	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

/* Puts one entry; sets full when it does not fit. next is the position behind it. */
static void put(struct list *list, uint64_t ino, uint64_t next, const char *name, uint32_t type)
{
	size_t n = strlen(name);
	struct fuse_dirent entry = {.ino = ino, .off = next, .namelen = (uint32_t)n, .type = type};
	size_t bytes = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + n);

	if (bytes > list->room - list->used) {
		list->full = true;
		return;
	}
	memset(list->out + list->used, 0, bytes);
	memcpy(list->out + list->used, &entry, FUSE_NAME_OFFSET);
	memcpy(list->out + list->used + FUSE_NAME_OFFSET, name, n);
	list->used += bytes;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static uint32_t type_of(int folder, const struct dent *dent)
{
	struct stat st;

	if (dent->type != DT_UNKNOWN)
		return dent->type;
	if (fstatat(folder, dent->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_UNKNOWN;
	return IFTODT(st.st_mode);
}

/* One buffer of the host's records. *ret_at is the position behind the last one that was dealt with. */
static void put_records(struct list *list, int fd, uint64_t dev, const char *records, size_t n,
			uint64_t *ret_at)
{
	for (size_t at = 0; at < n;) {
		const struct dent *dent = (const void *)(records + at); /* aligned by the kernel */
		uint32_t type = type_of(fd, dent);
		bool shown =
			(type == DT_DIR || type == DT_REG) &&
			(is_dots(dent->name) || mv_view_shows(list->view, &list->folder, dent->name,
							      strlen(dent->name), type == DT_DIR));

		if (shown)
			put(list, mv_view_ino(dev, dent->ino), (uint64_t)dent->next, dent->name,
			    type);
		if (list->full)
			return;
		*ret_at = (uint64_t)dent->next;
		at += dent->bytes;
	}
}

static int list_host(struct mv_fuse *fuse, struct list *list, const struct mv_handle *handle,
		     uint64_t at)
{
	for (unsigned round = 0; round < ROUNDS_MAX && !list->full; round++) {
		if (lseek(handle->fd, (off_t)at, SEEK_SET) < 0)
			return -EINVAL;
		long n = syscall(SYS_getdents64, handle->fd, fuse->dents, sizeof(fuse->dents));

		if (n < 0)
			return errno == EINVAL ? -EINVAL : errno == ENOENT ? 0 : -EIO;
		if (n == 0)
			break;
		put_records(list, handle->fd, handle->node->dev, fuse->dents, (size_t)n, &at);
		if (list->used > 0)
			break;
	}
	return 0;
}

/* The made-up folder's n-th name, out of root_names or the next component of a share; NULL when there is
 * none at that place: past the end, or an earlier share gave it. */
static bool made_up_name(const struct list *list, unsigned n, char name[MV_VIEW_NAME_MAX + 1],
			 bool *ret_folder)
{
	const struct mv_path *folder = &list->folder;

	*ret_folder = true;
	if (folder->n == 1) {
		memcpy(name, root_names[n], strlen(root_names[n]) + 1);
		return true;
	}
	const struct mv_path *share = &list->view->shares[n].path;

	if (share->n <= folder->n ||
	    !mv_path_is_in(share->bytes, share->n, folder->bytes, folder->n))
		return false;
	const char *start = share->bytes + folder->n + 1;
	size_t left = share->n - folder->n - 1;
	const char *slash = memchr(start, '/', left);
	size_t bytes = slash ? (size_t)(slash - start) : left;

	for (unsigned i = 0; i < n; i++) {
		const struct mv_path *other = &list->view->shares[i].path;

		if (mv_path_is_in(other->bytes, other->n, share->bytes, folder->n + 1 + bytes))
			return false;
	}
	memcpy(name, start, bytes);
	name[bytes] = '\0';
	*ret_folder = slash || list->view->shares[n].kind == MV_SHARE_FOLDER;
	return true;
}

static void list_made_up(struct list *list, uint64_t at)
{
	unsigned names = list->folder.n == 1 ? ROOT_NAMES : list->view->share_count;

	for (; at < DOTS && !list->full; at++)
		put(list, mv_path_ino(&list->folder), at + 1, at == 0 ? "." : "..", DT_DIR);
	for (; at - DOTS < names && !list->full; at++) {
		char name[MV_VIEW_NAME_MAX + 1];
		struct mv_path path = list->folder;
		bool folder;

		if (!made_up_name(list, (unsigned)(at - DOTS), name, &folder) ||
		    !mv_view_shows(list->view, &list->folder, name, strlen(name), folder) ||
		    mv_path_append(&path, name, strlen(name)) < 0)
			continue;
		put(list, mv_path_ino(&path), at + 1, name, folder ? DT_DIR : DT_REG);
	}
}

int mv_fuse_readdir(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_read_in in;
	struct list list = {.view = fuse->view, .out = call->out};

	mv_call_take(call, &in, sizeof(in));
	struct mv_handle *handle = mv_handle_find(fuse, call->node, in.fh);

	if (!handle || call->node->kind == MV_NODE_FILE)
		return -EBADF;
	if (in.offset > INT64_MAX)
		return -EINVAL;
	int r = mv_view_permit(fuse->view, call->from, call->node, MV_OP_LIST);

	if (r < 0)
		return r;
	list.room = in.size < call->room ? in.size : call->room;
	mv_node_path(fuse->view, call->node, &list.folder);
	if (handle->fd >= 0)
		r = list_host(fuse, &list, handle, in.offset);
	else
		list_made_up(&list, in.offset);
	if (r < 0)
		return r;
	return list.used == 0 && list.full ? -EINVAL : (int)list.used;
}
