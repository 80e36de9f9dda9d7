#include "microvisor/view/fuse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "microvisor/view/server.h"

/* The table below is the whole protocol we speak. An operation that is not in it is ENOSYS, which the
 * guest's kernel remembers: xattrs, ioctl, poll, locks, FLUSH, FSYNC, LSEEK, ACCESS, READDIRPLUS, DAX
 * mappings. Locks then are the guest's own. */

enum {
	MINOR = 31,       /* that we answer with; what later ones added is not used */
	MINOR_LEAST = 31, /* of the guest */
	FLAGS = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC | FUSE_PARALLEL_DIROPS |
		FUSE_MAX_PAGES,
	PAGE = 4096,
	INIT_IN_LEAST = 16 /* struct fuse_init_in of 7.31; flags2 came later */
};

/* What a row needs and allows. */
enum {
	ANY_TIME = 1, /* before INIT too */
	NO_NODE = 2,  /* header.nodeid means nothing */
	NO_REPLY = 4
};

struct row {
	const char *name;
	mv_fuse_handler *handler;
	size_t in_bytes;  /* that must follow the header */
	size_t out_bytes; /* room that the payload must have */
	unsigned flags;
};

void mv_call_take(struct mv_call *call, void *bytes, size_t n)
{
	memset(bytes, 0, n);
	if (n > (size_t)(call->end - call->ptr))
		return;
	memcpy(bytes, call->ptr, n);
	call->ptr += n;
}

int mv_call_name(struct mv_call *call, const char **ret_name)
{
	const char *name = (const char *)call->ptr;
	size_t left = (size_t)(call->end - call->ptr);
	const char *nul = left ? memchr(name, '\0', left) : NULL;

	if (!nul)
		return -EINVAL;
	size_t n = (size_t)(nul - name);

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

int mv_handle_open(struct mv_fuse *fuse, struct mv_node *node, int fd, uint64_t *ret_fh)
{
	for (unsigned i = 0; i < MV_VIEW_HANDLES_MAX; i++) {
		unsigned index = (fuse->next_free + i) % MV_VIEW_HANDLES_MAX;
		struct mv_handle *handle = &fuse->handles[index];

		if (handle->used)
			continue;
		handle->used = true;
		handle->fd = fd;
		handle->node = node;
		mv_node_ref(node);
		fuse->next_free = index + 1;
		*ret_fh = (uint64_t)handle->generation << 32 | (index + 1);
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return -ENFILE;
}

struct mv_handle *mv_handle_find(struct mv_fuse *fuse, const struct mv_node *node, uint64_t fh)
{
	uint64_t index = (fh & UINT32_MAX) - 1;

	if (index >= MV_VIEW_HANDLES_MAX)
		return NULL;
	struct mv_handle *handle = &fuse->handles[index];

	return handle->used && handle->generation == fh >> 32 && handle->node == node ? handle
										      : NULL;
}

void mv_handle_close(struct mv_fuse *fuse, struct mv_handle *handle)
{
	if (handle->fd >= 0)
		close(handle->fd);
	handle->used = false;
	handle->generation++;
	mv_node_unref(fuse->view, handle->node);
}

static int on_init(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_init_in in = {0};
	struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = MINOR};

	mv_call_take(call, &in, INIT_IN_LEAST);
	if (fuse->ready)
		return -EINVAL;
	if (in.major > FUSE_KERNEL_VERSION) /* it will ask again with ours */
		return mv_call_put(call, &out, sizeof(out));
	if (in.major < FUSE_KERNEL_VERSION || in.minor < MINOR_LEAST)
		return -EPROTO;
	out.max_readahead = in.max_readahead;
	out.flags = in.flags & FLAGS;
	out.max_write = PAGE;
	out.time_gran = 1;
	out.max_pages = MV_FUSE_READ_MAX / PAGE;
	fuse->ready = true;
	return mv_call_put(call, &out, sizeof(out));
}

static int on_destroy(struct mv_fuse *fuse, struct mv_call *call)
{
	(void)call;
	mv_fuse_reset(fuse);
	return 0;
}

static const struct row rows[] = {
	[FUSE_LOOKUP] = {"LOOKUP", mv_fuse_lookup, 1, sizeof(struct fuse_entry_out), 0},
	[FUSE_FORGET] = {"FORGET", mv_fuse_forget, sizeof(struct fuse_forget_in), 0, NO_REPLY},
	[FUSE_GETATTR] = {"GETATTR", mv_fuse_getattr, sizeof(struct fuse_getattr_in),
			  sizeof(struct fuse_attr_out), 0},
	[FUSE_SETATTR] = {"SETATTR", mv_fuse_change, sizeof(struct fuse_setattr_in), 0, 0},
	[FUSE_SYMLINK] = {"SYMLINK", mv_fuse_make, 1, 0, 0},
	[FUSE_MKNOD] = {"MKNOD", mv_fuse_make, sizeof(struct fuse_mknod_in), 0, 0},
	[FUSE_MKDIR] = {"MKDIR", mv_fuse_make, sizeof(struct fuse_mkdir_in), 0, 0},
	[FUSE_UNLINK] = {"UNLINK", mv_fuse_delete, 1, 0, 0},
	[FUSE_RMDIR] = {"RMDIR", mv_fuse_delete, 1, 0, 0},
	[FUSE_RENAME] = {"RENAME", mv_fuse_rename, sizeof(struct fuse_rename_in), 0, 0},
	[FUSE_LINK] = {"LINK", mv_fuse_make, sizeof(struct fuse_link_in), 0, 0},
	[FUSE_OPEN] = {"OPEN", mv_fuse_open, sizeof(struct fuse_open_in),
		       sizeof(struct fuse_open_out), 0},
	[FUSE_READ] = {"READ", mv_fuse_read, sizeof(struct fuse_read_in), 0, 0},
	[FUSE_WRITE] = {"WRITE", mv_fuse_change, sizeof(struct fuse_write_in), 0, 0},
	[FUSE_STATFS] = {"STATFS", mv_fuse_statfs, 0, sizeof(struct fuse_statfs_out), 0},
	[FUSE_RELEASE] = {"RELEASE", mv_fuse_release, sizeof(struct fuse_release_in), 0, 0},
	[FUSE_INIT] = {"INIT", on_init, INIT_IN_LEAST, sizeof(struct fuse_init_out),
		       ANY_TIME | NO_NODE},
	[FUSE_OPENDIR] = {"OPENDIR", mv_fuse_opendir, sizeof(struct fuse_open_in),
			  sizeof(struct fuse_open_out), 0},
	[FUSE_READDIR] = {"READDIR", mv_fuse_readdir, sizeof(struct fuse_read_in), 0, 0},
	[FUSE_RELEASEDIR] = {"RELEASEDIR", mv_fuse_release, sizeof(struct fuse_release_in), 0, 0},
	[FUSE_CREATE] = {"CREATE", mv_fuse_make, sizeof(struct fuse_create_in), 0, 0},
	[FUSE_DESTROY] = {"DESTROY", on_destroy, 0, 0, NO_NODE},
	[FUSE_BATCH_FORGET] = {"BATCH_FORGET", mv_fuse_batch_forget,
			       sizeof(struct fuse_batch_forget_in), 0, NO_NODE | NO_REPLY},
	[FUSE_FALLOCATE] = {"FALLOCATE", mv_fuse_change, sizeof(struct fuse_fallocate_in), 0, 0},
	[FUSE_RENAME2] = {"RENAME2", mv_fuse_rename, sizeof(struct fuse_rename2_in), 0, 0},
};

static const struct row *find_row(uint32_t opcode)
{
	if (opcode >= sizeof(rows) / sizeof(rows[0]) || !rows[opcode].handler)
		return NULL;
	return &rows[opcode];
}

/* Everything that is checked before a handler runs. */
static int dispatch(struct mv_fuse *fuse, struct mv_call *call, const struct row *row, size_t n)
{
	if (call->header.len != n)
		return -EINVAL;
	if (!row)
		return -ENOSYS;
	if (!fuse->ready && !(row->flags & ANY_TIME))
		return -EIO;
	if ((size_t)(call->end - call->ptr) < row->in_bytes || call->room < row->out_bytes)
		return -EINVAL;
	if (!(row->flags & NO_NODE)) {
		call->node = mv_node_find(fuse->view, call->header.nodeid);
		if (!call->node)
			return -ESTALE;
	}
	return row->handler(fuse, call);
}

size_t mv_fuse_serve(struct mv_fuse *fuse, const struct mv_exit *from, const void *request,
		     size_t n, size_t room, const void **ret_reply)
{
	struct mv_exit claimed = *from;
	struct fuse_out_header out = {.len = sizeof(out)};
	struct mv_call call = {.from = &claimed, .ptr = request, .out = fuse->reply + sizeof(out)};

	*ret_reply = fuse->reply;
	if (n < sizeof(call.header))
		return 0;
	call.end = call.ptr + n;
	mv_call_take(&call, &call.header, sizeof(call.header));
	claimed.claimed_uid = call.header.uid;
	claimed.claimed_pid = call.header.pid;
	const struct row *row = find_row(call.header.opcode);
	bool replies = !row || !(row->flags & NO_REPLY);

	if (replies && room < sizeof(out))
		return 0;
	if (room > sizeof(fuse->reply))
		room = sizeof(fuse->reply);
	call.room = replies ? room - sizeof(out) : 0;
	int r = dispatch(fuse, &call, row, n);

	if (!replies)
		return 0;
	out.unique = call.header.unique;
	out.error = r < 0 ? r : 0;
	out.len += r < 0 ? 0 : (uint32_t)r;
	memcpy(fuse->reply, &out, sizeof(out));
	return out.len;
}

struct mv_fuse *mv_fuse_new(struct mv_view *view)
{
	struct mv_fuse *fuse = calloc(1, sizeof(*fuse));

	if (fuse)
		fuse->view = view;
	return fuse;
}

void mv_fuse_reset(struct mv_fuse *fuse)
{
	for (unsigned i = 0; i < MV_VIEW_HANDLES_MAX; i++) {
		if (fuse->handles[i].used)
			mv_handle_close(fuse, &fuse->handles[i]);
	}
	mv_node_clear(fuse->view);
	fuse->ready = false;
}

void mv_fuse_free(struct mv_fuse *fuse)
{
	if (!fuse)
		return;
	mv_fuse_reset(fuse);
	free(fuse);
}
