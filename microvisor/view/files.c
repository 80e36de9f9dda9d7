#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "microvisor/view/server.h"

/* OPEN, OPENDIR, READ, RELEASE, RELEASEDIR, and the handles they give. The guest's open flags choose only
 * whether it is a refused write; none of them reaches the host. */

/* Opens a handle on the node; takes fd. NULL: all are in use. */
static struct mv_handle *open_handle(struct mv_view *view, struct mv_node *node, int fd)
{
	for (unsigned i = 0; i < MV_VIEW_HANDLES_MAX; i++) {
		unsigned index = (view->next_handle + i) % MV_VIEW_HANDLES_MAX;
		struct mv_handle *handle = &view->handles[index];

		if (handle->used)
			continue;
		handle->used = true;
		handle->fd = fd;
		handle->node = node;
		node->refs++;
		view->next_handle = index + 1;
		return handle;
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* The handle with that number on the call's node; NULL for any other. */
static struct mv_handle *find_handle(struct mv_call *call, uint64_t fh)
{
	uint64_t index = (fh & UINT32_MAX) - 1; /* 0 wraps to out of range */

	if (index >= MV_VIEW_HANDLES_MAX)
		return NULL;
	struct mv_handle *handle = &call->view->handles[index];

	if (!handle->used || handle->generation != fh >> 32 || handle->node != call->node)
		return NULL;
	return handle;
}

int mv_handle_get(struct mv_call *call, enum mv_op op, struct mv_handle **ret_handle)
{
	struct mv_handle *handle = find_handle(call, call->in.read.fh);

	if (!handle || (call->node->kind == MV_NODE_FILE) != (op == MV_OP_READ))
		return -EBADF;
	if (call->in.read.offset > INT64_MAX)
		return -EINVAL;
	*ret_handle = handle;
	return mv_view_permit(call->view, call->node, op);
}

void mv_handle_close(struct mv_view *view, struct mv_handle *handle)
{
	if (handle->fd >= 0)
		close(handle->fd);
	handle->used = false;
	handle->generation++;
	mv_node_unref(view, handle->node);
}

static bool would_write(uint32_t flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT));
}

int mv_fuse_open(struct mv_call *call)
{
	struct fuse_open_out out = {0};
	struct mv_node *node = call->node;
	bool is_file = node->kind == MV_NODE_FILE;
	int fd = -1;

	if (is_file != (call->header.opcode == FUSE_OPEN))
		return is_file ? -ENOTDIR : -EISDIR;
	if (is_file && would_write(call->in.open.flags))
		return mv_view_refuse(call->view, node, NULL, MV_OP_WRITE);
	int r = mv_view_permit(call->view, node, is_file ? MV_OP_OPEN : MV_OP_LIST);

	if (r == 0 && node->kind != MV_NODE_WAY)
		r = fd = mv_host_open(call->view, node);
	if (r < 0)
		return r;
	const struct mv_handle *handle = open_handle(call->view, node, fd);

	if (!handle)
		return -ENFILE;
	out.fh = (uint64_t)handle->generation << 32 | (uint64_t)(handle - call->view->handles + 1);
	return mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_read(struct mv_call *call)
{
	struct mv_handle *handle;
	size_t want = call->in.read.size < call->room ? call->in.read.size : call->room;
	uint64_t offset = call->in.read.offset;
	size_t done = 0;
	int r = mv_handle_get(call, MV_OP_READ, &handle);

	if (r < 0)
		return r;
	if (want > MV_FUSE_READ_MAX)
		want = MV_FUSE_READ_MAX;
	/* A short answer means the end of the file, so short reads of the host go on. */
	while (done < want && offset + done <= INT64_MAX) {
		ssize_t n =
			pread(handle->fd, call->out + done, want - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return done ? (int)done : errno == EINVAL ? -EINVAL : -EIO;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int)done;
}

int mv_fuse_release(struct mv_call *call)
{
	struct mv_handle *handle = find_handle(call, call->in.release.fh);

	if (!handle)
		return -EBADF;
	mv_handle_close(call->view, handle);
	return 0;
}
