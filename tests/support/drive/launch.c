#include "tests/support/drive/launch.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent/spawn.h"
#include "common/buf.h"
#include "microvisor/delta.h"
#include "microvisor/guest.h"
#include "microvisor/microvisor.h"

pid_t launch_microvm(const char *program, uid_t uid, int control)
{
	char folder[PATH_MAX];
	const char *name = strrchr(program, '/');
	struct err why = {0};
	pid_t pid;

	if (!name)
		errx(1, "%s: give a path with a folder", program);
	snprintf(folder, sizeof(folder), "%.*s", (int)(name - program), program);
	const struct agent_spawn spawn = {.folder = folder,
					  .name = name + 1,
					  .fd_count = 1,
					  .fds = {control},
					  .uid = uid,
					  .gid = uid,
					  .jail = "/proc"}; /* any folder will do */

	if (agent_spawn(&spawn, &pid, &why) < 0)
		errx(1, "%s", why.text);
	return pid;
}

int launch_clone_folder(const char *path, bool writable)
{
	struct mount_attr attr = {.attr_set = (writable ? 0 : MOUNT_ATTR_RDONLY) |
					      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NOEXEC};
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		err(1, "cannot clone the mount of %s", path);
	return fd;
}

int launch_make_store(const char *path, uid_t uid)
{
	char tree[PATH_MAX];

	snprintf(tree, sizeof(tree), "%s/%s", path, MV_STORE_TREE);
	if ((mkdir(path, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(tree, 0700) < 0 && errno != EEXIST) || chown(path, uid, uid) < 0 ||
	    chown(tree, uid, uid) < 0)
		err(1, "cannot make the store %s", path);
	return launch_clone_folder(path, true);
}

static void put_string(struct buf *b, const char *s)
{
	if (buf_put_u32le(b, (uint32_t)strlen(s)) < 0 || buf_put(b, s, strlen(s)) < 0)
		errx(1, "out of memory");
}

void *launch_message(char *const *argv, char *const *mounts, uint32_t uid, uint32_t processes,
		     size_t *ret_n)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "HOME=/", "TERM=dumb"};
	struct mv_launch_header h = {.magic = MV_LAUNCH_MAGIC,
				     .envc = sizeof(env) / sizeof(env[0]),
				     .uid = uid,
				     .processes = processes};
	struct buf b = {0};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	h.wall_clock_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (getrandom(h.entropy, sizeof(h.entropy), 0) != sizeof(h.entropy) ||
	    buf_put(&b, &h, sizeof(h)) < 0)
		err(1, "launch message");
	for (; argv[h.argc]; h.argc++)
		put_string(&b, argv[h.argc]);
	for (unsigned i = 0; i < h.envc; i++)
		put_string(&b, env[i]);
	put_string(&b, "/");
	for (; mounts[h.mountc]; h.mountc++)
		put_string(&b, mounts[h.mountc]);
	h.total_bytes = (uint32_t)b.len;
	memcpy(b.data, &h, sizeof(h));
	*ret_n = b.len;
	return b.data;
}

int launch_seal(const char *name, const void *bytes, size_t n)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		err(125, "memfd");
	return fd;
}

int launch_open_in(const char *folder, const char *name, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		err(125, "%s", path);
	return fd;
}
