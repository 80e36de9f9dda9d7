#include "agent/agent/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "agent/agent/agent.h"
#include "agent/agent/launch.h"
#include "agent/agent/memory.h"
#include "agent/agent/plan.h"
#include "agent/agent/save.h"
#include "agent/agent/session.h"
#include "agent/agent/table.h"
#include "agent/words.h"
#include "common/fd.h"
#include "common/log.h"

enum {
	KILL_AFTER_MS = 5000
};

int agent_vm_make_id(char out[MV_NAME_MAX])
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	(void)snprintf(out, MV_NAME_MAX, "vm-%016" PRIx64, random);
	return 0;
}

static void close_control(struct agent_vm *vm)
{
	agent_watch_stop(&vm->watch);
	if (vm->control >= 0)
		close(vm->control);
	vm->control = -1;
}

static void on_next(void *context);

/* Somebody's start is over: the next one has its turn, from the loop. */
static void start_next(struct agent *agent)
{
	agent_timer_start(&agent->vms.next_timer, &agent->loop, 0, on_next, agent);
}

/* The one place where a micro-VM becomes an ended one. */
static void set_ended(struct agent_vm *vm, uint32_t end, uint32_t detail)
{
	struct agent_session *session = vm->session;

	bool has_run = vm->state == MV_STATE_RUNNING;

	if (vm->ended)
		return;
	vm->ended = true;
	vm->state = 0;
	vm->end = end;
	vm->detail = detail;
	vm->ended_ms = agent_now_ms();
	vm->session = NULL;
	start_next(vm->agent);
	agent_timer_stop(&vm->kill_timer);
	agent_timer_stop(&vm->life_timer);
	agent_opener_release(&vm->opener);
	close_control(vm);
	agent_cgroups_remove(&vm->agent->cgroups, vm->id);
	log_info("vm: ended id=%s user=%s task=%s end=\"%s\" detail=%u refused=%" PRIu64, vm->id,
		 vm->request->account.name, vm->task_id, agent_end_text(end), detail,
		 vm->history.refused);
	agent_save_begin(vm, session);
	/* Whatever it was, the next one does not meet it again. */
	if (vm->is_clone && !has_run && (end == MV_END_ERROR || end == MV_END_BOOT))
		agent_templates_distrust(&vm->agent->templates, vm->template_key);
	agent_check_applied(vm->agent);
}

static void on_life_time(void *context)
{
	struct agent_vm *vm = context;

	log_warn("vm: it outlived its lifetime, killing it id=%s", vm->id);
	agent_child_kill(&vm->child);
	set_ended(vm, MV_END_LIFETIME, 0);
}

static void on_kill_time(void *context)
{
	struct agent_vm *vm = context;

	agent_child_kill(&vm->child);
	set_ended(vm, vm->end ? vm->end : MV_END_STOPPED, vm->detail);
}

/* The microvm itself failed, or is no longer ours: an event, and a word to its user. */
static void record_failure(struct agent_vm *vm, enum mv_severity severity, const char *object)
{
	struct mv_event event = {.type = MV_MSG_EVENT,
				 .class = MV_CLASS_MACHINE,
				 .op = MV_OP_EXEC,
				 .verdict = MV_TERMINATE,
				 .severity = (uint8_t)severity,
				 .wall_clock_ns = agent_wall_ns(),
				 .count = 1,
				 .serial = vm->applied_serial};

	event.object_bytes =
		(uint32_t)snprintf(event.object, sizeof(event.object), "%.200s", object);
	agent_vm_record(vm, &event);
	agent_session_notice(vm->session, "the process of micro-VM %s failed: %s", vm->id, object);
}

/* Its process ended without a word: whatever did that, nobody is left in doubt. */
static void record_death(struct agent_vm *vm, int status)
{
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	char object[64];

	if (signal == SIGSYS)
		/* It made a system call that no microvm makes, so it was no longer ours. */
		(void)snprintf(object, sizeof(object), "microvm-killed-by-its-jail signal %d",
			       signal);
	else if (signal)
		(void)snprintf(object, sizeof(object), "microvm-killed signal %d", signal);
	else
		(void)snprintf(object, sizeof(object), "microvm-failed status %d",
			       WEXITSTATUS(status));
	log_error("vm: its process died id=%s object=\"%s\"", vm->id, object);
	record_failure(vm, signal == SIGSYS ? MV_CRITICAL : MV_HIGH, object);
}

static void on_process_exit(void *context, int status)
{
	struct agent_vm *vm = context;

	/* What it said last may still wait in the socket. */
	for (int i = 0; vm->control >= 0 && i < 256 && !vm->ended && vm->watch.loop; i++)
		vm->watch.on_ready(vm, EPOLLIN);
	if (vm->ended)
		return;
	if (!vm->end)
		record_death(vm, status);
	set_ended(vm, vm->end ? vm->end : MV_END_ERROR, vm->end ? vm->detail : (uint32_t)status);
}

/* The microvm does not keep to the protocol, or its socket is gone: no more trust in it. */
static void distrust(struct agent_vm *vm, const char *why)
{
	char object[64];

	log_warn("vm: %s, ending it id=%s", why, vm->id);
	(void)snprintf(object, sizeof(object), "microvm-distrusted %s", why);
	record_failure(vm, MV_CRITICAL, object);
	close_control(vm);
	agent_child_kill(&vm->child);
	set_ended(vm, vm->end ? vm->end : MV_END_ERROR, vm->detail);
}

static void on_state(struct agent_vm *vm, const struct mv_msg *msg)
{
	if (msg->value < MV_STATE_BOOTING || msg->value > MV_STATE_RUNNING ||
	    msg->value < vm->state) {
		distrust(vm, "impossible state");
		return;
	}
	vm->state = msg->value;
	if (vm->state == MV_STATE_RUNNING)
		start_next(vm->agent);
	agent_session_vm_state(vm->session, vm);
}

static void on_msg(struct agent_vm *vm, const struct mv_msg *msg)
{
	switch (msg->type) {
	case MV_MSG_STATE:
		on_state(vm, msg);
		break;
	case MV_MSG_EXIT:
		if (msg->value < MV_END_TASK || msg->value > MV_END_ERROR) {
			distrust(vm, "impossible end");
			break;
		}
		vm->end = msg->value;
		vm->detail = msg->detail;
		/* Its process follows; it is not waited for without a limit. */
		agent_timer_start(&vm->kill_timer, &vm->agent->loop, KILL_AFTER_MS, on_kill_time,
				  vm);
		break;
	case MV_MSG_APPLIED:
		if (msg->serial <= vm->wanted_serial && msg->serial > vm->applied_serial)
			vm->applied_serial = msg->serial;
		agent_check_applied(vm->agent);
		break;
	default:
		distrust(vm, "unknown message");
	}
}

static bool is_sound(const struct mv_event *e)
{
	return e->class > 0 && e->class < MV_CLASS_COUNT && e->op < MV_OP_COUNT && e->verdict > 0 &&
	       e->verdict < MV_VERDICT_COUNT && e->audit <= 1 && e->severity <= MV_CRITICAL &&
	       e->count > 0 && e->object_bytes <= MV_PATH_MAX &&
	       memchr(e->policy_id, '\0', sizeof(e->policy_id)) &&
	       memchr(e->rule, '\0', sizeof(e->rule));
}

void agent_vm_record(struct agent_vm *vm, const struct mv_event *event)
{
	struct agent_event out = {.wall_clock_ns = event->wall_clock_ns,
				  .guest_rip = event->guest_rip,
				  .count = event->count,
				  .dropped = event->dropped,
				  .serial = event->serial,
				  .exit_reason = event->exit_reason,
				  .class = event->class,
				  .op = event->op,
				  .verdict = event->verdict,
				  .severity = event->severity,
				  .audit = event->audit,
				  .object_bytes = event->object_bytes};

	(void)snprintf(out.vm, sizeof(out.vm), "%s", vm->id);
	(void)snprintf(out.task, sizeof(out.task), "%s", vm->task_id);
	(void)snprintf(out.user, sizeof(out.user), "%s", vm->request->account.name);
	(void)snprintf(out.image, sizeof(out.image), "%s", vm->image);
	(void)snprintf(out.program, sizeof(out.program), "%.255s", vm->program);
	(void)snprintf(out.policy_id, sizeof(out.policy_id), "%s",
		       event->policy_id[0] ? event->policy_id : vm->agent->policies.id);
	(void)snprintf(out.rule, sizeof(out.rule), "%s", event->rule);
	memcpy(out.object, event->object, event->object_bytes);
	agent_history_put(&vm->history, event);
	agent_record(vm->agent, &out);
}

static void on_control(void *context, uint32_t events)
{
	struct agent_vm *vm = context;
	union {
		uint32_t type;
		struct mv_msg msg;
		struct mv_event event;
	} in;
	ssize_t n = fd_recv(vm->control, &in, sizeof(in), NULL, NULL);

	(void)events;
	if (n == -EAGAIN) {
		agent_watch_stop(&vm->watch); /* only when drained after its exit */
		return;
	}
	if (n <= 0) {
		/* The process follows its socket, or is made to. */
		close_control(vm);
		agent_timer_start(&vm->kill_timer, &vm->agent->loop, KILL_AFTER_MS, on_kill_time,
				  vm);
		return;
	}
	if (n == sizeof(in.msg) && in.type != MV_MSG_EVENT)
		on_msg(vm, &in.msg);
	else if (n == sizeof(in.event) && in.type == MV_MSG_EVENT && is_sound(&in.event))
		agent_vm_record(vm, &in.event);
	else
		distrust(vm, "malformed message");
}

int agent_vm_attach(struct agent_vm *vm, pid_t pid, int control, struct err *err)
{
	vm->control = control;
	int r = agent_child_watch(&vm->child, &vm->agent->loop, pid, on_process_exit, vm);

	if (r == 0 && fcntl(control, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = agent_watch_start(&vm->watch, &vm->agent->loop, control, EPOLLIN, on_control,
				      vm);
	if (r < 0)
		return err_set(err, r, "cannot watch the micro-VM: %s", strerror(-r));
	if (vm->lifetime_ms)
		agent_timer_start(&vm->life_timer, &vm->agent->loop,
				  vm->lifetime_ms + KILL_AFTER_MS, on_life_time, vm);
	vm->state = MV_STATE_BOOTING;
	return 0;
}

static void launch(struct agent_vm *vm)
{
	struct err err = {0};

	if (agent_launch(vm, &err) == 0) {
		log_info("vm: started id=%s user=%s task=%s image=%s clone=%d pid=%d", vm->id,
			 vm->request->account.name, vm->task_id, vm->image, vm->is_clone,
			 vm->child.pid);
		agent_session_progress(vm->session, "starting micro-VM, image %s", vm->image);
		agent_bases_take(&vm->bases, &vm->opener);
		agent_opener_release(&vm->opener);
		return;
	}
	log_warn("vm: not started id=%s user=%s: %s", vm->id, vm->request->account.name, err.text);
	agent_session_refuse(vm->session, 125, err.text);
	agent_child_kill(&vm->child);
	set_ended(vm, MV_END_ERROR, (uint32_t)-err.code);
}

/* Every place is open: start the process, now or in turn. */
static void on_places(void *context)
{
	struct agent_vm *vm = context;

	vm->is_waiting = !agent_vms_may_start(&vm->agent->vms);
	if (vm->is_waiting)
		agent_session_progress(vm->session, "waiting for other micro-VMs to start");
	else
		launch(vm);
}

static void on_next(void *context)
{
	struct agent *agent = context;
	struct agent_vm *vm;

	while (agent_vms_may_start(&agent->vms) && (vm = agent_vms_next(&agent->vms))) {
		vm->is_waiting = false;
		launch(vm);
	}
}

/* An id, a slot and the task's words. */
static int fill(struct agent_vm *vm, const struct agent_task *task, struct err *err)
{
	int r = agent_memory_admit(AGENT_MEMINFO, vm->agent->cgroups.folder, err);

	/* What is held in advance goes first. */
	if (r < 0 && agent_shells_drop(&vm->agent->shells) > 0)
		r = agent_memory_admit(AGENT_MEMINFO, vm->agent->cgroups.folder, err);
	if (r < 0)
		return r;
	int slot = agent_vms_admit(&vm->agent->vms, vm->request->account.uid, err);

	if (slot < 0)
		return slot;
	if (agent_vm_make_id(vm->id) < 0)
		return err_set(err, -EIO, "no random numbers for an id");
	vm->slot = vm->uid_slot = (unsigned)slot;
	vm->oom_score = agent_vms_oom_score(&vm->agent->vms);
	vm->started_ns = agent_wall_ns();
	vm->manifest = task->manifest;
	(void)snprintf(vm->task_id, sizeof(vm->task_id), "%s", task->task.id);
	(void)snprintf(vm->image, sizeof(vm->image), "%s", task->task.image);
	(void)snprintf(vm->program, sizeof(vm->program), "%s", task->program);
	return agent_plan(vm, err);
}

struct agent_vm *agent_vm_start(struct agent *agent, struct agent_session *session,
				struct agent_request *request, const struct agent_task *task,
				struct err *err)
{
	struct agent_vm *vm = calloc(1, sizeof(*vm));

	if (!vm) {
		err_set(err, -ENOMEM, "out of memory");
		agent_request_free(request);
		return NULL;
	}
	*vm = (struct agent_vm){
		.agent = agent, .session = session, .request = request, .control = -1};
	int r = fill(vm, task, err);

	if (r == 0 && vm->opener.count > 0)
		r = agent_opener_start(&vm->opener, &agent->loop, agent->options.bin_dir,
				       &request->account, on_places, vm, err);
	if (r < 0) {
		agent_vm_free(vm);
		return NULL;
	}
	agent_vms_add(&agent->vms, vm);
	if (vm->opener.count == 0)
		on_places(vm);
	return vm;
}

static int tell(struct agent_vm *vm, uint32_t type, uint32_t value, const int *fd)
{
	struct mv_msg msg = {.type = type, .value = value, .serial = vm->wanted_serial};

	if (vm->control < 0)
		return -EPIPE;
	return fd_send(vm->control, &msg, sizeof(msg), fd, fd ? 1 : 0);
}

void agent_vm_stop(struct agent_vm *vm)
{
	if (vm->ended)
		return;
	if (vm->child.pid <= 0) {
		set_ended(vm, MV_END_STOPPED, 0);
		return;
	}
	(void)!tell(vm, MV_MSG_STOP, 0, NULL); /* the timer sees to one that does not listen */
	agent_timer_start(&vm->kill_timer, &vm->agent->loop, KILL_AFTER_MS, on_kill_time, vm);
}

void agent_vm_signal(struct agent_vm *vm, uint32_t number)
{
	if (vm->state == MV_STATE_RUNNING)
		(void)!tell(vm, MV_MSG_SIGNAL, number, NULL); /* a full socket loses a signal */
	else
		agent_vm_stop(vm);
}

void agent_vm_update_policy(struct agent_vm *vm)
{
	struct agent_policies *policies = &vm->agent->policies;
	cleanup_buf struct buf table = {0};
	struct err err = {0};

	if (vm->ended || vm->child.pid <= 0)
		return;
	int r = agent_table_compile(policies, vm->task_id, vm->request, vm->program, &table, &err);

	if (r < 0) {
		log_warn("vm: everything is denied from now on id=%s: %s", vm->id, err.text);
		buf_clear(&table);
		r = agent_table_deny_all(policies, vm->task_id, &table);
	}
	cleanup_fd int fd = r < 0 ? r : fd_sealed("policy", table.data, table.len);

	vm->wanted_serial = policies->serial;
	if (fd < 0 || tell(vm, MV_MSG_POLICY, 0, &fd) < 0)
		distrust(vm, "it cannot be given the new policy");
}

void agent_vm_free(struct agent_vm *vm)
{
	agent_child_kill(&vm->child);
	agent_timer_stop(&vm->kill_timer);
	agent_timer_stop(&vm->life_timer);
	agent_opener_release(&vm->opener);
	agent_bases_release(&vm->bases);
	close_control(vm);
	agent_cgroups_remove(&vm->agent->cgroups, vm->id);
	agent_history_release(&vm->history);
	agent_request_free(vm->request);
	free(vm);
}
