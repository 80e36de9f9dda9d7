/* One FUSE request on its way through the view, and the handlers by file. Internal to view/. */
#ifndef MV_VIEW_SERVER_H
#define MV_VIEW_SERVER_H

#include <linux/fuse.h>

#include "microvisor/view/tree.h"

/* What the dispatch table (fuse.c) has checked and taken off the request before the handler runs. */
struct mv_call {
	struct mv_view *view;
	struct fuse_in_header header;
	struct mv_node *node;     /* of header.nodeid; NULL for the operations without one */
	struct mv_handle *handle; /* that was found or opened */
	union {
		struct fuse_init_in init;
		struct fuse_forget_in forget;
		struct fuse_batch_forget_in batch_forget;
		struct fuse_setattr_in setattr;
		struct fuse_open_in open;
		struct fuse_read_in read;
		struct fuse_release_in release;
		struct fuse_create_in create;
		struct fuse_mkdir_in mkdir;
		struct fuse_write_in write;
		struct fuse_fsync_in fsync;
		struct fuse_rename2_in rename;
	} in;                 /* as long as the row says, zeros behind it */
	const char *names[2]; /* borrowed from the request; NULL where the row has none */
	const uint8_t *ptr;   /* what is left of the request */
	const uint8_t *end;
	uint8_t *out; /* where the reply's payload goes */
	size_t room;
};

/* A handler returns the payload bytes it put at call->out, or -errno. */
typedef int mv_fuse_handler(struct mv_call *call);

/* Takes n bytes off the request; false when it is too short. */
bool mv_call_take(struct mv_call *call, void *bytes, size_t n) __attribute__((warn_unused_result));
/* Puts a structure at the start of the payload and returns its size. */
int mv_call_put(struct mv_call *call, const void *bytes, size_t n);

/* Finds the open handle that a READ, WRITE or READDIR names, when op may go on: -EBADF for another node's or
 * kind's, -EINVAL for an offset that is none, else as mv_view_permit(). */
int mv_handle_get(struct mv_call *call, enum mv_op op) __attribute__((warn_unused_result));
void mv_handle_close(struct mv_view *view, struct mv_handle *handle);

/* Looks call->names[0] up in call->node, which is then what was found; it counts one lookup more. */
int mv_call_enter(struct mv_call *call, struct fuse_entry_out *ret_out)
	__attribute__((warn_unused_result));
/* Opens call->handle on call->node, a file or folder. */
int mv_call_open(struct mv_call *call, struct fuse_open_out *ret_out)
	__attribute__((warn_unused_result));

/* nodes.c */
mv_fuse_handler mv_fuse_lookup, mv_fuse_getattr, mv_fuse_setattr, mv_fuse_forget,
	mv_fuse_batch_forget, mv_fuse_statfs;
/* files.c: open and release serve folders too */
mv_fuse_handler mv_fuse_open, mv_fuse_read, mv_fuse_write, mv_fuse_fsync, mv_fuse_release;
/* folders.c */
mv_fuse_handler mv_fuse_readdir;
/* changes.c: names */
mv_fuse_handler mv_fuse_create, mv_fuse_mkdir, mv_fuse_unlink, mv_fuse_rename, mv_fuse_refuse;

#endif
