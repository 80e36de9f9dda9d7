#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "microvisor/view/tree.h"

/* Every name is opened alone, in the descriptor of its folder, never following anything: no symbolic
 * link, no "..", no other mount, no /proc. Files keep no descriptor while they are not open; folders keep
 * up to MV_VIEW_FOLDER_FDS, and are found again from their share when theirs was closed. */

static int open_in(int folder, const char *name, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	long fd = syscall(SYS_openat2, folder, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static bool is_node(const struct stat *st, const struct mv_node *node)
{
	mode_t type = node->kind == MV_NODE_FOLDER ? S_IFDIR : S_IFREG;

	return st->st_dev == node->dev && st->st_ino == node->ino && (st->st_mode & S_IFMT) == type;
}

/* Closes fd again unless it is the node's. */
static int check_node(int fd, const struct mv_node *node)
{
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV ? -ESTALE
										       : fd;
	if (fstat(fd, &st) == 0 && is_node(&st, node))
		return fd;
	close(fd);
	return -ESTALE;
}

static uint32_t index_of(const struct mv_view *view, const struct mv_node *node)
{
	return (uint32_t)(node - view->nodes);
}

static struct mv_open_folder *slot_of(struct mv_view *view, const struct mv_node *node)
{
	return &view->open_folders[index_of(view, node) % MV_VIEW_FOLDER_FDS];
}

/* The open descriptor of a folder node, or -1. */
static int folder_fd(struct mv_view *view, const struct mv_node *node)
{
	const struct mv_open_folder *slot = slot_of(view, node);

	if (node->share >= 0)
		return view->shares[node->share].fd;
	return slot->node == index_of(view, node) ? slot->fd : -1;
}

/* An O_PATH descriptor of a folder node, borrowed until the next call. -ESTALE when it is gone, else
 * -errno. */
static int open_folder(struct mv_view *view, const struct mv_node *node)
{
	if (node->kind != MV_NODE_FOLDER)
		return -ENOTDIR;
	/* Each round opens the uppermost closed folder on the way, so there are at most as many as names,
	 * though one that takes the slot of another closes it: only its child needed that. */
	while (folder_fd(view, node) < 0) {
		const struct mv_node *closed = node;
		const struct mv_node *parent = &view->nodes[closed->parent];

		while (parent->kind == MV_NODE_FOLDER && folder_fd(view, parent) < 0) {
			closed = parent;
			parent = &view->nodes[closed->parent];
		}
		if (parent->kind != MV_NODE_FOLDER)
			return -ESTALE;
		int fd = check_node(open_in(folder_fd(view, parent), closed->name,
					    O_PATH | O_DIRECTORY),
				    closed);

		if (fd < 0)
			return fd;
		struct mv_open_folder *slot = slot_of(view, closed);

		if (slot->node != MV_NODE_ROOT)
			close(slot->fd);
		*slot = (struct mv_open_folder){.node = index_of(view, closed), .fd = fd};
	}
	return folder_fd(view, node);
}

int mv_host_child(struct mv_view *view, struct mv_node *parent, const char *name,
		  struct stat *ret_stat)
{
	int folder = open_folder(view, parent);

	if (folder < 0)
		return folder;
	int fd = open_in(folder, name, O_PATH);

	if (fd >= 0 && fstat(fd, ret_stat) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

int mv_host_open(struct mv_view *view, struct mv_node *node)
{
	if (node->kind == MV_NODE_FOLDER) {
		int folder = open_folder(view, node);

		return folder < 0 ? folder : open_in(folder, ".", O_RDONLY | O_DIRECTORY);
	}
	if (node->share >= 0) {
		int fd = fcntl(view->shares[node->share].fd, F_DUPFD_CLOEXEC, 0);

		return fd < 0 ? -errno : fd;
	}
	int folder = open_folder(view, &view->nodes[node->parent]);

	if (folder < 0)
		return folder;
	/* O_NONBLOCK: a FIFO raced into its place must not block. */
	return check_node(open_in(folder, node->name, O_RDONLY | O_NONBLOCK), node);
}

int mv_host_stat(struct mv_view *view, struct mv_node *node, struct stat *ret_stat)
{
	if (node->kind == MV_NODE_WAY) {
		struct mv_path path;

		mv_node_path(view, node, &path);
		*ret_stat = (struct stat){.st_mode = S_IFDIR, .st_ino = mv_path_ino(&path)};
		return 0;
	}
	if (node->kind == MV_NODE_FOLDER || node->share >= 0) {
		int fd = node->share >= 0 ? view->shares[node->share].fd : open_folder(view, node);

		if (fd < 0)
			return fd;
		return fstat(fd, ret_stat) < 0 ? -EIO : 0;
	}
	int fd = mv_host_child(view, &view->nodes[node->parent], node->name, ret_stat);

	if (fd < 0)
		return fd == -ENOENT || fd == -EXDEV ? -ESTALE : fd;
	close(fd);
	return is_node(ret_stat, node) ? 0 : -ESTALE;
}

void mv_host_close(struct mv_view *view, const struct mv_node *node)
{
	struct mv_open_folder *slot = slot_of(view, node);

	if (slot->node != index_of(view, node))
		return;
	close(slot->fd);
	slot->node = MV_NODE_ROOT;
}
