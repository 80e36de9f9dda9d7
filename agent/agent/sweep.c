#include "agent/agent/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A folder that lies deeper than this is moved up and done later: a tree is never deeper than our descriptors. */
enum {
	DEPTH_MAX = 32,
	ROUNDS_MAX = 1 << 20
};

struct sweep {
	int top;       /* borrowed */
	unsigned next; /* name for what is moved up */
	int error;     /* the first one */
};

static void note(struct sweep *s, int error)
{
	if (!s->error)
		s->error = error;
}

static void sweep_folder(struct sweep *s, int fd, int depth);

static void sweep_one(struct sweep *s, int folder, const char *name, int depth)
{
	char up[32];

	if (unlinkat(folder, name, 0) == 0)
		return;
	if (errno != EISDIR && errno != EPERM) {
		note(s, -errno);
		return;
	}
	if (unlinkat(folder, name, AT_REMOVEDIR) == 0)
		return;
	if (depth == DEPTH_MAX) {
		(void)snprintf(up, sizeof(up), "deep-%d-%u", getpid(), s->next++);
		if (renameat(folder, name, s->top, up) < 0)
			note(s, -errno);
		return;
	}
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		note(s, -errno);
		return;
	}
	sweep_folder(s, fd, depth + 1);
	if (unlinkat(folder, name, AT_REMOVEDIR) < 0)
		note(s, -errno);
}

/* Takes fd. */
static void sweep_folder(struct sweep *s, int fd, int depth)
{
	DIR *dir = fdopendir(fd);

	if (!dir) {
		note(s, -errno);
		close(fd);
		return;
	}
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			sweep_one(s, dirfd(dir), e->d_name, depth);
	closedir(dir);
}

int agent_sweep_empty(int folder)
{
	struct sweep s = {.top = folder};
	unsigned before;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		before = s.next;
		s.error = 0;
		sweep_folder(&s, fd, 0);
		if (s.next == before)
			break;
	}
	return s.error;
}

static int sweep_trash(const char *folder)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/trash", folder); /* AGENT_FOLDER_MAX */
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : agent_sweep_empty(fd);
}

int agent_sweep_start(struct agent_child *child, struct agent_loop *loop, const char *folder,
		      agent_on_exit *on_exit, void *context)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* One thread forked: the child may do anything, and ends with its agent. Clients and locks
		 * are none of its own. */
		(void)syscall(SYS_close_range, 3, UINT_MAX, 0);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
			_exit(1);
		_exit(sweep_trash(folder) < 0 ? 1 : 0);
	}
	return agent_child_watch(child, loop, pid, on_exit, context);
}

struct measure {
	uint64_t bytes;
	size_t left;
};

/* Takes fd. Deeper than DEPTH_MAX * 4 nobody counts: it is too much. */
static void measure_folder(struct measure *m, int fd, int depth)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (const struct dirent *e = readdir(dir); e && m->left > 0; e = readdir(dir)) {
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		m->left--;
		m->bytes += (uint64_t)st.st_blocks * 512;
		if (!S_ISDIR(st.st_mode))
			continue;
		if (depth == DEPTH_MAX * 4)
			m->left = 0;
		else
			measure_folder(m,
				       openat(dirfd(dir), e->d_name,
					      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
				       depth + 1);
	}
	closedir(dir);
}

uint64_t agent_sweep_measure(const char *path, size_t max)
{
	struct measure m = {.left = max};

	measure_folder(&m, open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0);
	return m.left == 0 ? UINT64_MAX : m.bytes;
}
