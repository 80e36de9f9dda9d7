#include <errno.h>

#include "microvisor/view/server.h"

/* What would write. The view is read only; each attempt is arbitrated by its full path so that it is an
 * event, and then refused: EACCES when a rule says so, else EROFS. */

int mv_fuse_change(struct mv_call *call)
{
	return mv_view_refuse(call->view, call->node, call->names[0], call->op);
}

int mv_fuse_rename(struct mv_call *call)
{
	struct mv_node *target = mv_node_find(call->view, call->in.rename.newdir);

	if (!target)
		return -ESTALE;
	int r = mv_view_refuse(call->view, call->node, call->names[0], MV_OP_RENAME);

	return r == -EACCES ? r : mv_view_refuse(call->view, target, call->names[1], MV_OP_CREATE);
}
