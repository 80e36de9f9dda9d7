#include "agent/cli/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/changes.h"
#include "agent/cli/connection.h"
#include "common/fd.h"
#include "common/log.h"

static int fail(const struct err *err)
{
	char quoted[sizeof(err->text) * 2];

	fprintf(stderr, "ampoule: %s\n",
		log_quote(quoted, sizeof(quoted), err->text, strlen(err->text)));
	return 1;
}

/* Waits for the list that answers what was asked: its descriptor, owned by the caller. -errno. */
static int receive_listing(int sock, struct err *err)
{
	cleanup_free union agent_any_rep *reply = calloc(1, sizeof(*reply));
	cleanup_fd int list = -1;
	int r = reply ? 0 : err_set(err, -ENOMEM, "out of memory");

	while (r == 0) {
		int fd = -1;

		r = agent_receive_fd(sock, reply, &fd, err);
		if (fd >= 0) {
			if (list >= 0)
				close(list);
			list = fd;
		}
		if (r == 0 && reply->type == AGENT_REP_REFUSED)
			return err_set(err, -EACCES, "%s", reply->rep.text);
		if (r == 0 && reply->type == AGENT_REP_END)
			return list >= 0 ? take_fd(list) : err_set(err, -EPROTO, "no list came");
	}
	return r;
}

static int ask_listing(unsigned type, const char *id, struct err *err)
{
	cleanup_fd int sock = agent_connect(err);
	int r = sock < 0 ? sock : agent_ask(sock, type, 0, id, err);

	return r < 0 ? r : receive_listing(sock, err);
}

static int show(int list, bool json, struct err *err)
{
	struct agent_changes_sum sum;

	if (json) {
		json_t *root = agent_changes_json(list, err);
		int r = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -err->code;

		json_decref(root);
		puts("");
		return r != 0 || fflush(stdout) != 0 ? -EIO : 0;
	}
	int r = agent_changes_print(list, stdout, true, SIZE_MAX, &sum, err);

	if (r == 0 && sum.micro_vms == 0)
		puts("nothing is kept");
	return r;
}

int agent_command_review(bool json, const char *id)
{
	struct err err = {0};
	cleanup_fd int list = ask_listing(AGENT_REQ_REVIEW, id, &err);

	return list < 0 || show(list, json, &err) < 0 ? fail(&err) : 0;
}

static int open_target(struct agent_req_restore *request, const char *to, struct err *err)
{
	char folder[PATH_MAX];
	char name[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%s", to) >= (int)sizeof(folder) ||
	    snprintf(name, sizeof(name), "%s", to) >= (int)sizeof(name) ||
	    snprintf(request->name, sizeof(request->name), "%s", basename(name)) >=
		    (int)sizeof(request->name))
		return err_set(err, -ENAMETOOLONG, "the name behind --to is too long");
	int fd = open(dirname(folder), O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, -errno, "the folder of %s cannot be opened: %m", to) : fd;
}

/* One file, or all with path ""; prints what became of it. 0, 1 when something was not brought back, or -errno. */
static int restore(const struct agent_recover *what, const char *id, const char *path,
		   struct err *err)
{
	cleanup_free struct agent_req_restore *request = calloc(1, sizeof(*request));
	struct agent_changes_sum sum = {0};
	cleanup_fd int sock = agent_connect(err);
	cleanup_fd int folder = -1;

	if (sock < 0)
		return sock;
	if (!request || strlen(path) >= sizeof(request->path) || strlen(id) >= sizeof(request->id))
		return err_set(err, -ENOENT, "there is no such file");
	request->type = AGENT_REQ_RESTORE;
	request->version = AGENT_SOCKET_VERSION;
	request->flags = (what->before ? AGENT_RESTORE_BEFORE : 0) |
			 (what->to ? AGENT_RESTORE_TO : 0) | (path[0] ? 0 : AGENT_RESTORE_ALL);
	(void)snprintf(request->id, sizeof(request->id), "%s", id);
	(void)snprintf(request->path, sizeof(request->path), "%s", path);
	if (what->to) {
		folder = open_target(request, what->to, err);
		if (folder < 0)
			return folder;
	}
	int r = fd_send(sock, request, sizeof(*request), &folder, folder >= 0 ? 1 : 0);

	if (r < 0)
		return err_set(err, r, "cannot ask the agent: %s", strerror(-r));
	cleanup_fd int list = receive_listing(sock, err);

	if (list < 0)
		return list;
	r = agent_changes_print(list, stdout, false, SIZE_MAX, &sum, err);
	return r < 0 ? r : sum.saved == 0 || sum.kept > 0;
}

/* Paths of which a version before is kept; one may have been replaced more than once. */
struct paths {
	char **list; /* owned, each too */
	size_t count;
};

static int add_path(void *context, const char *id, const struct agent_change *change)
{
	struct paths *paths = context;

	(void)id;
	if (!change->before)
		return 0;
	char **list = reallocarray(paths->list, paths->count + 1, sizeof(*list));

	if (list)
		paths->list = list;
	char *path = list ? strdup(change->path) : NULL;

	if (!path)
		return -ENOMEM;
	list[paths->count++] = path;
	return 0;
}

static int by_name(const void *left, const void *right)
{
	char *const *a = left, *const *b = right;

	return strcmp(*a, *b);
}

/* All versions before, each path's newest. */
static int put_all_back(const struct agent_recover *what, struct err *err)
{
	struct paths paths = {0};
	cleanup_fd int list = ask_listing(AGENT_REQ_KEPT, what->id, err);
	int r = list < 0 ? list : agent_changes_each(list, add_path, &paths, err);
	int failed = 0;

	if (r == 0 && paths.count > 0)
		qsort(paths.list, paths.count, sizeof(*paths.list), by_name);
	for (size_t i = 0; i < paths.count && r >= 0; i++) {
		if (i == 0 || strcmp(paths.list[i - 1], paths.list[i]) != 0)
			r = restore(what, what->id, paths.list[i], err);
		failed += r != 0;
	}
	for (size_t i = 0; i < paths.count; i++)
		free(paths.list[i]);
	free(paths.list);
	return r < 0 ? r : failed > 0;
}

static int destroy(const char *id, struct err *err)
{
	cleanup_free union agent_any_rep *reply = calloc(1, sizeof(*reply));
	cleanup_fd int sock = agent_connect(err);
	int r = sock < 0 ? sock : agent_ask(sock, AGENT_REQ_DESTROY, 0, id, err);

	if (!reply)
		return err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = agent_receive(sock, reply, err);
	if (r == 0 && reply->type == AGENT_REP_REFUSED)
		return err_set(err, -EACCES, "%s", reply->rep.text);
	return r;
}

/* A path as the listing has it: absolute, without the links on the way being followed at its end. */
static const char *absolute(const char *file, char out[PATH_MAX], struct err *err)
{
	char cwd[PATH_MAX];

	if (file[0] == '/')
		return file;
	if (!getcwd(cwd, sizeof(cwd)) || snprintf(out, PATH_MAX, "%s/%s", cwd, file) >= PATH_MAX) {
		err_set(err, -ENAMETOOLONG, "the path is too long");
		return NULL;
	}
	return out;
}

int agent_command_recover(const struct agent_recover *what)
{
	struct err err = {0};
	char path[PATH_MAX];
	int r;

	if (what->destroy) {
		r = destroy(what->id, &err);
	} else if (what->file) {
		const char *file = absolute(what->file, path, &err);

		r = file ? restore(what, what->id, file, &err) : -ENAMETOOLONG;
	} else if (what->all) {
		r = what->before ? put_all_back(what, &err) : restore(what, what->id, "", &err);
	} else {
		cleanup_fd int list = ask_listing(AGENT_REQ_KEPT, what->id, &err);

		r = list < 0 ? list : show(list, what->json, &err);
	}
	return r < 0 ? fail(&err) : r;
}
