/* ampoule-helper: opens places of a view with the calling user's rights, for the agent (agent/helper.h).
 *
 * It is started by the agent with the user's uid, gid and groups. Paths are walked one component at a
 * time without following symbolic links: a rule names a place, and a link there is not that place. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/helper.h"
#include "common/cleanup.h"
#include "common/fd.h"

/* Opens one component below dir. The last one of a file is opened for reading, and without waiting for
 * the other end of a FIFO. */
static int open_component(int dir, const char *name, bool is_file)
{
	int flags = is_file ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY;
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int check_kind(int fd, bool folder)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (folder)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	return S_ISREG(st.st_mode) ? 0 : -EPERM;
}

/* path is cut into components in place. A descriptor or -errno. */
static int open_place(char *path, bool folder)
{
	cleanup_fd int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *rest = path;

	if (at < 0)
		return -errno;
	for (char *name = strsep(&rest, "/"); name; name = strsep(&rest, "/")) {
		if (*name == '\0')
			continue;
		if (strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
			return -EINVAL;
		int next = open_component(at, name, !folder && !rest);

		if (next < 0)
			return next;
		close(at);
		at = next;
	}
	int r = check_kind(at, folder);

	return r < 0 ? r : take_fd(at);
}

static int answer(struct agent_helper_open *request)
{
	struct agent_helper_opened reply = {.type = AGENT_HELPER_OPEN};
	cleanup_fd int fd = -EINVAL;

	if (memchr(request->path, '\0', sizeof(request->path)) && request->path[0] == '/')
		fd = open_place(request->path, request->folder != 0);
	reply.error = fd < 0 ? (uint32_t)-fd : 0;
	return fd_send(AGENT_HELPER_FD, &reply, sizeof(reply), &fd, fd >= 0 ? 1 : 0);
}

int main(void)
{
	static struct agent_helper_open request; /* one page and more: not for the stack */
	struct stat st;

	if (fstat(AGENT_HELPER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("ampoule-helper is started by ampoule-agent, not by hand\n", stderr);
		return 2;
	}

	for (;;) {
		ssize_t n = fd_recv(AGENT_HELPER_FD, &request, sizeof(request), NULL, NULL);

		if (n == 0)
			return 0;
		if (n != sizeof(request) || request.type != AGENT_HELPER_OPEN)
			return 1;
		if (answer(&request) < 0)
			return 1;
	}
}
