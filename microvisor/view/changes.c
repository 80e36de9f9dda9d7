#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/view/server.h"

/* CREATE, MKDIR, UNLINK, RMDIR, RENAME: all that changes names, in the store alone. A name that
 * the host has is hidden by what takes its place there, and that notes what it hides. A crash between two steps
 * leaves a name too many, never one too few. */

/* A name that is to be changed, when the policy has let it. */
struct place {
	struct mv_node *parent;
	const char *name;
	struct mv_node *node;     /* what the task sees there, looked up once more; NULL: nothing */
	struct mv_original hides; /* what the host has there; none: nothing */
};

static int find_hidden(struct mv_view *view, struct place *p)
{
	struct mv_node like = {.kind = MV_NODE_FREE};
	struct stat st;
	int r = mv_store_look(p->parent, p->name, &like, &p->hides);

	mv_node_close(&like);
	if (r < 0 || r == MV_STORED_GONE || (r == MV_STORED_THIS && like.kind == MV_NODE_FILE))
		return r < 0 ? r : 0;
	if (p->node && !p->node->made && p->node->kind != MV_NODE_WAY) {
		r = mv_host_stat(view, p->node, &st);
	} else {
		r = mv_host_child(p->parent, p->name, O_PATH, &st);
		if (r >= 0)
			close(r);
	}
	if (r >= 0)
		p->hides = mv_store_note(&st);
	return 0;
}

static int find(struct mv_call *call, struct mv_node *parent, const char *name, enum mv_op op,
		struct place *p)
{
	*p = (struct place){.parent = parent, .name = name};
	int r = mv_view_permit_change(call->view, parent, name, op);

	if (r == 0)
		r = mv_view_lookup(call->view, parent, name, &p->node);
	if (r == -ENOENT && call->view->store >= 0)
		r = 0;
	return r < 0 ? r : find_hidden(call->view, p);
}

/* A name that must be free. */
static int find_free(struct mv_call *call, struct place *p)
{
	int r = find(call, call->node, call->names[0], MV_OP_CREATE, p);

	if (r < 0)
		return r;
	mv_node_forget(call->view, p->node, 1);
	if (p->node)
		return -EEXIST;
	return call->view->used >= call->view->used_max ? -ENOSPC : 0;
}

static int make_file(struct mv_call *call, uint32_t mode)
{
	struct place p;
	int r = find_free(call, &p);
	struct mv_delta_header header = {.mode = S_IFREG | (mode & 0777), .original = p.hides};

	return r < 0 ? r : mv_store_add(call->view, p.parent, p.name, &header, MV_DELTA_DATA_AT);
}

int mv_fuse_create(struct mv_call *call)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out;
	int r = make_file(call, call->in.create.mode);

	if (r == 0)
		r = mv_call_enter(call, &out.entry);
	if (r < 0)
		return r;
	r = mv_call_open(call, &out.open);
	if (r < 0)
		mv_node_forget(call->view, call->node, 1);
	return r < 0 ? r : mv_call_put(call, &out, sizeof(out));
}

int mv_fuse_mkdir(struct mv_call *call)
{
	struct place p;
	int r = find_free(call, &p);

	if (r == 0)
		r = mv_store_mkdir(call->view, p.parent, p.name);
	return r < 0 ? r : mv_fuse_lookup(call);
}

/* Only one that the task made: the host's may hold what the task does not see. */
static int remove_folder(struct mv_call *call, struct place *p)
{
	int folder = p->node->made ? mv_node_folder(p->parent, MV_STORE) : -EPERM;

	if (folder < 0)
		return folder;
	if (unlinkat(folder, p->name, AT_REMOVEDIR) < 0)
		return -errno;
	return p->hides.ino ? mv_store_remove(call->view, p->parent, p->name, &p->hides) : 0;
}

int mv_fuse_unlink(struct mv_call *call)
{
	bool wants_folder = call->header.opcode == FUSE_RMDIR;
	struct place p;
	int r = find(call, call->node, call->names[0], MV_OP_DELETE, &p);

	if (r < 0)
		goto leave;
	if (!p.node)
		r = -ENOENT;
	else if (mv_node_is_folder(p.node) != wants_folder)
		r = wants_folder ? -ENOTDIR : -EISDIR;
	else if (wants_folder)
		r = remove_folder(call, &p);
	else
		r = mv_store_remove(call->view, p.parent, p.name, &p.hides);
	if (r == 0)
		mv_node_unhash(call->view, p.node);
leave:
	mv_node_forget(call->view, p.node, 1);
	return r;
}

/* The moved file is whole, and notes what it hides now. */
static int rename_file(struct mv_call *call, struct place *from, struct place *to)
{
	struct mv_view *view = call->view;
	int r = mv_file_open(view, from->node);

	if (r < 0)
		return r;
	struct mv_file *f = mv_file_of(view, from->node);

	r = mv_file_change(view, from->node, UINT64_MAX);
	if (r == 0 && f->header.base_bytes > 0)
		r = -EXDEV;
	if (r == 0) {
		f->header.original = to->hides;
		r = mv_file_put_header(f);
	}
	if (r == 0)
		r = mv_store_rename(view, from->parent, from->name, to->parent, to->name);
	mv_file_close(view, from->node);
	return r;
}

static int move(struct mv_call *call, struct place *from, struct place *to)
{
	/* A folder stays where it is: what is in it has its own paths, by which it is arbitrated. mv(1) copies. */
	if (mv_node_is_folder(from->node))
		return -EXDEV;
	if (to->node == from->node)
		return 0;
	if (to->node && mv_node_is_folder(to->node))
		return -EISDIR;
	int r = rename_file(call, from, to);

	if (r < 0)
		return r;
	mv_node_unhash(call->view, to->node);
	mv_node_move(call->view, from->node, to->parent, to->name);
	from->node->made = true;
	from->node->share = -1;
	return from->hides.ino ? mv_store_remove(call->view, from->parent, from->name, &from->hides)
			       : 0;
}

int mv_fuse_rename(struct mv_call *call)
{
	uint32_t flags = call->in.rename.flags; /* 0 in a RENAME, which has none */
	struct mv_node *target = mv_node_find(call->view, call->in.rename.newdir);
	struct place from, to = {.node = NULL};

	if (!target)
		return -ESTALE;
	if (flags & ~(uint32_t)RENAME_NOREPLACE)
		return -EINVAL;
	int r = find(call, call->node, call->names[0], MV_OP_RENAME, &from);

	if (r == 0 && !from.node)
		r = -ENOENT;
	if (r == 0 || r == -EROFS)
		r = find(call, target, call->names[1], MV_OP_CREATE, &to);
	if (r == 0 && to.node && flags)
		r = -EEXIST;
	if (r == 0)
		r = move(call, &from, &to);
	mv_node_forget(call->view, to.node, 1);
	mv_node_forget(call->view, from.node, 1);
	return r;
}

/* Two names for one file, or a link, cannot be told from two files when they are saved; devices never. */
int mv_fuse_refuse(struct mv_call *call)
{
	int r = mv_view_permit_change(call->view, call->node, call->names[0], MV_OP_CREATE);

	return r < 0 ? r : -EPERM;
}
