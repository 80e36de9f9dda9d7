#include "agent/agent/recover.h"

#include <errno.h>
#include <string.h>

#include "agent/agent/agent.h"
#include "agent/agent/kept.h"
#include "agent/agent/save.h"
#include "common/fd.h"

struct listing {
	const struct agent *agent;
	struct buf bytes;
	struct err err;
};

static void refuse(struct agent_session *session, const struct err *err)
{
	agent_session_refuse(session, 1, err->text);
}

static void send_listing(struct agent_session *session, const struct buf *bytes)
{
	cleanup_fd int fd = fd_sealed("changes", bytes->data, bytes->len);

	if (fd < 0) {
		agent_session_refuse(session, 1, "out of memory");
		return;
	}
	agent_session_listing(session, fd);
	agent_session_done(session);
}

/* Whether one of this id runs: what it writes is no one's to bring back yet. */
static bool is_running(const struct agent *agent, uid_t uid, const char *id)
{
	const struct agent_vm *vm = agent_vms_find(&agent->vms, uid, id);

	return (vm && !vm->ended) || agent_save_is_busy(agent, id);
}

static int add_one(void *context, uid_t uid, const char *id)
{
	struct listing *l = context;
	struct agent_kept kept;

	if (is_running(l->agent, uid, id))
		return 0;
	int r = agent_kept_open(&kept, &l->agent->deltas, uid, id, &l->err);

	if (r == 0) {
		r = agent_kept_list(&kept, l->agent->deltas.grace_ns, &l->bytes);
		if (r < 0)
			err_set(&l->err, r, "out of memory");
	}
	agent_kept_close(&kept);
	return r;
}

void agent_recover_list(struct agent_session *session, const char *id)
{
	struct listing l = {.agent = session->agent};
	int r = id[0] ? add_one(&l, session->uid, id)
		      : agent_deltas_each(&session->agent->deltas, session->uid, add_one, &l);

	if (r == 0 && id[0] && l.bytes.len == 0)
		r = err_set(&l.err, -EBUSY, "%s has not ended; `ampoule review %s` shows it", id,
			    id);
	if (r == -ENOENT && !id[0])
		r = 0; /* the user has no folder yet */
	if (r < 0 && !l.err.code)
		err_set(&l.err, r, "what is kept cannot be listed: %s", strerror(-r));
	if (r < 0)
		refuse(session, &l.err);
	else
		send_listing(session, &l.bytes);
	buf_release(&l.bytes);
}

void agent_recover_review(struct agent_session *session, const struct agent_vm *vm)
{
	struct agent *agent = session->agent;
	cleanup_buf struct buf bytes = {0};
	struct agent_kept kept;
	struct err err = {0};

	if (vm->ended) {
		agent_session_refuse(session, 1,
				     "it has ended; `ampoule recover` lists what is kept of it");
		return;
	}
	if (!vm->store_bytes) {
		agent_session_refuse(session, 1, "the policy lets this task write nothing");
		return;
	}
	int r = agent_kept_open(&kept, &agent->deltas, session->uid, vm->id, &err);

	if (r == 0) {
		agent_save_decide(agent, vm, &kept);
		r = agent_kept_list(&kept, agent->deltas.grace_ns, &bytes);
		if (r < 0)
			err_set(&err, r, "out of memory");
	}
	if (r < 0)
		refuse(session, &err);
	else
		send_listing(session, &bytes);
	agent_kept_close(&kept);
}

void agent_recover_destroy(struct agent_session *session, const char *id)
{
	struct agent *agent = session->agent;
	int folder = agent_deltas_open_one(&agent->deltas, session->uid, id);

	if (folder < 0) {
		agent_session_refuse(session, 1,
				     "nothing is kept of such a micro-VM; `ampoule recover` lists "
				     "what is");
		return;
	}
	close(folder);
	if (is_running(agent, session->uid, id)) {
		agent_session_refuse(session, 1, "it has not ended; `ampoule stop` ends it");
		return;
	}
	agent_deltas_remove(&agent->deltas, session->uid, id);
	agent_session_done(session);
}
