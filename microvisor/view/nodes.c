#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/view/server.h"

/* LOOKUP, GETATTR, SETATTR, FORGET, STATFS. No time limits are given with what we answer: the guest asks again at
 * each access, so that a policy that has changed is heard. */

enum {
	BLOCK = 4096
};

/* What the store has of the node. */
static int stat_stored(struct mv_view *view, struct mv_node *node, struct stat *st)
{
	if (mv_node_is_folder(node))
		return fstat(mv_node_folder(node, MV_STORE), st) < 0 ? -EIO : 0;
	int r = mv_file_open(view, node);

	if (r < 0)
		return r;
	const struct mv_file *f = mv_file_of(view, node);

	r = fstat(f->fd, st) < 0 ? -EIO : 0;
	st->st_size = (off_t)f->size;
	st->st_mode = f->header.mode;
	mv_file_close(view, node);
	return r;
}

/* All is the task's own. Whether the host lets a file be read is its own decision at OPEN. One link for a
 * folder means "cannot tell", so that find(1) looks at every name. */
static int get_attr(struct mv_view *view, struct mv_node *node, struct fuse_attr *attr)
{
	bool is_folder = mv_node_is_folder(node);
	struct stat st;
	int r = node->stored ? stat_stored(view, node, &st) : mv_host_stat(view, node, &st);

	if (r < 0)
		return r;
	/* With a store all looks writable: who tries and may not is told of. */
	mode_t mode = is_folder ? 0755 : st.st_mode & 0777;

	if (view->store < 0)
		mode = is_folder ? 0555 : 0444;
	else if (!node->stored)
		mode |= 0600;
	*attr = (struct fuse_attr){.ino = node->shown,
				   .size = (uint64_t)st.st_size,
				   .blocks = ((uint64_t)st.st_size + 511) / 512,
				   .mode = mode | (is_folder ? S_IFDIR : S_IFREG),
				   .nlink = is_folder || node->stored ? 1 : (uint32_t)st.st_nlink,
				   .uid = view->uid,
				   .gid = view->uid,
				   .atime = (uint64_t)st.st_atim.tv_sec,
				   .mtime = (uint64_t)st.st_mtim.tv_sec,
				   .ctime = (uint64_t)st.st_ctim.tv_sec,
				   .atimensec = (uint32_t)st.st_atim.tv_nsec,
				   .mtimensec = (uint32_t)st.st_mtim.tv_nsec,
				   .ctimensec = (uint32_t)st.st_ctim.tv_nsec,
				   .blksize = BLOCK};
	return 0;
}

int mv_call_enter(struct mv_call *call, struct fuse_entry_out *out)
{
	int r = mv_view_lookup(call->view, call->node, call->names[0], &call->node);

	if (r < 0)
		return r;
	*out = (struct fuse_entry_out){.nodeid = mv_node_number(call->view, call->node)};
	r = get_attr(call->view, call->node, &out->attr);
	if (r < 0)
		mv_node_forget(call->view, call->node, 1);
	return r;
}

int mv_fuse_lookup(struct mv_call *call)
{
	struct fuse_entry_out out;
	int r = mv_call_enter(call, &out);

	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

static int put_attr(struct mv_call *call)
{
	struct fuse_attr_out out = {0};
	int r = get_attr(call->view, call->node, &out.attr);

	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_getattr(struct mv_call *call)
{
	int r = mv_view_permit(call->view, call->node, MV_OP_STAT);

	return r < 0 ? r : put_attr(call);
}

/* For futimens(2). */
static struct timespec time_of(bool is_set, bool is_now, uint64_t s, uint32_t ns)
{
	return (struct timespec){.tv_sec = (time_t)s,
				 .tv_nsec = !is_set  ? UTIME_OMIT
					    : is_now ? UTIME_NOW
						     : (long)ns};
}

static int set_file(struct mv_view *view, struct mv_node *node, const struct fuse_setattr_in *in)
{
	const struct timespec times[2] = {
		time_of(in->valid & FATTR_ATIME, in->valid & FATTR_ATIME_NOW, in->atime,
			in->atimensec),
		time_of(in->valid & FATTR_MTIME, in->valid & FATTR_MTIME_NOW, in->mtime,
			in->mtimensec)};
	int r = mv_file_open(view, node);

	if (r < 0)
		return r;
	struct mv_file *f = mv_file_of(view, node);

	r = in->valid & FATTR_SIZE ? mv_file_truncate(view, node, in->size)
				   : mv_file_change(view, node, UINT64_MAX);
	if (r == 0 && (in->valid & FATTR_MODE)) {
		f->header.mode = S_IFREG | (in->mode & 0777);
		r = mv_file_put_header(f);
	}
	if (r == 0 && futimens(f->fd, times) < 0)
		r = -errno;
	mv_file_close(view, node);
	return r;
}

int mv_fuse_setattr(struct mv_call *call)
{
	const struct fuse_setattr_in *in = &call->in.setattr;
	uint32_t uid = call->view->uid;
	int r = mv_view_permit_change(call->view, call->node, NULL, MV_OP_WRITE);

	if (r < 0)
		return r;
	if (((in->valid & FATTR_UID) && in->uid != uid) ||
	    ((in->valid & FATTR_GID) && in->gid != uid))
		return -EPERM;
	/* What is asked of a folder or link, its times and permissions, is not kept. */
	if (call->node->kind == MV_NODE_FILE)
		r = set_file(call->view, call->node, in);
	return r < 0 ? r : put_attr(call);
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
		mv_node_forget(call->view, mv_node_find(call->view, one.nodeid), one.nlookup);
	}
	return 0;
}

int mv_fuse_statfs(struct mv_call *call)
{
	const struct mv_view *view = call->view;
	uint64_t left = view->used < view->used_max ? view->used_max - view->used : 0;
	struct fuse_statfs_out out = {.st = {.blocks = view->used_max / BLOCK,
					     .bfree = left / BLOCK,
					     .bavail = left / BLOCK,
					     .bsize = BLOCK,
					     .frsize = BLOCK,
					     .namelen = MV_VIEW_NAME_MAX}};

	return mv_call_put(call, &out, sizeof(out));
}
