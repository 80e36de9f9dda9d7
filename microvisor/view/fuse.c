#include <assert.h>
#include <errno.h>
#include <string.h>

#include "microvisor/view/server.h"

/* The table below is the whole protocol we speak. An operation that is not in it is ENOSYS, which the
 * guest's kernel remembers: xattrs, ioctl, poll, locks, FLUSH, FALLOCATE, LSEEK, ACCESS, READDIRPLUS (nothing is kept that
 * it would save), DAX mappings. Locks then are the guest's own. */

enum {
	MINOR = 31, /* that we answer with, and the guest's least; what later ones added is not used */
	FLAGS = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC | FUSE_PARALLEL_DIROPS |
		FUSE_MAX_PAGES,
	PAGE = 4096,
	INIT_IN_LEAST = 16, /* struct fuse_init_in of 7.31; flags2 came later */
	NO_OPERATION = 0    /* its row has no handler, like all that the table leaves out */
};

/* What a row needs and allows. */
enum {
	ANY_TIME = 1, /* before INIT too */
	NO_NODE = 2,  /* header.nodeid means nothing */
	NO_REPLY = 4
};

/* A request is its header, a structure of in_bytes, names with a NUL each, and what the handler takes. */
struct row {
	mv_fuse_handler *handler;
	size_t in_bytes;
	size_t out_bytes; /* room that the payload must have */
	unsigned names;
	unsigned flags;
};

bool mv_call_take(struct mv_call *call, void *bytes, size_t n)
{
	if (n > (size_t)(call->end - call->ptr))
		return false;
	memcpy(bytes, call->ptr, n);
	call->ptr += n;
	return true;
}

/* Takes a name, which is one component of a path and nothing else. */
static int take_name(struct mv_call *call, const char **ret_name)
{
	const char *name = (const char *)call->ptr;
	size_t left = (size_t)(call->end - call->ptr);
	size_t n = strnlen(name, left);

	if (n == left)
		return -EINVAL;
	if (n > MV_VIEW_NAME_MAX)
		return -ENAMETOOLONG;
	if (n == 0 || memchr(name, '/', n) || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	call->ptr += n + 1;
	*ret_name = name;
	return 0;
}

int mv_call_put(struct mv_call *call, const void *bytes, size_t n)
{
	memcpy(call->out, bytes, n);
	return (int)n;
}

static int on_init(struct mv_call *call)
{
	const struct fuse_init_in *in = &call->in.init;
	struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = MINOR};

	if (call->view->ready)
		return -EINVAL;
	if (in->major > FUSE_KERNEL_VERSION) /* it will ask again with ours */
		return mv_call_put(call, &out, sizeof(out));
	if (in->major < FUSE_KERNEL_VERSION || in->minor < MINOR)
		return -EPROTO;
	out.max_readahead = in->max_readahead;
	out.flags = in->flags & FLAGS;
	out.max_write = MV_FUSE_WRITE_MAX;
	out.time_gran = 1;
	out.max_pages = MV_FUSE_READ_MAX / PAGE;
	call->view->ready = true;
	return mv_call_put(call, &out, sizeof(out));
}

static int on_destroy(struct mv_call *call)
{
	mv_view_reset(call->view);
	return 0;
}

#define IN(name)  .in_bytes = sizeof(struct fuse_##name##_in)
#define OUT(name) .out_bytes = sizeof(struct fuse_##name##_out)

static const struct row rows[] = {
	[FUSE_LOOKUP] = {mv_fuse_lookup, .names = 1, OUT(entry)},
	[FUSE_FORGET] = {mv_fuse_forget, IN(forget), .flags = NO_REPLY},
	[FUSE_GETATTR] = {mv_fuse_getattr, IN(getattr), OUT(attr)},
	[FUSE_SETATTR] = {mv_fuse_setattr, IN(setattr), OUT(attr)},
	[FUSE_SYMLINK] = {mv_fuse_refuse, .names = 1},
	[FUSE_MKNOD] = {mv_fuse_refuse, IN(mknod), .names = 1},
	[FUSE_MKDIR] = {mv_fuse_mkdir, IN(mkdir), .names = 1, OUT(entry)},
	[FUSE_UNLINK] = {mv_fuse_unlink, .names = 1},
	[FUSE_RMDIR] = {mv_fuse_unlink, .names = 1},
	[FUSE_RENAME] = {mv_fuse_rename, IN(rename), .names = 2},
	[FUSE_LINK] = {mv_fuse_refuse, IN(link), .names = 1},
	[FUSE_OPEN] = {mv_fuse_open, IN(open), OUT(open)},
	[FUSE_READ] = {mv_fuse_read, IN(read)},
	[FUSE_WRITE] = {mv_fuse_write, IN(write), OUT(write)},
	[FUSE_STATFS] = {mv_fuse_statfs, OUT(statfs)},
	[FUSE_RELEASE] = {mv_fuse_release, IN(release)},
	[FUSE_FSYNC] = {mv_fuse_fsync, IN(fsync)},
	[FUSE_INIT] = {on_init, INIT_IN_LEAST, OUT(init), .flags = ANY_TIME | NO_NODE},
	[FUSE_OPENDIR] = {mv_fuse_open, IN(open), OUT(open)},
	[FUSE_READDIR] = {mv_fuse_readdir, IN(read)},
	[FUSE_RELEASEDIR] = {mv_fuse_release, IN(release)},
	[FUSE_CREATE] = {mv_fuse_create, IN(create), .names = 1,
			 .out_bytes = sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out)},
	[FUSE_DESTROY] = {on_destroy, .flags = NO_NODE},
	[FUSE_BATCH_FORGET] = {mv_fuse_batch_forget, IN(batch_forget), .flags = NO_NODE | NO_REPLY},
	[FUSE_RENAME2] = {mv_fuse_rename, IN(rename2), .names = 2},
};

/* Everything that is checked before a handler runs. */
static int dispatch(struct mv_call *call, const struct row *row, size_t n)
{
	if (call->header.len != n)
		return -EINVAL;
	if (!row->handler)
		return -ENOSYS;
	if (!call->view->ready && !(row->flags & ANY_TIME))
		return -EIO;
	assert(row->in_bytes <= sizeof(call->in));
	if (!mv_call_take(call, &call->in, row->in_bytes) || call->room < row->out_bytes)
		return -EINVAL;
	if (!(row->flags & NO_NODE)) {
		call->node = mv_node_find(call->view, call->header.nodeid);
		if (!call->node)
			return -ESTALE;
	}
	for (unsigned i = 0; i < row->names; i++) {
		int r = take_name(call, &call->names[i]);

		if (r < 0)
			return r;
	}
	return row->handler(call);
}

size_t mv_view_serve(struct mv_view *view, const struct mv_exit *from, const void *request,
		     size_t n, size_t room, const void **ret_reply)
{
	struct fuse_out_header out = {.len = sizeof(out)};
	struct mv_call call = {.view = view, .ptr = request, .out = view->reply + sizeof(out)};

	*ret_reply = view->reply;
	call.end = call.ptr + n;
	if (!mv_call_take(&call, &call.header, sizeof(call.header)))
		return 0;
	view->exit = *from;
	view->exit.claimed_uid = call.header.uid;
	view->exit.claimed_pid = call.header.pid;
	uint32_t opcode = call.header.opcode;
	const struct row *row =
		&rows[opcode < sizeof(rows) / sizeof(rows[0]) ? opcode : NO_OPERATION];
	bool replies = !(row->flags & NO_REPLY);

	if (replies && room < sizeof(out))
		return 0;
	if (room > sizeof(view->reply))
		room = sizeof(view->reply);
	call.room = replies ? room - sizeof(out) : 0;
	int r = dispatch(&call, row, n);

	if (!replies)
		return 0;
	out.unique = call.header.unique;
	out.error = r < 0 ? r : 0;
	out.len += r < 0 ? 0 : (uint32_t)r;
	memcpy(view->reply, &out, sizeof(out));
	return out.len;
}

void mv_view_reset(struct mv_view *view)
{
	for (unsigned i = 0; i < MV_VIEW_HANDLES_MAX; i++) {
		if (view->handles[i].node)
			mv_handle_close(view, &view->handles[i]);
	}
	mv_node_clear(view);
	view->ready = false;
}
