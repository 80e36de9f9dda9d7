#include <errno.h>

#include "microvisor/view/server.h"

/* What would write. The view is read only; each attempt is arbitrated by its full path so that it is an
 * event, and then refused: EACCES when a rule says so, else EROFS. */

static size_t fixed_bytes(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_MKNOD:
		return sizeof(struct fuse_mknod_in);
	case FUSE_MKDIR:
		return sizeof(struct fuse_mkdir_in);
	case FUSE_LINK:
		return sizeof(struct fuse_link_in);
	case FUSE_CREATE:
		return sizeof(struct fuse_create_in);
	default:
		return 0;
	}
}

int mv_fuse_change(struct mv_fuse *fuse, struct mv_call *call)
{
	return mv_view_refuse(fuse->view, call->from, call->node, NULL, MV_OP_WRITE);
}

static int refuse_name(struct mv_fuse *fuse, struct mv_call *call, enum mv_op op)
{
	const char *name;
	int r;

	call->ptr += fixed_bytes(call->header.opcode);
	r = mv_call_name(call, &name);
	return r < 0 ? r : mv_view_refuse(fuse->view, call->from, call->node, name, op);
}

int mv_fuse_make(struct mv_fuse *fuse, struct mv_call *call)
{
	return refuse_name(fuse, call, MV_OP_CREATE);
}

int mv_fuse_delete(struct mv_fuse *fuse, struct mv_call *call)
{
	return refuse_name(fuse, call, MV_OP_DELETE);
}

int mv_fuse_rename(struct mv_fuse *fuse, struct mv_call *call)
{
	struct fuse_rename2_in in = {0};
	const char *old;
	const char *new;

	mv_call_take(call, &in,
		     call->header.opcode == FUSE_RENAME ? sizeof(struct fuse_rename_in)
							: sizeof(in));
	int r = mv_call_name(call, &old);

	if (r < 0)
		return r;
	r = mv_call_name(call, &new);
	if (r < 0)
		return r;
	struct mv_node *target = mv_node_find(fuse->view, in.newdir);

	if (!target)
		return -ESTALE;
	r = mv_view_refuse(fuse->view, call->from, call->node, old, MV_OP_RENAME);
	return r == -EACCES ? r : mv_view_refuse(fuse->view, call->from, target, new, MV_OP_CREATE);
}
