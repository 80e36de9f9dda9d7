/* The FUSE server's inside: one call, the handles, and the handlers by file. Internal to view/. */
#ifndef MV_VIEW_SERVER_H
#define MV_VIEW_SERVER_H

#include <linux/fuse.h>

#include "microvisor/view/fuse.h"
#include "microvisor/view/tree.h"

enum {
	MV_FUSE_DENTS_MAX = 32 << 10
};

struct mv_handle {
	bool used;
	uint32_t generation;
	int fd;               /* owned; -1: a folder that the view makes up */
	struct mv_node *node; /* referenced */
};

struct mv_fuse {
	struct mv_view *view;
	bool ready;         /* INIT was answered */
	unsigned next_free; /* where to look for a free handle first */
	struct mv_handle handles[MV_VIEW_HANDLES_MAX];
	char dents[MV_FUSE_DENTS_MAX] __attribute__((aligned(8)));
	uint8_t reply[MV_FUSE_REPLY_MAX];
};

/* One request: what is left to read of it, and where the reply's payload goes. */
struct mv_call {
	const struct mv_exit *from;
	struct fuse_in_header header;
	const uint8_t *ptr;
	const uint8_t *end;
	struct mv_node *node; /* of header.nodeid; NULL for the operations without one */
	uint8_t *out;
	size_t room;
};

/* A handler returns the payload bytes it put at call->out, or -errno. */
typedef int mv_fuse_handler(struct mv_fuse *fuse, struct mv_call *call);

/* Takes n bytes off the request; zeroes when it is too short, which the dispatch table rules out. */
void mv_call_take(struct mv_call *call, void *bytes, size_t n);
/* Takes a name: -EINVAL for one that is empty, ".", "..", has a "/" or no end; -ENAMETOOLONG. Borrowed
 * from the request. */
int mv_call_name(struct mv_call *call, const char **ret_name) __attribute__((warn_unused_result));
/* Puts a structure at the start of the payload and returns its size. */
int mv_call_put(struct mv_call *call, const void *bytes, size_t n);

/* Opens a handle on the node; takes fd. -ENFILE. */
int mv_handle_open(struct mv_fuse *fuse, struct mv_node *node, int fd, uint64_t *ret_fh)
	__attribute__((warn_unused_result));
/* The handle with that number on that node; NULL for any other. */
struct mv_handle *mv_handle_find(struct mv_fuse *fuse, const struct mv_node *node, uint64_t fh);
void mv_handle_close(struct mv_fuse *fuse, struct mv_handle *handle);

/* nodes.c */
mv_fuse_handler mv_fuse_lookup, mv_fuse_getattr, mv_fuse_forget, mv_fuse_batch_forget,
	mv_fuse_statfs;
/* files.c */
mv_fuse_handler mv_fuse_open, mv_fuse_read, mv_fuse_release;
/* folders.c */
mv_fuse_handler mv_fuse_opendir, mv_fuse_readdir;
/* changes.c: everything that would write */
mv_fuse_handler mv_fuse_change, mv_fuse_make, mv_fuse_delete, mv_fuse_rename;

#endif
