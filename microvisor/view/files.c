#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "microvisor/view/server.h"

/* OPEN, OPENDIR, READ, WRITE, FSYNC, RELEASE, RELEASEDIR, and the handles they give. The guest's open
 * flags choose only whether it is a write; none of them reaches the host. */

/* The handle with that number on the call's node; false for any other. */
static bool find_handle(struct mv_call *call, uint64_t fh)
{
	uint64_t index = (fh & UINT32_MAX) - 1; /* 0 wraps to out of range */

	if (index >= MV_VIEW_HANDLES_MAX)
		return false;
	call->handle = &call->view->handles[index];
	return call->handle->generation == fh >> 32 && call->handle->node == call->node;
}

int mv_handle_get(struct mv_call *call, enum mv_op op)
{
	/* A change is told whatever else is wrong with it. */
	int r = op == MV_OP_WRITE ? mv_view_permit_change(call->view, call->node, NULL, op) : 0;

	if (r < 0)
		return r;
	if (!find_handle(call, call->in.read.fh) ||
	    (call->node->kind == MV_NODE_FILE) != (op != MV_OP_LIST))
		return -EBADF;
	if (call->in.read.offset > INT64_MAX)
		return -EINVAL;
	return op == MV_OP_WRITE ? 0 : mv_view_permit(call->view, call->node, op);
}

void mv_handle_close(struct mv_view *view, struct mv_handle *handle)
{
	if (handle->fd >= 0)
		close(handle->fd);
	if (handle->node->kind == MV_NODE_FILE)
		mv_file_close(view, handle->node);
	handle->generation++;
	mv_node_unref(view, handle->node);
	handle->node = NULL;
}

int mv_call_open(struct mv_call *call, struct fuse_open_out *out)
{
	struct mv_node *node = call->node;
	struct mv_handle *handle = call->view->handles;
	struct mv_handle *end = handle + MV_VIEW_HANDLES_MAX;
	int fd = -1;
	int r = 0;

	while (handle < end && handle->node)
		handle++;
	if (handle == end)
		return -ENFILE;
	if (node->kind == MV_NODE_FILE)
		r = mv_file_open(call->view, node);
	else if (node->kind == MV_NODE_FOLDER && !node->made)
		r = fd = mv_host_open(call->view, node);
	if (r < 0)
		return r;
	*handle = (struct mv_handle){.generation = handle->generation, .fd = fd, .node = node};
	node->refs++;
	call->handle = handle;
	*out = (struct fuse_open_out){.fh = (uint64_t)handle->generation << 32 |
					    (uint64_t)(handle - call->view->handles + 1)};
	return 0;
}

int mv_fuse_open(struct mv_call *call)
{
	struct fuse_open_out out;
	struct mv_node *node = call->node;
	uint32_t flags = call->in.open.flags;
	bool is_file = node->kind == MV_NODE_FILE;
	bool writes = is_file && (flags & (O_ACCMODE | O_TRUNC | O_CREAT));

	if (is_file != (call->header.opcode == FUSE_OPEN))
		return is_file ? -ENOTDIR : -EISDIR;
	int r = writes ? mv_view_permit_change(call->view, node, NULL, MV_OP_WRITE)
		       : mv_view_permit(call->view, node, is_file ? MV_OP_OPEN : MV_OP_LIST);

	if (r == 0)
		r = mv_call_open(call, &out);
	if (r == 0 && writes && (flags & O_TRUNC)) {
		r = mv_file_truncate(call->view, node, 0);
		if (r < 0)
			mv_handle_close(call->view, call->handle);
	}
	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_read(struct mv_call *call)
{
	size_t want = call->in.read.size < call->room ? call->in.read.size : call->room;
	int r = mv_handle_get(call, MV_OP_READ);

	if (r < 0)
		return r;
	return mv_file_read(mv_file_of(call->view, call->node), call->out,
			    want < MV_FUSE_READ_MAX ? want : MV_FUSE_READ_MAX,
			    call->in.read.offset);
}

int mv_fuse_write(struct mv_call *call)
{
	const struct fuse_write_in *in = &call->in.write;
	struct fuse_write_out out = {.size = in->size};
	int r = mv_handle_get(call, MV_OP_WRITE);

	if (r == 0 && in->size != (size_t)(call->end - call->ptr))
		r = -EINVAL;
	if (r == 0)
		r = mv_file_write(call->view, call->node, call->ptr, in->size, in->offset);
	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

/* What the store has not, the task has not changed. */
int mv_fuse_fsync(struct mv_call *call)
{
	if (call->node->kind != MV_NODE_FILE || !find_handle(call, call->in.fsync.fh))
		return -EBADF;
	int fd = mv_file_of(call->view, call->node)->fd;

	return fd >= 0 && fsync(fd) < 0 ? -EIO : 0;
}

int mv_fuse_release(struct mv_call *call)
{
	if (!find_handle(call, call->in.release.fh))
		return -EBADF;
	mv_handle_close(call->view, call->handle);
	return 0;
}
