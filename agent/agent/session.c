#include "agent/agent/session.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/agent/agent.h"
#include "agent/agent/answers.h"
#include "agent/agent/recover.h"
#include "agent/agent/restore.h"
#include "agent/agent/save.h"
#include "agent/sealed.h"
#include "agent/socket.h"
#include "common/fd.h"
#include "common/log.h"

/* Requests are rows of one table: the size each must have, who may send it, what it does. */

enum {
	SEND_BYTES = 4 << 20, /* a whole answer fits: the agent never waits for a client */
	REQUEST_FDS_MAX = AGENT_RUN_FDS + AGENT_FILES_MAX
};

struct incoming {
	const union agent_any_req *message;
	int *fds; /* the handler takes what it needs and leaves -1 */
	size_t nfds;
};

static void tell_fds(struct agent_session *session, const void *message, size_t n, const int *fds,
		     size_t nfds)
{
	if (!session || session->failed)
		return;
	int r = fd_send(session->fd, message, n, fds, nfds);

	if (r < 0) {
		session->failed = 1;
		(void)shutdown(session->fd, SHUT_RDWR); /* wakes the watch, which frees it */
	}
}

static void tell(struct agent_session *session, const void *message, size_t n)
{
	tell_fds(session, message, n, NULL, 0);
}

static void tell_text(struct agent_session *session, uint32_t type, uint32_t value,
		      const char *text)
{
	struct agent_rep rep = {.type = type, .value = value};

	(void)snprintf(rep.text, sizeof(rep.text), "%s", text);
	tell(session, &rep, sizeof(rep));
}

void agent_session_refuse(struct agent_session *session, uint32_t exit_status, const char *text)
{
	tell_text(session, AGENT_REP_REFUSED, exit_status, text);
}

void agent_session_progress(struct agent_session *session, const char *fmt, ...)
{
	char text[AGENT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tell_text(session, AGENT_REP_PROGRESS, 0, text);
}

void agent_session_notice(struct agent_session *session, const char *fmt, ...)
{
	char text[AGENT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tell_text(session, AGENT_REP_NOTICE, 0, text);
}

void agent_session_vm_state(struct agent_session *session, struct agent_vm *vm)
{
	if (vm->state == MV_STATE_READY)
		agent_session_progress(session, "micro-VM is up, starting the task");
	if (vm->state == MV_STATE_RUNNING && !vm->announced) {
		struct agent_rep rep = {.type = AGENT_REP_STARTED};

		(void)snprintf(rep.id, sizeof(rep.id), "%s", vm->id);
		vm->announced = true;
		tell(session, &rep, sizeof(rep));
	}
}

void agent_session_exited(struct agent_session *session, const char *id, uint32_t end,
			  uint32_t detail)
{
	struct agent_rep rep = {.type = AGENT_REP_EXITED, .value = end, .detail = detail};

	(void)snprintf(rep.id, sizeof(rep.id), "%s", id);
	tell(session, &rep, sizeof(rep));
}

void agent_session_listing(struct agent_session *session, int fd)
{
	const struct agent_rep rep = {.type = AGENT_REP_LISTING};

	tell_fds(session, &rep, sizeof(rep), &fd, 1);
}

void agent_session_ask(struct agent_session *session, const struct agent_change *change)
{
	struct agent_rep_ask rep = {
		.type = AGENT_REP_ASK, .kind = change->kind, .bytes = change->bytes};

	memcpy(rep.rule, change->rule, sizeof(rep.rule));
	(void)snprintf(rep.path, sizeof(rep.path), "%s", change->path);
	tell(session, &rep, sizeof(rep));
}

void agent_session_saving(struct agent_session *session, uint32_t done, uint32_t total)
{
	const struct agent_rep rep = {.type = AGENT_REP_SAVING, .value = done, .detail = total};

	tell(session, &rep, sizeof(rep));
}

void agent_session_done(struct agent_session *session)
{
	tell_text(session, AGENT_REP_END, 0, "");
}

static void refuse_err(struct agent_session *session, const struct err *err)
{
	agent_session_refuse(session, err->code == -ENOENT ? 127 : 125, err->text);
}

static void on_run(struct agent_session *session, struct incoming *in)
{
	struct agent *agent = session->agent;
	struct agent_request *request = NULL;
	struct err err = {0};
	size_t nfds = in->nfds;

	in->nfds = 0; /* taken by the parser, also on error */
	if (session->vm || session->save) {
		for (size_t i = 0; i < nfds; i++)
			close(in->fds[i]);
		agent_session_refuse(session, 125, "one connection runs one task");
		return;
	}
	int r = agent_request_parse(&in->message->run, in->fds, nfds, session->uid, &request, &err);

	if (r < 0) {
		agent_session_refuse(session, 125, err.text);
		return;
	}
	agent_vms_expire(&agent->vms, agent_now_ms());
	cleanup_free struct agent_task *task = calloc(1, sizeof(*task));

	if (!agent->isolation)
		r = err_set(&err, -ENODEV, "%s", agent->no_isolation.text);
	else if (!task)
		r = err_set(&err, -ENOMEM, "out of memory");
	else
		r = agent_task_find(&agent->policies, &agent->images, &agent->identity, request,
				    task, &err);
	if (r < 0) {
		agent_request_free(request);
		refuse_err(session, &err);
		return;
	}
	struct agent_vm *vm = agent_vm_start(agent, session, request, task, &err);

	if (!vm)
		agent_session_refuse(session, 125, err.text);
	else if (!vm->ended)
		session->vm = vm;
}

static void on_signal_request(struct agent_session *session, struct incoming *in)
{
	uint32_t number = in->message->req.value;

	if (session->save)
		agent_save_interrupt(session->save);
	if (session->vm && (number == SIGINT || number == SIGTERM || number == SIGHUP ||
			    number == SIGQUIT || number == SIGUSR1 || number == SIGUSR2))
		agent_vm_signal(session->vm, number);
}

/* The same words for somebody else's micro-VM as for none: an id tells nobody anything. */
static struct agent_vm *own_vm(struct agent_session *session, struct incoming *in)
{
	struct agent_vm *vm =
		agent_vms_find(&session->agent->vms, session->uid, in->message->req.id);

	if (!vm)
		agent_session_refuse(session, 1, "no such micro-VM; `ampoule ls` lists yours");
	return vm;
}

static void on_ls(struct agent_session *session, struct incoming *in)
{
	uint32_t n = 0;

	(void)in;
	agent_vms_expire(&session->agent->vms, agent_now_ms());
	for (const struct agent_vm *vm = session->agent->vms.first; vm; vm = vm->next) {
		struct agent_rep_vm rep;

		if (vm->request->account.uid != session->uid)
			continue;
		agent_answer_vm(vm, &rep);
		tell(session, &rep, sizeof(rep));
		n++;
	}
	tell_text(session, AGENT_REP_END, n, "");
}

static void on_stop(struct agent_session *session, struct incoming *in)
{
	struct agent_vm *vm = own_vm(session, in);

	if (!vm)
		return;
	if (vm->ended) {
		agent_session_refuse(session, 1, "this micro-VM has ended already");
		return;
	}
	agent_vm_stop(vm);
	tell_text(session, AGENT_REP_OK, 0, "");
}

static void on_status(struct agent_session *session, struct incoming *in)
{
	struct agent *agent = session->agent;
	struct agent_rep_status *status = calloc(1, sizeof(*status));
	const char *image;
	uint32_t n = 0;

	(void)in;
	if (!status) {
		agent_session_refuse(session, 1, "out of memory");
		return;
	}
	agent_answer_status(agent, session->uid, status);
	tell(session, status, sizeof(*status));
	free(status);
	for (; (image = agent_policies_image(&agent->policies, n)); n++) {
		struct agent_rep_image rep;

		agent_answer_image(agent, image, &rep);
		tell(session, &rep, sizeof(rep));
	}
	for (size_t i = 0; i < agent->templates.count; i++, n++) {
		struct agent_rep_template rep;

		agent_answer_template(&agent->templates.list[i], &rep);
		tell(session, &rep, sizeof(rep));
	}
	tell_text(session, AGENT_REP_END, n, "");
}

static void on_explain(struct agent_session *session, struct incoming *in)
{
	const struct agent_vm *vm = own_vm(session, in);
	struct agent_rep_vm head;

	if (!vm)
		return;
	agent_answer_vm(vm, &head);
	tell(session, &head, sizeof(head));
	for (size_t i = 0; i < vm->history.count; i++) {
		struct agent_rep_event rep;

		agent_answer_event(agent_history_at(&vm->history, i), &rep);
		tell(session, &rep, sizeof(rep));
	}
	tell_text(session, AGENT_REP_END, (uint32_t)vm->history.count, "");
}

static void on_policy(struct agent_session *session, struct incoming *in)
{
	cleanup_buf struct buf envelope = {0};
	struct err err = {0};
	int r = in->nfds == 1 ? agent_sealed_read(in->fds[0], AGENT_ENVELOPE_MAX, &envelope)
			      : -EBADMSG;

	if (r < 0)
		err_set(&err, r, "the policy did not come as a sealed memfd");
	else
		r = agent_apply_policy(session->agent, envelope.data, envelope.len, &err);
	if (r < 0)
		agent_session_refuse(session, 1, err.text);
	else
		tell_text(session, AGENT_REP_OK, 0, "");
}

static void on_reload(struct agent_session *session, struct incoming *in)
{
	struct err err = {0};

	(void)in;
	if (agent_reload(session->agent, &err) < 0)
		agent_session_refuse(session, 1, err.text);
	else
		tell_text(session, AGENT_REP_OK, 0, "");
}

static void on_answer(struct agent_session *session, struct incoming *in)
{
	if (session->save)
		agent_save_answer(session->save, in->message->req.value);
}

static void on_review(struct agent_session *session, struct incoming *in)
{
	const struct agent_vm *vm = own_vm(session, in);

	if (vm)
		agent_recover_review(session, vm);
}

static void on_kept(struct agent_session *session, struct incoming *in)
{
	agent_recover_list(session, in->message->req.id);
}

static void on_destroy(struct agent_session *session, struct incoming *in)
{
	agent_recover_destroy(session, in->message->req.id);
}

static void on_restore(struct agent_session *session, struct incoming *in)
{
	agent_restore_start(session, &in->message->restore, in->fds, in->nfds);
}

static const struct {
	size_t bytes;
	bool root_only;
	void (*handle)(struct agent_session *session, struct incoming *in);
} requests[] = {
	[AGENT_REQ_RUN] = {sizeof(struct agent_req_run), false, on_run},
	[AGENT_REQ_SIGNAL] = {sizeof(struct agent_req), false, on_signal_request},
	[AGENT_REQ_LS] = {sizeof(struct agent_req), false, on_ls},
	[AGENT_REQ_STOP] = {sizeof(struct agent_req), false, on_stop},
	[AGENT_REQ_STATUS] = {sizeof(struct agent_req), false, on_status},
	[AGENT_REQ_EXPLAIN] = {sizeof(struct agent_req), false, on_explain},
	[AGENT_REQ_POLICY] = {sizeof(struct agent_req), true, on_policy},
	[AGENT_REQ_RELOAD] = {sizeof(struct agent_req), true, on_reload},
	[AGENT_REQ_ANSWER] = {sizeof(struct agent_req), false, on_answer},
	[AGENT_REQ_REVIEW] = {sizeof(struct agent_req), false, on_review},
	[AGENT_REQ_KEPT] = {sizeof(struct agent_req), false, on_kept},
	[AGENT_REQ_DESTROY] = {sizeof(struct agent_req), false, on_destroy},
	[AGENT_REQ_RESTORE] = {sizeof(struct agent_req_restore), false, on_restore},
};

/* Whether the message has the form of its type. Version and id are at the same place in all but RUN. */
static bool is_sound(const union agent_any_req *message, size_t n, uid_t uid)
{
	if (n < sizeof(message->type) || message->type < AGENT_REQ_RUN ||
	    message->type >= AGENT_REQ_COUNT || n != requests[message->type].bytes)
		return false;
	if (requests[message->type].root_only && uid != 0)
		return false;
	if (message->type == AGENT_REQ_RUN)
		return true;
	return message->req.version == AGENT_SOCKET_VERSION &&
	       memchr(message->req.id, '\0', sizeof(message->req.id));
}

static void on_message(void *context, uint32_t events)
{
	struct agent_session *session = context;
	cleanup_free union agent_any_req *message = malloc(sizeof(*message));
	int fds[REQUEST_FDS_MAX];
	size_t nfds = REQUEST_FDS_MAX;
	ssize_t n = message ? fd_recv(session->fd, message, sizeof(*message), fds, &nfds) : -ENOMEM;

	(void)events;
	if (n == -EAGAIN)
		return;
	if (n <= 0 || session->failed) {
		for (size_t i = 0; n > 0 && i < nfds; i++)
			close(fds[i]);
		agent_listener_drop(&session->agent->listener, session);
		return;
	}
	struct incoming in = {message, fds, nfds};
	bool sound = is_sound(message, (size_t)n, session->uid);

	if (sound)
		requests[message->type].handle(session, &in);
	for (size_t i = 0; i < in.nfds; i++)
		close(fds[i]);
	if (!sound) {
		log_warn("session: malformed request, closing uid=%u bytes=%zd", session->uid, n);
		agent_listener_drop(&session->agent->listener, session);
	}
}

int agent_session_new(struct agent *agent, int fd, uid_t uid, struct agent_session **ret)
{
	static const int bytes = SEND_BYTES;
	struct agent_session *session = calloc(1, sizeof(*session));

	if (!session) {
		close(fd);
		return -ENOMEM;
	}
	*session = (struct agent_session){.agent = agent, .fd = fd, .uid = uid};
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		log_debug("session: a small send buffer, ignoring: %m");
	int r = agent_watch_start(&session->watch, &agent->loop, fd, EPOLLIN, on_message, session);

	if (r < 0) {
		close(fd);
		free(session);
		return r;
	}
	*ret = session;
	return 0;
}

void agent_session_free(struct agent_session *session)
{
	struct agent_vm *vm = session->vm;

	agent_watch_stop(&session->watch);
	close(session->fd);
	if (session->save)
		agent_save_leave(session->save);
	if (session->restore)
		agent_restore_free(session->restore);
	if (vm) {
		vm->session = NULL;
		agent_vm_stop(vm);
	}
	free(session);
}
