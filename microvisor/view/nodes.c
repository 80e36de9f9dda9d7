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
static int get_attr(struct mv_view *view, struct mv_node *node, struct fuse_attr *attr)
{
	bool is_folder = node->kind != MV_NODE_FILE;
	struct stat st;
	int r = mv_host_stat(view, node, &st);

	if (r < 0)
		return r;
	*attr = (struct fuse_attr){.ino = mv_view_ino(st.st_dev, st.st_ino),
				   .size = (uint64_t)st.st_size,
				   .blocks = (uint64_t)st.st_blocks,
				   .mode = is_folder ? S_IFDIR | FOLDER_MODE : S_IFREG | FILE_MODE,
				   .nlink = is_folder ? 1 : (uint32_t)st.st_nlink,
				   .uid = view->uid,
				   .gid = view->uid,
				   .blksize = BLOCK};
	set_time(&attr->atime, &attr->atimensec, &st.st_atim);
	set_time(&attr->mtime, &attr->mtimensec, &st.st_mtim);
	set_time(&attr->ctime, &attr->ctimensec, &st.st_ctim);
	return 0;
}

int mv_fuse_lookup(struct mv_call *call)
{
	struct fuse_entry_out out = {0};
	struct mv_node *node;
	int r = mv_view_lookup(call->view, call->node, call->names[0], &node);

	if (r < 0)
		return r;
	r = get_attr(call->view, node, &out.attr);
	if (r < 0) {
		mv_node_forget(call->view, node, 1);
		return r;
	}
	out.nodeid = mv_node_number(call->view, node);
	return mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_getattr(struct mv_call *call)
{
	struct fuse_attr_out out = {0};
	int r = mv_view_permit(call->view, call->node, MV_OP_STAT);

	if (r == 0)
		r = get_attr(call->view, call->node, &out.attr);
	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_forget(struct mv_call *call)
{
	mv_node_forget(call->view, call->node, call->in.forget.nlookup);
	return 0;
}

int mv_fuse_batch_forget(struct mv_call *call)
{
	/* Bounded by the request: its length is at most MV_FUSE_REQUEST_MAX. */
	for (uint32_t i = 0; i < call->in.batch_forget.count; i++) {
		struct fuse_forget_one one;

		if (!mv_call_take(call, &one, sizeof(one)))
			return -EINVAL;
		struct mv_node *node = mv_node_find(call->view, one.nodeid);

		if (node)
			mv_node_forget(call->view, node, one.nlookup);
	}
	return 0;
}

int mv_fuse_statfs(struct mv_call *call)
{
	struct fuse_statfs_out out = {
		.st = {.bsize = BLOCK, .frsize = BLOCK, .namelen = MV_VIEW_NAME_MAX}};

	return mv_call_put(call, &out, sizeof(out));
}
