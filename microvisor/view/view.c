#include "microvisor/view/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/arbiter/path.h"
#include "microvisor/view/tree.h"

/* Nodes lie in an anonymous mapping: its pages come only as the guest looks files up. */

static const char *const roots[] = {"/home", "/media", "/mnt", "/srv"};

enum {
	ROOT_COUNT = sizeof(roots) / sizeof(roots[0])
};

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

struct mv_view *mv_view_new(struct mv_arbiter *arbiter, uint32_t uid)
{
	struct mv_view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->nodes = map(MV_VIEW_NODES_MAX * sizeof(*view->nodes));
	view->buckets = calloc(MV_VIEW_BUCKETS, sizeof(*view->buckets));
	if (!view->nodes || !view->buckets) {
		mv_view_free(view);
		return NULL;
	}
	view->arbiter = arbiter;
	view->uid = uid;
	mv_node_clear(view);
	return view;
}

void mv_view_free(struct mv_view *view)
{
	if (!view)
		return;
	if (view->nodes && view->buckets)
		mv_node_clear(view);
	for (unsigned i = 0; i < view->share_count; i++)
		close(view->shares[i].fd);
	if (view->nodes)
		munmap(view->nodes, MV_VIEW_NODES_MAX * sizeof(*view->nodes));
	free(view->buckets);
	free(view);
}

static bool is_below_a_root(const char *path, size_t n)
{
	for (unsigned i = 0; i < ROOT_COUNT; i++) {
		size_t root = strlen(roots[i]);

		if (mv_path_is_in(path, n, roots[i], root))
			return n > root;
	}
	return false;
}

/* Names are limited too: a longer component could never be looked up. */
static bool names_fit(const char *path, size_t n)
{
	size_t name = 0;

	for (size_t i = 0; i < n; i++) {
		name = path[i] == '/' ? 0 : name + 1;
		if (name > MV_VIEW_NAME_MAX)
			return false;
	}
	return true;
}

static int check_share(const struct mv_view *view, const struct mv_view_share *share)
{
	struct stat st;
	int flags = fcntl(share->fd, F_GETFL);

	if (share->kind != MV_SHARE_FILE && share->kind != MV_SHARE_FOLDER)
		return -EINVAL;
	if (flags < 0 || fstat(share->fd, &st) < 0)
		return -errno;
	if (share->kind == MV_SHARE_FOLDER ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return -EINVAL;
	if (share->kind == MV_SHARE_FILE && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_PATH)))
		return -EINVAL;
	if (mv_view_share_at(view, &share->path) >= 0)
		return -EEXIST;
	return view->share_count < MV_SHARES_MAX ? 0 : -ENOSPC;
}

int mv_view_add(struct mv_view *view, enum mv_share_kind kind, const char *path, size_t n, int fd)
{
	struct mv_view_share share = {.kind = kind, .fd = fd};
	struct stat st;
	int r = -EINVAL;

	if (!mv_path_is_canonical(path, n) || !is_below_a_root(path, n) || !names_fit(path, n))
		goto close_fd;
	memcpy(share.path.bytes, path, n);
	share.path.n = n;
	r = check_share(view, &share);
	if (r < 0)
		goto close_fd;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		goto close_fd;
	}
	share.dev = st.st_dev;
	share.ino = st.st_ino;
	view->shares[view->share_count++] = share;
	return 0;
close_fd:
	close(fd);
	return r;
}

int mv_view_share_at(const struct mv_view *view, const struct mv_path *path)
{
	for (unsigned i = 0; i < view->share_count; i++) {
		const struct mv_path *at = &view->shares[i].path;

		if (at->n == path->n && memcmp(at->bytes, path->bytes, at->n) == 0)
			return (int)i;
	}
	return -1;
}

bool mv_view_is_way(const struct mv_view *view, const struct mv_path *path)
{
	if (path->n == 1)
		return true;
	for (unsigned i = 0; i < ROOT_COUNT; i++) {
		if (path->n == strlen(roots[i]) && memcmp(path->bytes, roots[i], path->n) == 0)
			return true;
	}
	for (unsigned i = 0; i < view->share_count; i++) {
		const struct mv_path *at = &view->shares[i].path;

		if (at->n > path->n && mv_path_is_in(at->bytes, at->n, path->bytes, path->n))
			return true;
	}
	return false;
}

uint64_t mv_view_ino(uint64_t dev, uint64_t ino)
{
	uint64_t hash = ino ^ dev * 0x9e3779b97f4a7c15;

	return hash ? hash : 1; /* 0 is "no file" to readers of folders */
}

uint64_t mv_path_ino(const struct mv_path *path)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < path->n; i++)
		hash = (hash ^ (uint8_t)path->bytes[i]) * 0x100000001b3;
	return hash ? hash : 1;
}
