#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "microvisor/view/server.h"

/* OPEN, READ, RELEASE. The guest's open flags choose only whether it is a refused write; none of them
 * reaches the host. */

static bool would_write(uint32_t flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT));
}

int mv_fuse_open(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_open_in in;
	struct fuse_open_out out = {0};

	mv_call_take(call, &in, sizeof(in));
	if (call->node->kind != MV_NODE_FILE)
		return -EISDIR;
	if (would_write(in.flags))
		return mv_view_refuse(fuse->view, call->from, call->node, NULL, MV_OP_WRITE);
	int r = mv_view_permit(fuse->view, call->from, call->node, MV_OP_OPEN);

	if (r < 0)
		return r;
	int fd = mv_host_open(fuse->view, call->node);

	if (fd < 0)
		return fd;
	r = mv_handle_open(fuse, call->node, fd, &out.fh);
	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_read(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_read_in in;

	mv_call_take(call, &in, sizeof(in));
	struct mv_handle *handle = mv_handle_find(fuse, call->node, in.fh);

	if (!handle || call->node->kind != MV_NODE_FILE)
		return -EBADF;
	if (in.offset > INT64_MAX)
		return -EINVAL;
	int r = mv_view_permit(fuse->view, call->from, call->node, MV_OP_READ);

	if (r < 0)
		return r;
	size_t want = in.size < call->room ? in.size : call->room;
	size_t done = 0;

	if (want > MV_FUSE_READ_MAX)
		want = MV_FUSE_READ_MAX;
	/* A short answer means the end of the file, so short reads of the host go on. */
	while (done < want && in.offset + done <= INT64_MAX) {
		ssize_t n =
			pread(handle->fd, call->out + done, want - done, (off_t)(in.offset + done));

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

int mv_fuse_release(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_release_in in;

	mv_call_take(call, &in, sizeof(in));
	struct mv_handle *handle = mv_handle_find(fuse, call->node, in.fh);

	if (!handle)
		return -EBADF;
	mv_handle_close(fuse, handle);
	return 0;
}
