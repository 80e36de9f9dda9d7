#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "microvisor/view/tree.h"

/* What may be seen. In this order: a sealed folder is shown as a closed one; a rule decides by the full
 * path; only then is the host asked, so that a deny is a deny whether or not the file exists.
 * A folder that no rule selects is passable when it lies on the way to a share or to what a rule names;
 * inside a shared folder also when a rule that opens could select something below it. */

/* What the task made, and a folder of the host in which it may make something, is not hidden by `new`. */
static int error_of(uint8_t verdict, bool is_made)
{
	if (verdict == MV_ALLOW || verdict == MV_COPY || (verdict == MV_NEW && is_made))
		return 0;
	return verdict == MV_HIDE || verdict == MV_NEW ? -ENOENT : -EACCES;
}

static struct mv_access access_of(const struct mv_path *path, enum mv_op op)
{
	return (struct mv_access){.class = MV_CLASS_FILE,
				  .op = (uint8_t)op,
				  .object_bytes = (uint16_t)path->n,
				  .object = path->bytes};
}

/* The verdict as an error; recorded. */
static int decide(struct mv_view *view, const struct mv_path *path, enum mv_op op, enum mv_case how,
		  bool is_made)
{
	struct mv_access access = access_of(path, op);

	return error_of(mv_arbiter_decide(view->arbiter, &access, &view->exit, how), is_made);
}

/* What a LOOKUP would meet; not recorded. */
static struct mv_decision peek(struct mv_view *view, const struct mv_path *path)
{
	struct mv_access access = access_of(path, MV_OP_LOOKUP);
	struct mv_decision decision;

	mv_arbiter_peek(view->arbiter, &access, &decision);
	return decision;
}

/* Hidden because no rule selects it, or only one for what the task makes. */
static bool is_unnamed(struct mv_decision decision)
{
	return decision.verdict == MV_NEW || (decision.verdict == MV_HIDE && decision.rule < 0);
}

static bool ask(struct mv_view *view, mv_policy_question *question, const struct mv_path *path)
{
	return mv_arbiter_ask(view->arbiter, question, path->bytes, path->n);
}

/* Whether path is a proper ancestor of a share, or one of the four roots, or "/". */
static bool is_way(const struct mv_view *view, const struct mv_path *path)
{
	for (unsigned i = 0; i < view->share_count; i++) {
		const struct mv_path *at = &view->shares[i].path;

		if (mv_path_is_within(at, path) && (at->n > path->n || i < MV_VIEW_ROOTS))
			return true;
	}
	return false;
}

/* Whether a folder that no rule selects may be passed. */
static bool is_passable(struct mv_view *view, const struct mv_path *path, bool on_host)
{
	int share = mv_view_share_at(view, path);

	if (is_way(view, path) || (share >= 0 && view->shares[share].kind == MV_SHARE_FOLDER) ||
	    ask(view, mv_policy_leads_to, path))
		return true;
	return on_host && ask(view, mv_policy_may_hold, path);
}

/* What the host has under the name: S_IFREG or S_IFDIR and the node's likeness, another type, or -errno. */
static int host_child(struct mv_node *parent, const char *name, struct mv_node *like)
{
	struct stat st;
	int fd = mv_host_child(parent, name, O_PATH, &st);
	bool folder = fd >= 0 && S_ISDIR(st.st_mode);

	if (fd < 0)
		return fd;
	*like = (struct mv_node){.kind = folder ? MV_NODE_FOLDER : MV_NODE_FILE,
				 .share = -1,
				 .dev = st.st_dev,
				 .ino = st.st_ino,
				 .shown = mv_view_ino(st.st_dev, st.st_ino),
				 .fds[MV_HOST] = folder ? fd + 1 : 0};
	if (!folder)
		close(fd);
	return (int)(st.st_mode & S_IFMT);
}

/* A name inside a folder of the host that is not a share of its own. */
static int look_on_host(struct mv_view *view, struct mv_node *parent, const char *name,
			const struct mv_path *path, struct mv_node *like)
{
	bool unnamed = is_unnamed(peek(view, path));
	int r = 0;

	/* What leads on is recorded when it has turned out to be a folder. */
	if (!unnamed || !is_passable(view, path, true))
		r = decide(view, path, MV_OP_LOOKUP, MV_CASE_PLAIN, false);
	if (r < 0)
		return r;
	int type = host_child(parent, name, like);

	if (type == -ENOENT && is_way(view, path))
		return 0; /* like is one already */
	if (type == S_IFDIR)
		return unnamed ? decide(view, path, MV_OP_LOOKUP, MV_CASE_WAY, true) : 0;
	if (type == S_IFREG && !unnamed)
		return 0;
	if (type >= 0 || type == -EXDEV || type == -ELOOP || unnamed)
		return decide(view, path, MV_OP_LOOKUP, MV_CASE_HIDDEN, false);
	return type == -EMFILE ? -ENFILE : type == -ENOTDIR ? -ENOENT : type;
}

/* A name inside a folder that the view makes up. */
static int look_on_way(struct mv_view *view, const struct mv_path *path)
{
	bool way = is_passable(view, path, false);
	int r = decide(view, path, MV_OP_LOOKUP, way ? MV_CASE_WAY : MV_CASE_PLAIN, true);

	return r < 0 || way ? r : -ENOENT;
}

static int look_at_share(struct mv_view *view, int index, const struct mv_path *path,
			 struct mv_node *like)
{
	const struct mv_view_share *share = &view->shares[index];
	bool folder = share->kind == MV_SHARE_FOLDER;

	int fd = folder ? fcntl(share->fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (folder && fd < 0)
		return -ENFILE;
	*like = (struct mv_node){.kind = folder ? MV_NODE_FOLDER : MV_NODE_FILE,
				 .fds[MV_HOST] = fd + 1,
				 .share = (int16_t)index,
				 .dev = share->dev,
				 .ino = share->ino,
				 .shown = mv_view_ino(share->dev, share->ino)};
	return decide(view, path, MV_OP_LOOKUP, folder ? MV_CASE_WAY : MV_CASE_PLAIN, folder);
}

/* A name that neither a share nor a sealed folder has: the store's, else the host's. */
static int look(struct mv_view *view, struct mv_node *parent, const char *name,
		const struct mv_path *path, struct mv_node *like)
{
	int share = mv_view_share_at(view, path);
	struct mv_node here = {.kind = MV_NODE_FREE};
	struct mv_original hides;
	int stored = mv_store_look(parent, name, &here, &hides);
	int r;

	if (stored < 0)
		return -EIO;
	if (stored == MV_STORED_THIS || stored == MV_STORED_GONE) {
		*like = here;
		like->share = (int16_t)(here.made ? -1 : share);
		r = decide(view, path, MV_OP_LOOKUP, MV_CASE_PLAIN,
			   here.made || stored == MV_STORED_GONE);
		return r == 0 && stored == MV_STORED_GONE ? -ENOENT : r;
	}
	if (share >= 0)
		r = look_at_share(view, share, path, like);
	else if (parent->made)
		r = decide(view, path, MV_OP_LOOKUP, MV_CASE_PLAIN, true) ?: -ENOENT;
	else if (parent->kind == MV_NODE_FOLDER)
		r = look_on_host(view, parent, name, path, like);
	else
		r = look_on_way(view, path);
	if (stored == MV_STORED_FOLDER) {
		like->stored = true;
		like->fds[MV_STORE] = here.fds[MV_STORE];
	}
	return r;
}

int mv_view_lookup(struct mv_view *view, struct mv_node *parent, const char *name,
		   struct mv_node **ret_node)
{
	struct mv_node like = {.kind = MV_NODE_WAY, .share = -1};
	struct mv_path path;

	if (!mv_node_is_folder(parent))
		return -ENOTDIR;
	mv_node_path(view, parent, &path);
	bool in_sealed = ask(view, mv_policy_is_sealed, &path);
	int r = mv_path_append(&path, name);

	if (r < 0)
		return r;
	if (in_sealed)
		r = decide(view, &path, MV_OP_LOOKUP, MV_CASE_PLAIN, false);
	else if (!ask(view, mv_policy_is_sealed, &path))
		r = look(view, parent, name, &path, &like);
	if (r == 0 && like.kind == MV_NODE_WAY)
		like.shown = mv_path_ino(&path);
	if (r == 0)
		return mv_node_enter(view, parent, name, &like, ret_node);
	mv_node_close(&like);
	return r;
}

int mv_view_permit(struct mv_view *view, struct mv_node *node, enum mv_op op)
{
	struct mv_path path, above;
	bool folder = mv_node_is_folder(node);

	mv_node_path(view, node, &path);
	mv_node_path(view, &view->nodes[node->parent], &above);
	if (folder && op == MV_OP_STAT && ask(view, mv_policy_is_sealed, &path) &&
	    (path.n == 1 || !ask(view, mv_policy_is_sealed, &above)))
		return 0;
	bool way = folder && is_passable(view, &path, node->kind == MV_NODE_FOLDER);

	return decide(view, &path, op, way ? MV_CASE_WAY : MV_CASE_PLAIN, folder || node->made);
}

int mv_view_permit_change(struct mv_view *view, struct mv_node *node, const char *name,
			  enum mv_op op)
{
	struct mv_path path;

	mv_node_path(view, node, &path);
	if (name && !mv_node_is_folder(node))
		return -ENOTDIR;
	int r = name ? mv_path_append(&path, name) : 0;

	if (r < 0)
		return r;
	r = decide(view, &path, op, MV_CASE_PLAIN, name || node->made);
	if (view->store < 0)
		return r == -EACCES ? -EACCES : -EROFS;
	return r < 0 ? -EACCES : 0;
}

bool mv_view_shows(struct mv_view *view, const struct mv_path *path, bool is_folder, bool is_made)
{
	struct mv_decision decision = peek(view, path);

	if (is_folder && !is_made && is_unnamed(decision))
		return is_passable(view, path, true);
	return error_of(decision.verdict, is_made) == 0;
}
