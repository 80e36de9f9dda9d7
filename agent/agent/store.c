#include "agent/agent/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/agent/agent.h"
#include "agent/agent/session.h"
#include "common/log.h"
#include "microvisor/arbiter/policy.h"

enum {
	LEAST_BYTES = 1 << 20, /* less is no room */
	SLACK_BYTES = 64 << 20 /* folders, headers and bitmaps, which the limit does not count */
};

static bool may_write(const struct buf *table)
{
	struct mv_policy policy;

	if (mv_policy_init(&policy, table->data, table->len) < 0)
		return false;
	for (uint32_t i = 0; i < policy.header->rule_count; i++) {
		const struct mv_table_rule *rule = &policy.rules[i];

		if (rule->class == MV_CLASS_FILE &&
		    (rule->verdict == MV_COPY || rule->verdict == MV_NEW))
			return true;
	}
	return false;
}

/* What the user's limit and the disk leave. What running micro-VMs may still write is taken for written. */
static uint64_t room(const struct agent_vm *vm)
{
	const struct agent *agent = vm->agent;
	uid_t uid = vm->request->account.uid;
	uint64_t taken = agent_deltas_bytes(&agent->deltas, uid, NULL);
	uint64_t left = AGENT_STORES_BYTES;
	struct statvfs fs;

	for (const struct agent_vm *one = agent->vms.first; one; one = one->next)
		if (!one->ended && one->request->account.uid == uid &&
		    __builtin_add_overflow(taken, one->store_bytes, &taken))
			return 0;
	left = taken < left ? left - taken : 0;
	if (statvfs(agent->deltas.folder, &fs) == 0 && left > fs.f_bavail * fs.f_frsize / 2)
		left = fs.f_bavail * fs.f_frsize / 2;
	return left;
}

static struct agent_delta_meta meta_of(const struct agent_vm *vm)
{
	struct agent_delta_meta meta = {.magic = AGENT_DELTA_MAGIC,
					.state = AGENT_KEPT_RUNNING,
					.uid = vm->request->account.uid,
					.started_ns = vm->started_ns};

	memcpy(meta.id, vm->id, sizeof(meta.id));
	memcpy(meta.task, vm->task_id, sizeof(meta.task));
	(void)snprintf(meta.program, sizeof(meta.program), "%.255s", vm->program);
	return meta;
}

int agent_store_make(struct agent_vm *vm, const struct buf *table, uint64_t quota_bytes,
		     struct mv_start *start, int *ret_fd, struct err *err)
{
	uint64_t bytes = quota_bytes ? quota_bytes : AGENT_STORE_BYTES;
	uint64_t left = may_write(table) ? room(vm) : 0;

	*ret_fd = -1;
	if (!may_write(table))
		return 0;
	if (left < LEAST_BYTES) {
		agent_session_notice(
			vm->session,
			"there is no room for what the task writes, so it can write "
			"nothing; `ampoule recover` lists what is kept of earlier ones");
		return 0;
	}
	struct agent_delta_meta meta = meta_of(vm);
	int r = agent_deltas_make(&vm->agent->deltas, &meta, AGENT_VM_UID_FIRST + vm->slot,
				  AGENT_VM_UID_FIRST + vm->slot * AGENT_GROUPS_MAX, err);

	if (r < 0)
		return r;
	vm->store_bytes = bytes < left ? bytes : left;
	start->store_bytes_max = vm->store_bytes;
	start->whole_bytes_max = AGENT_STORE_WHOLE;
	*ret_fd = r;
	return 0;
}

int agent_store_plan(struct agent_vm *vm, const char *path, bool folder)
{
	char parent[MV_PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (folder || !slash || slash == path)
		return 0;
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	return agent_opener_add_base(&vm->opener, parent);
}

void agent_store_watch(struct agent *agent)
{
	for (struct agent_vm *vm = agent->vms.first; vm; vm = vm->next) {
		uint64_t limit = vm->store_bytes + vm->store_bytes / 4 + SLACK_BYTES;

		if (vm->ended || !vm->store_bytes || vm->child.pid <= 0 ||
		    agent_deltas_bytes(&agent->deltas, vm->request->account.uid, vm->id) <= limit)
			continue;
		log_error("vm: it writes more than it may, ending it id=%s limit=%" PRIu64, vm->id,
			  vm->store_bytes);
		agent_record_incident(agent, "microvm-over-its-store", MV_CRITICAL);
		agent_vm_stop(vm);
	}
}
