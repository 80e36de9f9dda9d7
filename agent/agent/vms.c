#include "agent/agent/vms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A thousandth of the machine's memory each, proc_pid_oom_score_adj(5). */
enum {
	OOM_SCORE_FIRST = 300,
	OOM_SCORE_STEP = 1,
	OOM_SCORE_MAX = 1000
};

int agent_vms_admit(const struct agent_vms *vms, uid_t uid, struct err *err)
{
	bool is_taken[AGENT_VMS_MAX] = {false};

	if (agent_vms_running(vms, uid) >= vms->per_user)
		return err_set(err, -EBUSY,
			       "you have %u micro-VMs running, which is the limit; end one with "
			       "`ampoule stop ID`",
			       vms->per_user);
	for (const struct agent_vm *vm = vms->first; vm; vm = vm->next)
		is_taken[vm->slot] |= !vm->ended;
	for (unsigned slot = 0; slot < vms->max; slot++)
		if (!is_taken[slot])
			return (int)slot;
	return err_set(err, -EBUSY, "this machine runs as many micro-VMs as it may; try later");
}

int agent_vms_oom_score(const struct agent_vms *vms)
{
	int score = OOM_SCORE_FIRST;

	for (const struct agent_vm *vm = vms->first; vm; vm = vm->next)
		if (!vm->ended && vm->oom_score >= score)
			score = vm->oom_score + OOM_SCORE_STEP;
	return score < OOM_SCORE_MAX ? score : OOM_SCORE_MAX;
}

bool agent_vms_is_any_starting(const struct agent_vms *vms)
{
	for (const struct agent_vm *vm = vms->first; vm; vm = vm->next)
		if (!vm->ended && vm->state < MV_STATE_RUNNING)
			return true;
	return false;
}

bool agent_vms_may_start(const struct agent_vms *vms)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long starting = 0;

	for (const struct agent_vm *vm = vms->first; vm; vm = vm->next)
		starting += !vm->ended && vm->child.pid > 0 && vm->state < MV_STATE_RUNNING;
	return starting < (cpus > 0 ? cpus : 1) + AGENT_STARTING_SPARE;
}

struct agent_vm *agent_vms_next(const struct agent_vms *vms)
{
	struct agent_vm *next = NULL;

	for (struct agent_vm *vm = vms->first; vm; vm = vm->next)
		if (!vm->ended && vm->is_waiting)
			next = vm;
	return next;
}

void agent_vms_add(struct agent_vms *vms, struct agent_vm *vm)
{
	vm->next = vms->first;
	vms->first = vm;
}

struct agent_vm *agent_vms_find(const struct agent_vms *vms, uid_t uid, const char *id)
{
	for (struct agent_vm *vm = vms->first; vm; vm = vm->next)
		if (vm->request->account.uid == uid && strcmp(vm->id, id) == 0)
			return vm;
	return NULL;
}

size_t agent_vms_running(const struct agent_vms *vms, uid_t uid)
{
	size_t n = 0;

	for (const struct agent_vm *vm = vms->first; vm; vm = vm->next)
		n += !vm->ended && vm->request->account.uid == uid;
	return n;
}

/* How many ended ones of the same user are newer. The list is newest first. */
static size_t newer_ended(const struct agent_vms *vms, const struct agent_vm *vm)
{
	size_t n = 0;

	for (const struct agent_vm *v = vms->first; v != vm; v = v->next)
		n += v->ended && v->request->account.uid == vm->request->account.uid;
	return n;
}

void agent_vms_expire(struct agent_vms *vms, uint64_t now_ms)
{
	struct agent_vm **at = &vms->first;

	while (*at) {
		struct agent_vm *vm = *at;

		if (vm->ended && (now_ms - vm->ended_ms > AGENT_ENDED_KEEP_MS ||
				  newer_ended(vms, vm) >= AGENT_ENDED_PER_USER)) {
			*at = vm->next;
			agent_vm_free(vm);
		} else {
			at = &vm->next;
		}
	}
}

void agent_vms_release(struct agent_vms *vms)
{
	agent_timer_stop(&vms->next_timer);
	while (vms->first) {
		struct agent_vm *vm = vms->first;

		vms->first = vm->next;
		agent_vm_free(vm);
	}
}
