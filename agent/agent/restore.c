#include "agent/agent/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent/agent.h"
#include "agent/agent/floor.h"
#include "agent/agent/save.h"
#include "agent/agent/saving.h"
#include "common/fd.h"

struct agent_restore {
	struct agent_session *session; /* borrowed */
	struct agent_saving saving;
	struct agent_req_restore request;
	struct agent_saving_place place;
	int folder;                   /* owned; -1: to its place */
	struct agent_changed *wanted; /* in saving; NULL: the version before */
};

void agent_restore_free(struct agent_restore *restore)
{
	restore->session->restore = NULL;
	agent_saving_release(&restore->saving);
	if (restore->folder >= 0)
		close(restore->folder);
	free(restore);
}

static const struct agent_saving_place *place_of(struct agent_restore *restore)
{
	return restore->folder >= 0 ? &restore->place : NULL;
}

/* The last thing that is done to it. */
static void answer(struct agent_restore *restore, const struct agent_change *change)
{
	struct agent_session *session = restore->session;
	struct agent *agent = session->agent;
	const struct agent_kept *kept = &restore->saving.kept;
	struct agent_kept_head head = {.state = kept->meta.state, .changes = 1};
	cleanup_buf struct buf bytes = {0};

	memcpy(head.id, kept->meta.id, sizeof(head.id));
	memcpy(head.task, kept->meta.task, sizeof(head.task));
	memcpy(head.program, kept->meta.program, sizeof(head.program));
	int r = agent_listing_put_head(&bytes, &head);

	if (r == 0)
		r = agent_listing_put(&bytes, change);
	cleanup_fd int fd = r < 0 ? r : fd_sealed("changes", bytes.data, bytes.len);

	if (agent_kept_is_empty(kept))
		agent_deltas_remove(&agent->deltas, session->uid, kept->meta.id);
	agent_restore_free(restore);
	if (fd < 0) {
		agent_session_refuse(session, 1, "out of memory");
		return;
	}
	agent_session_listing(session, fd);
	agent_session_done(session);
}

static void on_done(void *context)
{
	struct agent_restore *restore = context;

	answer(restore, &restore->wanted->what);
}

static void on_put_back(void *context, const struct agent_helper_saved *saved)
{
	struct agent_restore *restore = context;
	struct agent_saving *saving = &restore->saving;
	struct agent_change change = {.kind = AGENT_CHANGE_CHANGED,
				      .fate = AGENT_FATE_SAVED,
				      .bytes = saved->bytes,
				      .path = restore->request.path};

	if (saved->outcome == AGENT_SAVED_NOT) {
		change.fate = AGENT_FATE_KEEP;
		change.reason = AGENT_REASON_FAILED;
		change.step = saved->step;
		change.error = saved->error;
	}
	if (saved->before) {
		const struct agent_outcome outcome = {.kind = AGENT_CHANGE_CHANGED,
						      .fate = AGENT_FATE_SAVED,
						      .before = saving->before,
						      .before_mode = saved->before_mode,
						      .before_mtime_ns = saved->before_mtime_ns,
						      .bytes = saved->bytes,
						      .time_ns = agent_wall_ns()};

		change.before = agent_kept_note(&saving->kept, change.path, &outcome) == 0;
	}
	answer(restore, &change);
}

static bool is_terminated(const char *text, size_t n)
{
	return memchr(text, '\0', n) != NULL;
}

static int check_place(const struct agent_req_restore *request, const int *fds, size_t nfds)
{
	bool to = request->flags & AGENT_RESTORE_TO;
	struct stat st;

	if (request->flags & ~(uint32_t)AGENT_RESTORE_FLAGS || nfds != (to ? 1 : 0) ||
	    !is_terminated(request->path, sizeof(request->path)) ||
	    !is_terminated(request->name, sizeof(request->name)))
		return -EBADMSG;
	if (request->flags & AGENT_RESTORE_ALL)
		return request->flags != AGENT_RESTORE_ALL || request->path[0] || request->name[0]
			       ? -EBADMSG
			       : 0;
	if (!to)
		return request->name[0] ? -EBADMSG : 0;
	/* The helper walks from it with the user's rights; a folder is all it has to be. */
	if (fstat(fds[0], &st) < 0 || !S_ISDIR(st.st_mode) || !request->name[0] ||
	    strchr(request->name, '/'))
		return -EBADMSG;
	return 0;
}

static int begin_before(struct agent_restore *restore, struct err *err)
{
	const char *path = restore->request.path;
	const struct agent_kept_outcome *outcome =
		agent_kept_find_before(&restore->saving.kept, path);

	if (!outcome)
		return err_set(err, -ENOENT, "no version before of it is kept");
	return agent_saving_put_back(&restore->saving, outcome, place_of(restore), on_put_back,
				     restore, err);
}

/* restore may be gone when it returns 0. */
static int begin(struct agent_restore *restore, struct err *err)
{
	const struct agent *agent = restore->session->agent;
	const char *path = restore->request.path;

	if (!agent_floor_allows(path, agent->options.state_dir, agent->options.run_dir))
		return err_set(err, -EPERM, "nothing is ever saved there on this endpoint");
	if (restore->request.flags & AGENT_RESTORE_BEFORE)
		return begin_before(restore, err);
	restore->wanted = agent_changes_find(&restore->saving.kept.changes, path);
	if (!restore->wanted || (restore->wanted->what.kind != AGENT_CHANGE_CHANGED &&
				 restore->wanted->what.kind != AGENT_CHANGE_NEW))
		return err_set(err, -ENOENT, "it has no such file that could be brought back");
	agent_saving_start(&restore->saving, restore->wanted, place_of(restore), on_done, restore);
	return 0;
}

static int check_ended(const struct agent_session *session, const char *id, struct err *err)
{
	const struct agent_vm *vm = agent_vms_find(&session->agent->vms, session->uid, id);

	if ((vm && !vm->ended) || agent_save_is_busy(session->agent, id))
		return err_set(err, -EBUSY, "it has not ended");
	return 0;
}

static int make(struct agent_session *session, const struct agent_req_restore *request,
		struct agent_restore **ret_restore, struct err *err)
{
	struct agent *agent = session->agent;
	struct agent_account account;
	int r = agent_account_find(session->uid, &account, err);

	if (r < 0)
		return r;
	struct agent_restore *restore = calloc(1, sizeof(*restore));

	if (!restore)
		return err_set(err, -ENOMEM, "out of memory");
	r = agent_saving_init(&restore->saving, agent, &account, request->id, err);
	if (r < 0) {
		free(restore);
		return r;
	}
	restore->session = session;
	restore->request = *request;
	restore->folder = -1;
	*ret_restore = restore;
	return 0;
}

void agent_restore_start(struct agent_session *session, const struct agent_req_restore *request,
			 const int *fds, size_t nfds)
{
	struct agent_restore *restore = NULL;
	struct err err = {0};
	int r = check_place(request, fds, nfds);

	if (r < 0)
		err_set(&err, r, "the request is damaged");
	else if (session->restore || session->save || session->vm)
		r = err_set(&err, -EBUSY, "one connection brings back one file at a time");
	else
		r = check_ended(session, request->id, &err);
	if (r == 0 && request->flags & AGENT_RESTORE_ALL) {
		r = agent_save_restore(session, request->id, &err);
		if (r == 0)
			return;
	}
	if (r == 0)
		r = make(session, request, &restore, &err);
	if (r < 0) {
		agent_session_refuse(session, 1, err.text);
		return;
	}
	session->restore = restore;
	if (request->flags & AGENT_RESTORE_TO) {
		restore->folder = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
		restore->place = (struct agent_saving_place){.folder = restore->folder,
							     .name = restore->request.name};
		if (restore->folder < 0)
			r = err_set(&err, -errno, "cannot keep the folder: %m");
	}
	if (r == 0)
		r = begin(restore, &err);
	if (r < 0) {
		agent_restore_free(restore);
		agent_session_refuse(session, 1, err.text);
	}
}
