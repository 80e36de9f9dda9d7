#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "microvisor/arbiter/path.h"
#include "microvisor/view/server.h"

/* READDIR. A host folder is listed in its own order and with its own positions, which any reader may
 * come back to; hidden and denied names, and what is neither file nor folder, are left out without a
 * word: being listed by others is not reaching. A folder that the view makes up lists only the way to
 * shares, never what rules mention. */

enum {
	DOTS = 2,            /* "." and "..", in front of the made-up names */
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

/* The path of a name in the folder, when a listing shows it. */
static bool shows(const struct list *list, const char *name, bool is_folder, struct mv_path *path)
{
	*path = list->folder;
	return mv_path_append(path, name, strlen(name)) == 0 &&
	       mv_view_shows(list->view, path, is_folder);
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
static void put_records(struct list *list, const struct mv_handle *handle, size_t n,
			uint64_t *ret_at)
{
	for (size_t at = 0; at < n;) {
		/* Aligned by the kernel. */
		const struct dent *dent = (const void *)(list->view->dents + at);
		uint32_t type = type_of(handle->fd, dent);
		struct mv_path path;

		if ((type == DT_DIR || type == DT_REG) &&
		    (is_dots(dent->name) || shows(list, dent->name, type == DT_DIR, &path)))
			put(list, mv_view_ino(handle->node->dev, dent->ino), (uint64_t)dent->next,
			    dent->name, type);
		if (list->full)
			return;
		*ret_at = (uint64_t)dent->next;
		at += dent->bytes;
	}
}

static int list_host(struct list *list, const struct mv_handle *handle, uint64_t at)
{
	char *dents = list->view->dents;

	for (unsigned round = 0; round < ROUNDS_MAX && !list->full && !list->used; round++) {
		if (lseek(handle->fd, (off_t)at, SEEK_SET) < 0)
			return -EINVAL;
		long n = syscall(SYS_getdents64, handle->fd, dents, MV_VIEW_DENTS_MAX);

		if (n < 0)
			return errno == EINVAL ? -EINVAL : errno == ENOENT ? 0 : -EIO;
		if (n == 0)
			break;
		put_records(list, handle, (size_t)n, &at);
	}
	return 0;
}

/* The made-up folder's n-th name: the next component of the n-th share or root. False when there is none
 * at that place: it lies elsewhere, or an earlier one gave the same. */
static bool made_up_name(const struct list *list, unsigned n, char name[MV_VIEW_NAME_MAX + 1],
			 bool *ret_folder)
{
	const struct mv_view_share *shares = list->view->shares;
	const struct mv_path *share = &shares[n].path;
	size_t start = list->folder.n == 1 ? 1 : list->folder.n + 1;

	if (share->n <= start ||
	    !mv_path_is_in(share->bytes, share->n, list->folder.bytes, list->folder.n))
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
	for (; at - DOTS < list->view->share_count && !list->full; at++) {
		char name[MV_VIEW_NAME_MAX + 1];
		struct mv_path path;
		bool folder;

		if (made_up_name(list, (unsigned)(at - DOTS), name, &folder) &&
		    shows(list, name, folder, &path))
			put(list, mv_path_ino(&path), at + 1, name, folder ? DT_DIR : DT_REG);
	}
}

int mv_fuse_readdir(struct mv_call *call)
{
	const struct fuse_read_in *in = &call->in.read;
	struct list list = {.view = call->view,
			    .out = call->out,
			    .room = in->size < call->room ? in->size : call->room};
	struct mv_handle *handle;
	int r = mv_handle_get(call, MV_OP_LIST, &handle);

	if (r < 0)
		return r;
	mv_node_path(call->view, call->node, &list.folder);
	if (handle->fd >= 0)
		r = list_host(&list, handle, in->offset);
	else
		list_made_up(&list, in->offset);
	if (r < 0)
		return r;
	return list.used == 0 && list.full ? -EINVAL : (int)list.used;
}
