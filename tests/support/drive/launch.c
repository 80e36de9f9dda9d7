#include "tests/support/drive/launch.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "microvisor/guest.h"
#include "microvisor/microvisor.h"

/* An empty root that nobody else sees: whatever the microvm tries to open by path is not there. */
static void enter_empty_root(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=555") < 0 ||
	    chdir("/proc") < 0 ||
	    mount(NULL, "/proc", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		err(1, "cannot enter an empty root");
}

static void become(const char *program, uid_t uid, int control)
{
	static char name[] = "ampoule-microvm";
	char *const argv[] = {name, NULL};
	char *const envp[] = {NULL};
	int fd = open(program, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", program);
	if (setsid() < 0)
		err(1, "setsid");
	enter_empty_root();
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		err(1, "cannot become uid %u", uid);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || dup2(control, MV_CONTROL_FD) < 0)
		err(1, "no_new_privs");
	if (close_range(MV_CONTROL_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		err(1, "close_range");
	fexecve(fd, argv, envp);
	err(1, "%s", program);
}

pid_t launch_microvm(const char *program, uid_t uid, int control)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		become(program, uid, control);
	return pid;
}

int launch_clone_folder(const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV |
					      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		err(1, "cannot clone the mount of %s", path);
	return fd;
}

static void put_string(struct buf *b, const char *s)
{
	if (buf_put_u32le(b, (uint32_t)strlen(s)) < 0 || buf_put(b, s, strlen(s)) < 0)
		errx(1, "out of memory");
}

void *launch_message(char *const *argv, char *const *mounts, uint32_t uid, size_t *ret_n)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "HOME=/", "TERM=dumb"};
	struct mv_launch_header h = {
		.magic = MV_LAUNCH_MAGIC, .envc = sizeof(env) / sizeof(env[0]), .uid = uid};
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
