#include "microvisor/vm/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "microvisor/layout.h"
#include "microvisor/vm/log.h"

static const uint64_t LIMIT_MS_MAX = UINT64_C(366) * 24 * 3600 * 1000;

/* Terminated inside its field. */
static bool is_id(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	return strnlen(s, MV_NAME_MAX) < MV_NAME_MAX && s[0] && s[strspn(s, allowed)] == '\0';
}

static bool is_share(const struct mv_share *share)
{
	return (share->kind == MV_SHARE_FILE || share->kind == MV_SHARE_FOLDER) &&
	       share->path_bytes > 0 && share->path_bytes < MV_PATH_MAX && share->path[0] == '/' &&
	       !memchr(share->path, '\0', share->path_bytes);
}

unsigned mv_start_fds(const struct mv_start *start)
{
	unsigned more = start->share_count + (start->store_bytes_max > 0);

	if (start->type == MV_MSG_LAUNCH)
		return MV_FD_FIXED - MV_FD_LAUNCH_FIRST + more;
	return start->kind == MV_KIND_TEMPLATE ? MV_FD_TEMPLATE_COUNT
	       : start->kind == MV_KIND_SHELL  ? MV_FD_SHELL_COUNT
					       : MV_FD_FIXED + more;
}

/* NULL, or what is wrong. */
static const char *find_fault(const struct mv_start *start, unsigned fd_count)
{
	if ((start->type != MV_MSG_START && start->type != MV_MSG_LAUNCH) ||
	    start->version != MV_API_VERSION)
		return "type or version";
	if (start->vcpus != 1)
		return "vcpus";
	if (start->kind > MV_KIND_SHELL ||
	    (start->type == MV_MSG_LAUNCH && start->kind != MV_KIND_CLONE))
		return "kind";
	if (start->memory_bytes < MV_RAM_BYTES_MIN || start->memory_bytes > MV_RAM_BYTES_MAX ||
	    start->memory_bytes % MV_RAM_ALIGN)
		return "memory";
	if (start->boot_limit_ms == 0 || start->boot_limit_ms > LIMIT_MS_MAX ||
	    start->lifetime_ms > LIMIT_MS_MAX)
		return "time limits";
	if (start->share_count > MV_SHARES_MAX || fd_count != mv_start_fds(start) ||
	    ((start->share_count || start->store_bytes_max) &&
	     (start->kind == MV_KIND_TEMPLATE || start->kind == MV_KIND_SHELL)))
		return "number of shares or descriptors";
	if (!is_id(start->id))
		return "id";
	for (unsigned i = 0; i < start->share_count; i++) {
		if (!is_share(&start->shares[i]))
			return "share";
	}
	return NULL;
}

int mv_start_check(const struct mv_start *start, unsigned fd_count)
{
	const char *fault = find_fault(start, fd_count);

	if (!fault)
		return 0;
	mv_log(MV_LOG_ERROR, "control: bad start message: %s", fault);
	return -EBADMSG;
}

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

/* Appends the descriptors of one control message; those that do not fit are closed. */
static unsigned take_fds(const struct cmsghdr *c, int *fds, unsigned have, unsigned max,
			 bool *ret_bad)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		if (have < max) {
			fds[have++] = fd;
		} else {
			*ret_bad = true;
			close(fd);
		}
	}
	return have;
}

/* One packet of exactly n bytes with at most max descriptors: their number, -EBADMSG or -errno. */
static int receive(int socket, void *message, size_t n, int *fds, unsigned max)
{
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int) * MV_START_FDS_MAX)];
	struct iovec v = {.iov_base = message, .iov_len = n};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	unsigned have = 0;
	bool bad = false;
	ssize_t r;

	do {
		r = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			have = take_fds(c, fds, have, max, &bad);
		else
			bad = true;
	}
	if (r == 0 && have == 0)
		return -EPIPE;
	if (bad || (size_t)r != n || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		close_all(fds, have);
		return -EBADMSG;
	}
	return (int)have;
}

int mv_control_receive_start(int socket, struct mv_start *ret_start, int fds[MV_START_FDS_MAX])
{
	int n = receive(socket, ret_start, sizeof(*ret_start), fds, MV_START_FDS_MAX);

	if (n < 0)
		return n;
	int r = mv_start_check(ret_start, (unsigned)n);

	if (r < 0) {
		close_all(fds, (unsigned)n);
		return r;
	}
	return n;
}

int mv_control_receive(int socket, struct mv_msg *ret_msg, int *ret_fd)
{
	int fd = -1;
	int n = receive(socket, ret_msg, sizeof(*ret_msg), &fd, 1);

	if (n < 0)
		return n;
	bool is_known = ret_msg->type == MV_MSG_POLICY || ret_msg->type == MV_MSG_SIGNAL ||
			ret_msg->type == MV_MSG_STOP;

	if (!is_known || (n == 1) != (ret_msg->type == MV_MSG_POLICY)) {
		close_all(&fd, (unsigned)n);
		return -EBADMSG;
	}
	*ret_fd = fd;
	return 0;
}

int mv_control_send(int socket, const void *message, size_t n)
{
	ssize_t r;

	do {
		r = send(socket, message, n, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int mv_control_read_file(int fd, size_t max, void **ret_bytes, size_t *ret_n)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	size_t n = (size_t)st.st_size;
	uint8_t *bytes = malloc(n ? n : 1);

	if (!bytes)
		return -ENOMEM;
	for (size_t done = 0; done < n;) {
		ssize_t r = pread(fd, bytes + done, n - done, (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			int error = r < 0 ? -errno : -EIO;

			free(bytes);
			return error;
		}
		done += (size_t)r;
	}
	*ret_bytes = bytes;
	*ret_n = n;
	return 0;
}
