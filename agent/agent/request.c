#include "agent/agent/request.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent/floor.h"
#include "agent/agent/mounts.h"

/* What of the caller's environment reaches the guest; the rest stays where it is. */
static const char *const env_allowed[] = {
	"TERM=", "LANG=", "LC_", "TZ=", "COLUMNS=", "LINES=", "NO_COLOR="};

static bool env_is_allowed(const char *entry)
{
	for (size_t i = 0; i < sizeof(env_allowed) / sizeof(env_allowed[0]); i++)
		if (strncmp(entry, env_allowed[i], strlen(env_allowed[i])) == 0)
			return strchr(entry, '=') != NULL;
	return false;
}

/* A file of a user's FUSE mount must not hang the agent: attributes are asked for without a round trip
 * to the file system. The mount must be one of ours: a caller in another mount namespace could give a
 * file any path he likes. */
int agent_request_file_path(int fd, char out[MV_PATH_MAX], struct err *err)
{
	char link[64];
	struct statx st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) != O_RDONLY)
		return err_set(err, -EPERM, "a file was not opened for reading only");
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		  STATX_TYPE | STATX_NLINK | STATX_MNT_ID, &st) < 0 ||
	    !S_ISREG(st.stx_mode))
		return err_set(err, -EPERM, "only regular files can be given to a task");
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, out, MV_PATH_MAX - 1);

	if (n <= 0 || n >= MV_PATH_MAX - 1)
		return err_set(err, -EPERM, "a file has no usable path");
	out[n] = '\0';
	static const char deleted[] = " (deleted)";

	if (st.stx_nlink == 0 ||
	    ((size_t)n >= sizeof(deleted) && strcmp(out + n - (sizeof(deleted) - 1), deleted) == 0))
		return err_set(err, -EPERM, "a file was deleted while it was opened");
	if (!agent_mounts_have(st.stx_mnt_id))
		return err_set(err, -EPERM,
			       "a file lies on a mount that this machine does not show");
	if (!agent_floor_is_view_path(out))
		return err_set(err, -EPERM,
			       "%.200s: only files below /home, /media, /mnt and /srv can be given",
			       out);
	return 0;
}

/* Cuts the strings area into its NUL-terminated strings, exactly as many as announced. */
static int split_strings(struct agent_request *request, const struct agent_req_run *message)
{
	char *at = request->strings;
	const char *end = request->strings + message->string_bytes;
	size_t total = message->argc + message->envc + 1;

	for (size_t i = 0; i < total; i++) {
		const char *text = at;
		char *stop = memchr(at, '\0', (size_t)(end - at));

		if (!stop)
			return -EBADMSG;
		at = stop + 1;
		if (i < message->argc)
			request->argv[request->argc++] = text;
		else if (i == total - 1)
			request->cwd = text;
		else if (env_is_allowed(text))
			request->env[request->envc++] = text;
	}
	if (at != end || request->argv[0][0] == '\0')
		return -EBADMSG;
	return 0;
}

static int check_counts(const struct agent_req_run *m, size_t nfds)
{
	if (m->version != AGENT_SOCKET_VERSION || m->reserved || (m->flags & ~AGENT_RUN_FLAGS))
		return -EBADMSG;
	if (m->argc < 1 || m->argc > AGENT_ARGS_MAX || m->envc > AGENT_ENV_MAX ||
	    m->file_count > AGENT_FILES_MAX || m->string_bytes > AGENT_STRINGS_MAX)
		return -EBADMSG;
	return nfds == AGENT_RUN_FDS + m->file_count ? 0 : -EBADMSG;
}

/* Gives each file its path and puts that path in the place of the argument it stands for, so that the
 * guest finds it wherever its working folder is. */
static int place_files(struct agent_request *request, const struct agent_req_run *message,
		       struct err *err)
{
	for (size_t i = 0; i < request->file_count; i++) {
		struct agent_file *file = &request->files[i];
		uint32_t arg = message->file_arg[i];

		if (arg < 1 || arg >= request->argc)
			return err_set(err, -EBADMSG, "the request is damaged");
		char path[MV_PATH_MAX];
		int r = agent_request_file_path(file->fd, path, err);

		if (r < 0)
			return r;
		file->path = strdup(path);
		if (!file->path)
			return err_set(err, -ENOMEM, "out of memory");
		request->argv[arg] = file->path;
	}
	return 0;
}

int agent_request_parse(const struct agent_req_run *message, const int *fds, size_t nfds, uid_t uid,
			struct agent_request **ret_request, struct err *err)
{
	struct agent_request *request = NULL;
	int r = check_counts(message, nfds);

	if (r == 0) {
		request = calloc(1, sizeof(*request) + message->string_bytes);
		r = request ? 0 : -ENOMEM;
	}
	if (r < 0) {
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
		return err_set(err, r, r == -ENOMEM ? "out of memory" : "the request is damaged");
	}
	request->flags = message->flags;
	request->file_count = message->file_count;
	memcpy(request->strings, message->strings, message->string_bytes);
	for (size_t i = 0; i < nfds; i++) {
		if (i < AGENT_RUN_FDS)
			request->stdio[i] = fds[i];
		else
			request->files[i - AGENT_RUN_FDS].fd = fds[i];
	}
	r = split_strings(request, message);
	if (r < 0)
		r = err_set(err, r, "the request is damaged");
	if (r == 0)
		r = agent_account_find(uid, &request->account, err);
	if (r == 0)
		r = place_files(request, message, err);
	if (r < 0) {
		agent_request_free(request);
		return r;
	}
	*ret_request = request;
	return 0;
}

void agent_request_free(struct agent_request *request)
{
	if (!request)
		return;
	for (size_t i = 0; i < AGENT_RUN_FDS; i++)
		if (request->stdio[i] >= 0)
			close(request->stdio[i]);
	for (size_t i = 0; i < request->file_count; i++) {
		if (request->files[i].fd >= 0)
			close(request->files[i].fd);
		free(request->files[i].path);
	}
	free(request);
}

void agent_request_facts(const struct agent_request *request, const char *program,
			 struct policy_request *out)
{
	*out = (struct policy_request){.user = request->account.name,
				       .home = request->account.home,
				       .file_count = request->file_count,
				       .program = program};
	for (size_t i = 0; i < request->file_count; i++)
		out->files[i] = request->files[i].path;
}
