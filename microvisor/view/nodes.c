#include <errno.h>

#include "microvisor/view/server.h"

/* LOOKUP, GETATTR, FORGET, STATFS. No time limits are given with what we answer: the guest asks again at
 * each access, so that a policy that has changed is heard. */

enum {
	BLOCK = 4096,
	FILE_MODE = 0444,
	FOLDER_MODE = 0555
};

static void set_time(uint64_t *seconds, uint32_t *nanoseconds, const struct timespec *time)
{
	*seconds = (uint64_t)time->tv_sec;
	*nanoseconds = (uint32_t)time->tv_nsec;
}

/* Files are the task's own and read-only. Whether the host lets them be read is its own decision at
 * OPEN. One link for a folder means "cannot tell", so that find(1) looks at every name. */
static void from_host(const struct mv_view *view, const struct stat *st, struct fuse_attr *attr)
{
	bool folder = S_ISDIR(st->st_mode);

	*attr = (struct fuse_attr){.ino = mv_view_ino(st->st_dev, st->st_ino),
				   .size = (uint64_t)st->st_size,
				   .blocks = (uint64_t)st->st_blocks,
				   .nlink = folder ? 1 : (uint32_t)st->st_nlink,
				   .uid = view->uid,
				   .gid = view->uid,
				   .blksize = BLOCK};
	attr->mode = folder ? S_IFDIR | FOLDER_MODE : S_IFREG | FILE_MODE;
	set_time(&attr->atime, &attr->atimensec, &st->st_atim);
	set_time(&attr->mtime, &attr->mtimensec, &st->st_mtim);
	set_time(&attr->ctime, &attr->ctimensec, &st->st_ctim);
}

static int get_attr(struct mv_view *view, struct mv_node *node, struct fuse_attr *attr)
{
	struct stat st;

	if (node->kind == MV_NODE_WAY) {
		struct mv_path path;

		mv_node_path(view, node, &path);
		*attr = (struct fuse_attr){.ino = mv_path_ino(&path),
					   .nlink = 1,
					   .mode = S_IFDIR | FOLDER_MODE,
					   .uid = view->uid,
					   .gid = view->uid,
					   .blksize = BLOCK};
		return 0;
	}
	int r = mv_host_stat(view, node, &st);

	if (r < 0)
		return r;
	from_host(view, &st, attr);
	return 0;
}

int mv_fuse_lookup(struct mv_fuse *fuse, struct mv_call *call)
{
	struct mv_view *view = fuse->view;
	struct fuse_entry_out out = {0};
	struct mv_node *node;
	const char *name;
	int r = mv_call_name(call, &name);

	if (r < 0)
		return r;
	r = mv_view_lookup(view, call->from, call->node, name, &node);
	if (r < 0)
		return r;
	r = get_attr(view, node, &out.attr);
	if (r < 0) {
		mv_node_forget(view, node, 1);
		return r;
	}
	out.nodeid = mv_node_number(view, node);
	return mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_getattr(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_attr_out out = {0};
	int r = mv_view_permit(fuse->view, call->from, call->node, MV_OP_STAT);

	if (r == 0)
		r = get_attr(fuse->view, call->node, &out.attr);
	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_forget(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_forget_in in;

	mv_call_take(call, &in, sizeof(in));
	mv_node_forget(fuse->view, call->node, in.nlookup);
	return 0;
}

int mv_fuse_batch_forget(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_batch_forget_in in;
	struct fuse_forget_one one;

	mv_call_take(call, &in, sizeof(in));
	/* Bounded by the request: its length is at most MV_FUSE_REQUEST_MAX. */
	for (uint32_t i = 0; i < in.count; i++) {
		if ((size_t)(call->end - call->ptr) < sizeof(one))
			return -EINVAL;
		mv_call_take(call, &one, sizeof(one));
		struct mv_node *node = mv_node_find(fuse->view, one.nodeid);

		if (node)
			mv_node_forget(fuse->view, node, one.nlookup);
	}
	return 0;
}

int mv_fuse_statfs(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_statfs_out out = {
		.st = {.bsize = BLOCK, .frsize = BLOCK, .namelen = MV_VIEW_NAME_MAX}};

	(void)fuse;
	return mv_call_put(call, &out, sizeof(out));
}
