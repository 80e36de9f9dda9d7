#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "microvisor/view/tree.h"

/* Every name is opened alone, in the descriptor of its folder, never following anything: no symbolic
 * link, no "..", no other mount, no /proc. A folder keeps its descriptor while the guest knows it; a file has
 * one while it is open. */

int mv_host_open_in(int folder, const char *name, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_NOFOLLOW | O_CLOEXEC,
			       .mode = flags & O_CREAT ? 0600 : 0,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	long fd = syscall(SYS_openat2, folder, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int mv_host_child(const struct mv_node *parent, const char *name, uint64_t flags, struct stat *st)
{
	int folder = mv_node_folder(parent, MV_HOST);
	int fd = folder < 0 ? folder : mv_host_open_in(folder, name, flags);

	if (fd >= 0 && fstat(fd, st) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* A file by its name: the one that was looked up, or -ESTALE. */
static int open_file(struct mv_view *view, const struct mv_node *node, uint64_t flags,
		     struct stat *st)
{
	int fd = mv_host_child(&view->nodes[node->parent], node->name, flags, st);

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV ? -ESTALE
										       : fd;
	if (st->st_dev == node->dev && st->st_ino == node->ino && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return -ESTALE;
}

int mv_host_open(struct mv_view *view, const struct mv_node *node)
{
	struct stat st;

	if (node->kind == MV_NODE_FOLDER)
		return mv_host_open_in(mv_node_folder(node, MV_HOST), ".", O_RDONLY | O_DIRECTORY);
	/* O_NONBLOCK: a FIFO raced into its place must not block. */
	if (node->share < 0)
		return open_file(view, node, O_RDONLY | O_NONBLOCK, &st);
	int fd = fcntl(view->shares[node->share].fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int mv_host_stat(struct mv_view *view, const struct mv_node *node, struct stat *st)
{
	int folder = mv_node_folder(node, MV_HOST);

	*st = (struct stat){.st_mode = S_IFDIR};
	if (node->kind == MV_NODE_WAY)
		return 0;
	if (folder >= 0 || node->share >= 0)
		return fstat(folder >= 0 ? folder : view->shares[node->share].fd, st) < 0 ? -EIO
											  : 0;
	int fd = open_file(view, node, O_PATH, st);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}
