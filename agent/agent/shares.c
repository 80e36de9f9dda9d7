#include "agent/agent/shares.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"

static int write_map(pid_t pid, const char *name, const struct buf *map)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* The kernel takes a map in one write or not at all. */
	ssize_t n = write(fd, map->data, map->len);

	if (n < 0)
		return -errno;
	return (size_t)n == map->len ? 0 : -EIO;
}

/* The new namespace needs a process to be made in; it waits until it is killed. */
static pid_t start_holder(int ready[2])
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	/* It ends with an agent that dies meanwhile, or has died already. */
	if (unshare(CLONE_NEWUSER) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    getppid() != parent)
		_exit(1);
	(void)!write(ready[1], "", 1);
	close(ready[0]);
	close(ready[1]);
	for (;;)
		pause();
}

static int map_holder(pid_t pid, int ready_fd, const struct agent_account *account, uid_t vm_uid,
		      gid_t gid_first)
{
	cleanup_buf struct buf uids = {0};
	cleanup_buf struct buf gids = {0};
	char path[64];
	char byte;
	int r = fd_read_all(ready_fd, &byte, 1);

	if (r < 0)
		return r;
	r = buf_printf(&uids, "%u %u 1\n", account->uid, vm_uid);
	for (int i = 0; r == 0 && i < account->group_count; i++)
		r = buf_printf(&gids, "%u %u 1\n", account->groups[i], gid_first + (gid_t)i);
	if (r == 0)
		r = write_map(pid, "uid_map", &uids);
	if (r == 0)
		r = write_map(pid, "gid_map", &gids);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int agent_shares_idmap(const struct agent_account *account, uid_t vm_uid, gid_t gid_first,
		       struct err *err)
{
	int ready[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_set(err, -errno, "cannot make a pipe: %m");
	pid_t pid = start_holder(ready);

	close(ready[1]);
	int r = pid < 0 ? -errno : map_holder(pid, ready[0], account, vm_uid, gid_first);

	close(ready[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	if (r < 0)
		return err_set(err, r, "cannot make an id map: %s", strerror(-r));
	return r;
}

int agent_shares_clone(int folder_fd, int idmap_fd, struct err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV |
					      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
					      MOUNT_ATTR_IDMAP,
				  .userns_fd = (uint64_t)idmap_fd};
	/* Not recursive: what is mounted below the folder is not part of what the rule names. */
	cleanup_fd int fd =
		open_tree(folder_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (fd < 0)
		return err_set(err, -errno, "cannot clone the mount of a folder: %m");
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
		if (errno == EINVAL)
			return err_set(err, -EOPNOTSUPP,
				       "its file system cannot be id-mapped on this kernel");
		return err_set(err, -errno, "cannot protect the clone of a folder: %m");
	}
	return take_fd(fd);
}
