#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "microvisor/view/tree.h"

/* What may be seen. In this order: a sealed folder is shown as a closed one; a rule decides by the full
 * path; only then is the host asked, so that a deny is a deny whether or not the file exists.
 * A folder that no rule selects is passable when it lies on the way to a share or to what a rule names;
 * inside a shared folder also when a rule that opens could select something below it. */

static int error_of(uint8_t verdict)
{
	switch (verdict) {
	case MV_ALLOW:
	case MV_COPY:
		return 0;
	case MV_NEW: /* only what the task made itself, and it can make nothing yet */
	case MV_HIDE:
		return -ENOENT;
	default:
		return -EACCES;
	}
}

static struct mv_access access_of(const struct mv_path *path, enum mv_op op)
{
	return (struct mv_access){.class = MV_CLASS_FILE,
				  .op = (uint8_t)op,
				  .object_bytes = (uint16_t)path->n,
				  .object = path->bytes};
}

/* The verdict as an error; recorded. */
static int decide(struct mv_view *view, const struct mv_path *path, enum mv_op op, enum mv_case how)
{
	struct mv_access access = access_of(path, op);

	return error_of(mv_arbiter_decide(view->arbiter, &access, &view->exit, how));
}

/* What a LOOKUP would meet; not recorded. */
static struct mv_decision peek(struct mv_view *view, const struct mv_path *path)
{
	struct mv_access access = access_of(path, MV_OP_LOOKUP);
	struct mv_decision decision;

	mv_arbiter_peek(view->arbiter, &access, &decision);
	return decision;
}

/* Hidden because no rule selects it. */
static bool is_unnamed(struct mv_decision decision)
{
	return decision.verdict == MV_HIDE && decision.rule < 0;
}

static bool is_sealed(struct mv_view *view, const struct mv_path *path)
{
	return mv_arbiter_ask(view->arbiter, mv_policy_is_sealed, path->bytes, path->n);
}

/* Whether the folder that holds path is sealed. */
static bool is_in_sealed(struct mv_view *view, const struct mv_path *path)
{
	size_t n = path->n;

	while (n > 1 && path->bytes[n - 1] != '/')
		n--;
	return path->n > 1 &&
	       mv_arbiter_ask(view->arbiter, mv_policy_is_sealed, path->bytes, n > 1 ? n - 1 : 1);
}

/* Whether a folder that no rule selects may be passed. */
static bool is_passable(struct mv_view *view, const struct mv_path *path, bool on_host)
{
	int share = mv_view_share_at(view, path);

	if (mv_view_is_way(view, path) ||
	    (share >= 0 && view->shares[share].kind == MV_SHARE_FOLDER) ||
	    mv_arbiter_ask(view->arbiter, mv_policy_leads_to, path->bytes, path->n))
		return true;
	return on_host && mv_arbiter_ask(view->arbiter, mv_policy_may_hold, path->bytes, path->n);
}

/* What the host has under the name: S_IFREG or S_IFDIR and the node's likeness, another type, or -errno. */
static int host_child(struct mv_view *view, struct mv_node *parent, const char *name,
		      struct mv_node *like)
{
	struct stat st;
	int fd = mv_host_child(view, parent, name, &st);

	if (fd < 0)
		return fd;
	close(fd);
	*like = (struct mv_node){.kind = S_ISDIR(st.st_mode) ? MV_NODE_FOLDER : MV_NODE_FILE,
				 .share = -1,
				 .dev = st.st_dev,
				 .ino = st.st_ino};
	return (int)(st.st_mode & S_IFMT);
}

static int error_of_host(int r)
{
	return r == -ENFILE || r == -EMFILE                         ? -ENFILE
	       : r == -EACCES || r == -ENAMETOOLONG || r == -ESTALE ? r
	       : r == -ENOENT || r == -ENOTDIR                      ? -ENOENT
								    : -EIO;
}

/* A name inside a folder of the host that is not a share of its own. */
static int look_on_host(struct mv_view *view, struct mv_node *parent, const char *name,
			const struct mv_path *path, struct mv_node *like)
{
	bool unnamed = is_unnamed(peek(view, path));
	int r = 0;

	/* What leads on is recorded when it has turned out to be a folder. */
	if (!unnamed || !is_passable(view, path, true))
		r = decide(view, path, MV_OP_LOOKUP, MV_CASE_PLAIN);
	if (r < 0)
		return r;
	int type = host_child(view, parent, name, like);

	if (type == -ENOENT && mv_view_is_way(view, path))
		return 0; /* like is one already */
	if (type == S_IFDIR)
		return unnamed ? decide(view, path, MV_OP_LOOKUP, MV_CASE_WAY) : 0;
	if (type == S_IFREG && !unnamed)
		return 0;
	if (type >= 0 || type == -EXDEV || type == -ELOOP || unnamed)
		return decide(view, path, MV_OP_LOOKUP, MV_CASE_HIDDEN);
	return error_of_host(type);
}

/* A name inside a folder that the view makes up. */
static int look_on_way(struct mv_view *view, const struct mv_path *path)
{
	bool way = is_passable(view, path, false);
	int r = decide(view, path, MV_OP_LOOKUP, way ? MV_CASE_WAY : MV_CASE_PLAIN);

	return r < 0 || way ? r : -ENOENT;
}

static int look_at_share(struct mv_view *view, int index, const struct mv_path *path,
			 struct mv_node *like)
{
	const struct mv_view_share *share = &view->shares[index];
	bool folder = share->kind == MV_SHARE_FOLDER;

	*like = (struct mv_node){.kind = folder ? MV_NODE_FOLDER : MV_NODE_FILE,
				 .share = (int16_t)index,
				 .dev = share->dev,
				 .ino = share->ino};
	return decide(view, path, MV_OP_LOOKUP, folder ? MV_CASE_WAY : MV_CASE_PLAIN);
}

int mv_view_lookup(struct mv_view *view, struct mv_node *parent, const char *name,
		   struct mv_node **ret_node)
{
	struct mv_node like = {.kind = MV_NODE_WAY, .share = -1};
	struct mv_path path;
	size_t n = strlen(name);

	if (parent->kind == MV_NODE_FILE)
		return -ENOTDIR;
	mv_node_path(view, parent, &path);
	int r = mv_path_append(&path, name, n);

	if (r < 0)
		return r;
	int share = mv_view_share_at(view, &path);

	if (is_in_sealed(view, &path))
		r = decide(view, &path, MV_OP_LOOKUP, MV_CASE_PLAIN);
	else if (is_sealed(view, &path))
		r = 0;
	else if (share >= 0)
		r = look_at_share(view, share, &path, &like);
	else if (parent->kind == MV_NODE_FOLDER)
		r = look_on_host(view, parent, name, &path, &like);
	else
		r = look_on_way(view, &path);
	return r < 0 ? r : mv_node_enter(view, parent, name, n, &like, ret_node);
}

int mv_view_permit(struct mv_view *view, struct mv_node *node, enum mv_op op)
{
	struct mv_path path;
	bool folder = node->kind != MV_NODE_FILE;

	mv_node_path(view, node, &path);
	if (folder && op == MV_OP_STAT && is_sealed(view, &path) && !is_in_sealed(view, &path))
		return 0;
	bool way = folder && is_passable(view, &path, node->kind == MV_NODE_FOLDER);

	return decide(view, &path, op, way ? MV_CASE_WAY : MV_CASE_PLAIN);
}

int mv_view_refuse(struct mv_view *view, struct mv_node *node, const char *name, enum mv_op op)
{
	struct mv_path path;

	mv_node_path(view, node, &path);
	if (name && node->kind == MV_NODE_FILE)
		return -ENOTDIR;
	int r = name ? mv_path_append(&path, name, strlen(name)) : 0;

	if (r < 0)
		return r;
	return decide(view, &path, op, MV_CASE_PLAIN) == -EACCES ? -EACCES : -EROFS;
}

bool mv_view_shows(struct mv_view *view, const struct mv_path *path, bool is_folder)
{
	struct mv_decision decision = peek(view, path);

	if (is_folder && is_unnamed(decision))
		return is_passable(view, path, true);
	return error_of(decision.verdict) == 0;
}
