#include "microvisor/view/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/view/tree.h"

/* Shown even when nothing is shared in them. */
static const char *const roots[MV_VIEW_ROOTS] = {"/home", "/media", "/mnt", "/srv"};

struct mv_view *mv_view_new(struct mv_arbiter *arbiter, uint32_t uid)
{
	struct mv_view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->arbiter = arbiter;
	view->uid = uid;
	view->store = view->tree = -1;
	for (; view->share_count < MV_VIEW_ROOTS; view->share_count++) {
		struct mv_view_share *root = &view->shares[view->share_count];

		root->fd = -1;
		root->path.n = strlen(roots[view->share_count]);
		memcpy(root->path.bytes, roots[view->share_count], root->path.n);
	}
	mv_node_clear(view);
	return view;
}

void mv_view_own(struct mv_view *view, uint32_t uid)
{
	view->uid = uid;
}

void mv_view_free(struct mv_view *view)
{
	if (!view)
		return;
	mv_view_reset(view);
	for (unsigned i = MV_VIEW_ROOTS; i < view->share_count; i++)
		close(view->shares[i].fd);
	if (view->store >= 0)
		close(view->store);
	if (view->tree >= 0)
		close(view->tree);
	free(view);
}

static bool is_below_a_root(const struct mv_view *view, const struct mv_path *path)
{
	for (unsigned i = 0; i < MV_VIEW_ROOTS; i++) {
		if (mv_path_is_within(path, &view->shares[i].path))
			return path->n > view->shares[i].path.n;
	}
	return false;
}

/* Names are limited too: a longer component could never be looked up. */
static bool names_fit(const struct mv_path *path)
{
	size_t name = 0;

	for (size_t i = 0; i < path->n; i++) {
		name = path->bytes[i] == '/' ? 0 : name + 1;
		if (name > MV_VIEW_NAME_MAX)
			return false;
	}
	return true;
}

/* Checks a share with a canonical path, and notes which file it is. */
static int check_share(const struct mv_view *view, struct mv_view_share *share)
{
	bool is_folder = share->kind == MV_SHARE_FOLDER;
	int flags = fcntl(share->fd, F_GETFL);
	struct stat st;

	if ((!is_folder && share->kind != MV_SHARE_FILE) || !is_below_a_root(view, &share->path) ||
	    !names_fit(&share->path))
		return -EINVAL;
	if (flags < 0 || fstat(share->fd, &st) < 0)
		return -errno;
	if (is_folder ? !S_ISDIR(st.st_mode)
		      : !S_ISREG(st.st_mode) || (flags & (O_ACCMODE | O_PATH)))
		return -EINVAL;
	if (mv_view_share_at(view, &share->path) >= 0)
		return -EEXIST;
	share->dev = st.st_dev;
	share->ino = st.st_ino;
	return view->share_count < MV_VIEW_ROOTS + MV_SHARES_MAX ? 0 : -ENOSPC;
}

int mv_view_add(struct mv_view *view, enum mv_share_kind kind, const char *path, size_t n, int fd)
{
	struct mv_view_share share = {.kind = kind, .fd = fd, .path.n = n};
	int r = -EINVAL;

	if (mv_path_is_canonical(path, n)) {
		memcpy(share.path.bytes, path, n);
		r = check_share(view, &share);
	}
	if (r < 0) {
		close(fd);
		return r;
	}
	view->shares[view->share_count++] = share;
	return 0;
}

int mv_view_set_store(struct mv_view *view, int fd, uint64_t bytes_max, uint64_t whole_bytes_max)
{
	view->store = fd;
	view->tree = mv_host_open_in(fd, MV_STORE_TREE, O_PATH | O_DIRECTORY);
	view->used_max = bytes_max;
	view->whole_max = whole_bytes_max;
	mv_node_clear(view);
	return view->tree < 0 ? view->tree : 0;
}

int mv_view_share_at(const struct mv_view *view, const struct mv_path *path)
{
	for (unsigned i = MV_VIEW_ROOTS; i < view->share_count; i++) {
		const struct mv_path *at = &view->shares[i].path;

		if (at->n == path->n && memcmp(at->bytes, path->bytes, at->n) == 0)
			return (int)i;
	}
	return -1;
}

uint64_t mv_view_ino(uint64_t dev, uint64_t ino)
{
	uint64_t hash = ino ^ dev * 0x9e3779b97f4a7c15;

	return hash ? hash : 1; /* 0 is "no file" to readers of folders */
}

uint64_t mv_path_ino(const struct mv_path *path)
{
	return mv_view_ino(0, mv_delta_checksum(path->bytes, path->n));
}
