/* ampoule-helper: opens places of a view and saves files with the calling user's rights, for the agent
 * (agent/helper.h).
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
#include "agent/helper/save.h"
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

/* Room for any request: too large for the stack. */
union any_request {
	uint32_t type;
	struct agent_helper_open open;
	struct agent_helper_save save;
};

/* A message with its descriptors, owned. */
struct incoming {
	union any_request request;
	size_t nfds;
	int fds[AGENT_SAVE_FDS_MAX];
};

static int answer_open(struct incoming *in)
{
	struct agent_helper_open *request = &in->request.open;
	struct agent_helper_opened reply = {.type = AGENT_HELPER_OPEN};
	cleanup_fd int fd = -EINVAL;

	if (memchr(request->path, '\0', sizeof(request->path)) && request->path[0] == '/')
		fd = open_place(request->path, request->folder != 0);
	reply.error = fd < 0 ? (uint32_t)-fd : 0;
	return fd_send(AGENT_HELPER_FD, &reply, sizeof(reply), &fd, fd >= 0 ? 1 : 0);
}

static int answer_save(struct incoming *in)
{
	struct agent_helper_saved reply;

	helper_save(&in->request.save, in->fds, in->nfds, &reply);
	return fd_send(AGENT_HELPER_FD, &reply, sizeof(reply), NULL, 0);
}

static const struct {
	size_t bytes;
	size_t fds_max;
	int (*answer)(struct incoming *in);
} requests[] = {
	[AGENT_HELPER_OPEN] = {sizeof(struct agent_helper_open), 0, answer_open},
	[AGENT_HELPER_SAVE] = {sizeof(struct agent_helper_save), AGENT_SAVE_FDS_MAX, answer_save},
};

static int handle(struct incoming *in, size_t n)
{
	uint32_t type = in->request.type;

	if (n < sizeof(type) || type < AGENT_HELPER_OPEN || type > AGENT_HELPER_SAVE ||
	    n != requests[type].bytes || in->nfds > requests[type].fds_max)
		return -EBADMSG;
	return requests[type].answer(in);
}

int main(void)
{
	static struct incoming in;
	struct stat st;
	int r = 0;

	if (fstat(AGENT_HELPER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("ampoule-helper is started by ampoule-agent, not by hand\n", stderr);
		return 2;
	}
	while (r == 0) {
		in.nfds = AGENT_SAVE_FDS_MAX;
		ssize_t n =
			fd_recv(AGENT_HELPER_FD, &in.request, sizeof(in.request), in.fds, &in.nfds);

		if (n == 0)
			return 0;
		r = n < 0 ? (int)n : handle(&in, (size_t)n);
		for (size_t i = 0; n > 0 && i < in.nfds; i++)
			close(in.fds[i]);
	}
	return 1;
}
