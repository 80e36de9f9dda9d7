#include "agent/agent/save.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent/agent.h"
#include "agent/agent/fate.h"
#include "agent/agent/floor.h"
#include "agent/agent/session.h"
#include "agent/agent/table.h"
#include "common/fd.h"
#include "common/log.h"
#include "microvisor/arbiter/policy.h"

/* The changes are gone through twice: first what is saved without asking, then what is asked about. One is under way
 * at a time; what ends at once is followed by the next in a loop, not in a call. */

enum {
	TELL_EVERY_MS = 250
};

static void run(struct agent_save *save);

void agent_save_decide(struct agent *agent, const struct agent_vm *vm, struct agent_kept *kept)
{
	struct agent_policies *policies = &agent->policies;
	cleanup_buf struct buf bytes = {0};
	struct mv_policy table;
	struct err err = {0};
	bool complete = kept->meta.state != AGENT_KEPT_INCOMPLETE;
	int r = agent_table_compile(policies, vm->task_id, vm->request, vm->program, &bytes, &err);

	if (r == 0)
		r = mv_policy_init(&table, bytes.data, bytes.len);
	for (size_t i = 0; i < kept->changes.count; i++) {
		struct agent_change *what = &kept->changes.list[i].what;

		what->reason = AGENT_REASON_NO_RULE;
		if (r == 0 && agent_floor_allows(what->path, agent->options.state_dir,
						 agent->options.run_dir))
			agent_fate_decide(&table, policies->policy, what);
		if (complete || what->fate == AGENT_FATE_KEEP)
			continue;
		what->fate = AGENT_FATE_KEEP;
		what->reason = AGENT_REASON_INCOMPLETE;
	}
	if (r < 0)
		log_warn("save: nothing is saved without a policy id=%s: %s", kept->meta.id,
			 err.text);
}

static size_t count_wanted(const struct agent_changes *changes)
{
	size_t n = 0;

	for (size_t i = 0; i < changes->count; i++)
		n += changes->list[i].what.fate == AGENT_FATE_SAVE ||
		     changes->list[i].what.fate == AGENT_FATE_ASK;
	return n;
}

/* What the user is told at the end. */
static void report(struct agent_save *save)
{
	struct agent_kept *kept = &save->saving.kept;
	cleanup_buf struct buf list = {0};
	int r = agent_kept_list(kept, save->agent->deltas.grace_ns, &list);
	cleanup_fd int fd = r < 0 ? r : fd_sealed("changes", list.data, list.len);

	if (fd < 0)
		agent_session_notice(save->session,
				     "what %s changed cannot be listed; `ampoule "
				     "recover %s` may",
				     kept->meta.id, kept->meta.id);
	else if (kept->changes.count > 0 || kept->outcome_count > 0)
		agent_session_listing(save->session, fd);
	if (kept->changes.cut)
		agent_session_notice(save->session, "%s changed more than can be listed or saved",
				     kept->meta.id);
}

static void unlink_save(struct agent_save *save)
{
	struct agent_save **at = &save->agent->saves;

	while (*at != save)
		at = &(*at)->next;
	*at = save->next;
}

static void finish(struct agent_save *save)
{
	struct agent_session *session = save->session;
	struct agent_kept *kept = &save->saving.kept;
	uid_t uid = save->saving.account.uid;

	report(save);
	log_info("save: done id=%s user=%s saved=%zu kept=%zu", kept->meta.id,
		 save->saving.account.name, kept->outcome_count, agent_kept_unsaved(kept));
	if (agent_kept_is_empty(kept))
		agent_deltas_remove(&save->agent->deltas, uid, kept->meta.id);
	if (session)
		session->save = NULL;
	if (save->is_restore)
		agent_session_done(session);
	else
		agent_session_exited(session, kept->meta.id, save->end, save->detail);
	unlink_save(save);
	agent_saving_release(&save->saving);
	free(save);
}

static void tell_progress(struct agent_save *save)
{
	uint64_t now_ms = agent_now_ms();

	if (now_ms - save->told_ms < TELL_EVERY_MS)
		return;
	save->told_ms = now_ms;
	agent_session_saving(save->session, (uint32_t)save->done, (uint32_t)save->total);
}

static void on_done(void *context)
{
	struct agent_save *save = context;

	save->waiting = false;
	save->done++;
	tell_progress(save);
	run(save);
}

static void keep(struct agent_save *save, struct agent_changed *changed, enum agent_reason reason)
{
	changed->what.fate = AGENT_FATE_KEEP;
	changed->what.reason = reason;
	save->done++;
}

static void start(struct agent_save *save, struct agent_changed *changed)
{
	save->waiting = true;
	agent_saving_start(&save->saving, changed, NULL, on_done, save);
}

static void ask(struct agent_save *save, struct agent_changed *changed)
{
	if (save->for_all == AGENT_ANSWER_SAVE_ALL)
		start(save, changed);
	else if (save->for_all == AGENT_ANSWER_KEEP_ALL)
		keep(save, changed, AGENT_REASON_USER);
	else if (!save->session || !save->can_ask)
		keep(save, changed, AGENT_REASON_NOBODY);
	else {
		save->waiting = true;
		agent_session_ask(save->session, &changed->what);
	}
}

/* The next change of this fate; NULL. */
static struct agent_changed *next(struct agent_save *save, enum agent_fate fate)
{
	struct agent_changes *changes = &save->saving.kept.changes;

	for (; save->at < changes->count; save->at++)
		if (changes->list[save->at].what.fate == fate)
			return &changes->list[save->at];
	save->at = 0;
	return NULL;
}

/* false: there is nothing more. */
static bool step(struct agent_save *save)
{
	struct agent_changed *changed = next(save, AGENT_FATE_SAVE);
	bool asks = !changed;

	if (asks)
		changed = next(save, AGENT_FATE_ASK);
	if (!changed)
		return false;
	if (save->interrupted)
		keep(save, changed, AGENT_REASON_INTERRUPTED);
	else if (asks)
		ask(save, changed);
	else
		start(save, changed);
	return true;
}

static void run(struct agent_save *save)
{
	if (save->looping)
		return;
	save->looping = true;
	while (!save->waiting)
		if (!step(save)) {
			finish(save);
			return;
		}
	save->looping = false;
}

static enum agent_kept_state state_of(const struct agent_vm *vm)
{
	return vm->end == MV_END_TASK ? AGENT_KEPT_COMPLETE : AGENT_KEPT_INCOMPLETE;
}

static struct agent_save *make(struct agent_vm *vm, struct agent_session *session, struct err *err)
{
	struct agent *agent = vm->agent;
	const struct agent_account *account = &vm->request->account;
	struct agent_save *save = calloc(1, sizeof(*save));
	int r = save ? agent_deltas_end(&agent->deltas, account->uid, vm->id, state_of(vm))
		     : -ENOMEM;

	if (r < 0)
		err_set(err, r, "what the task wrote cannot be looked at: %s", strerror(-r));
	else
		r = agent_saving_init(&save->saving, agent, account, vm->id, err);
	if (r < 0) {
		free(save);
		return NULL;
	}
	save->agent = agent;
	save->session = session;
	save->end = vm->end;
	save->detail = vm->detail;
	save->can_ask = vm->request->flags & AGENT_RUN_ASK;
	save->saving.bases = vm->bases;
	vm->bases = (struct agent_bases){0};
	return save;
}

static void begin(struct agent_save *save)
{
	if (save->session)
		save->session->save = save;
	save->next = save->agent->saves;
	save->agent->saves = save;
	save->total = count_wanted(&save->saving.kept.changes);
	run(save);
}

void agent_save_begin(struct agent_vm *vm, struct agent_session *session)
{
	struct err err = {0};
	struct agent_save *save = vm->store_bytes ? make(vm, session, &err) : NULL;

	if (session)
		session->vm = NULL;
	if (!save) {
		if (err.code)
			agent_session_notice(session, "%s", err.text);
		agent_session_exited(session, vm->id, vm->end, vm->detail);
		return;
	}
	agent_save_decide(vm->agent, vm, &save->saving.kept);
	begin(save);
}

int agent_save_restore(struct agent_session *session, const char *id, struct err *err)
{
	struct agent *agent = session->agent;
	struct agent_save *save = calloc(1, sizeof(*save));
	struct agent_account account;
	int r = save ? agent_account_find(session->uid, &account, err)
		     : err_set(err, -ENOMEM, "out of memory");

	if (r == 0)
		r = agent_saving_init(&save->saving, agent, &account, id, err);
	if (r < 0) {
		free(save);
		return r;
	}
	save->agent = agent;
	save->session = session;
	save->is_restore = true;
	for (size_t i = 0; i < save->saving.kept.changes.count; i++) {
		struct agent_change *what = &save->saving.kept.changes.list[i].what;

		if ((what->kind == AGENT_CHANGE_CHANGED || what->kind == AGENT_CHANGE_NEW) &&
		    agent_floor_allows(what->path, agent->options.state_dir,
				       agent->options.run_dir))
			what->fate = AGENT_FATE_SAVE;
	}
	begin(save);
	return 0;
}

void agent_save_answer(struct agent_save *save, uint32_t answer)
{
	struct agent_changed *changed = next(save, AGENT_FATE_ASK);

	if (!save->waiting || !changed || save->saving.wanted)
		return;
	if (answer == AGENT_ANSWER_SAVE_ALL || answer == AGENT_ANSWER_KEEP_ALL)
		save->for_all = answer;
	if (answer == AGENT_ANSWER_SAVE || answer == AGENT_ANSWER_SAVE_ALL) {
		start(save, changed);
		return;
	}
	save->waiting = false;
	keep(save, changed, AGENT_REASON_USER);
	run(save);
}

/* An unanswered question is one that nobody answers. */
static void stop_asking(struct agent_save *save)
{
	if (!save->waiting || save->saving.wanted)
		return;
	save->waiting = false;
	run(save);
}

void agent_save_interrupt(struct agent_save *save)
{
	save->interrupted = true;
	stop_asking(save);
}

void agent_save_leave(struct agent_save *save)
{
	save->session = NULL;
	/* What he wanted himself he wants no more; what the policy saves is saved without him. */
	save->interrupted = save->interrupted || save->is_restore;
	stop_asking(save);
}

bool agent_save_is_busy(const struct agent *agent, const char *id)
{
	for (const struct agent_save *save = agent->saves; save; save = save->next)
		if (strcmp(save->saving.kept.meta.id, id) == 0)
			return true;
	return false;
}

void agent_saves_release(struct agent *agent)
{
	while (agent->saves) {
		struct agent_save *save = agent->saves;

		agent->saves = save->next;
		if (save->session)
			save->session->save = NULL;
		agent_saving_release(&save->saving);
		free(save);
	}
}
