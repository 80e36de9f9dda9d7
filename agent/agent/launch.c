#include "agent/agent/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent/agent.h"
#include "agent/agent/floor.h"
#include "agent/agent/kvm.h"
#include "agent/agent/message.h"
#include "agent/agent/plan.h"
#include "agent/agent/process.h"
#include "agent/agent/session.h"
#include "agent/agent/shares.h"
#include "agent/agent/spawn.h"
#include "agent/agent/store.h"
#include "agent/agent/table.h"
#include "agent/boot.h"
#include "common/fd.h"
#include "common/log.h"
#include "microvisor/arbiter/policy.h"

/* What one start needs, gathered before the fork. Descriptors are owned unless said otherwise. */
struct launch {
	struct agent_vm *vm;
	struct mv_start *start;
	struct buf table;
	struct policy_task task;               /* borrowed from the policy */
	const struct agent_template *template; /* borrowed; NULL: it boots */
	struct agent_shell_taken shell;        /* pid 0: none, or it is the VM's by now */
	int idmap;
	size_t fd_count;
	int fds[MV_FD_FIXED + MV_SHARES_MAX + 1];
};

static void launch_release(struct launch *l)
{
	for (size_t i = 0; i < l->fd_count; i++)
		if (l->fds[i] >= 0)
			close(l->fds[i]);
	if (l->idmap >= 0)
		close(l->idmap);
	if (l->shell.pid > 0) {
		(void)kill(l->shell.pid,
			   SIGKILL); /* our child, not reaped: the number is its own */
		(void)waitpid(l->shell.pid, NULL, 0);
		close(l->shell.control);
	}
	buf_release(&l->table);
	free(l->start);
}

static int add_share(struct launch *l, uint32_t kind, const char *path, int fd)
{
	if (l->start->share_count == MV_SHARES_MAX) {
		close(fd);
		return -ENOSPC;
	}
	struct mv_share *share = &l->start->shares[l->start->share_count++];

	share->kind = kind;
	share->path_bytes = (uint32_t)strlen(path);
	memcpy(share->path, path, share->path_bytes);
	l->fds[l->fd_count++] = fd;
	return 0;
}

/* The files that the caller handed over and that some rule of the task opens. */
static int add_given_files(struct launch *l, struct err *err)
{
	cleanup_free struct policy_place *places = NULL;
	size_t n = 0;
	int r = agent_plan_places(l->vm, &places, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		for (size_t k = 0; places[i].given && k < l->vm->request->file_count; k++) {
			struct agent_file *file = &l->vm->request->files[k];

			if (file->fd < 0 || strcmp(file->path, places[i].path) != 0)
				continue;
			(void)add_share(l, MV_SHARE_FILE, file->path, take_fd(file->fd)); /* fits */
			break;
		}
	return r;
}

/* A clone of one opened folder, checked to be the place that was named. -errno. */
static int make_clone(struct launch *l, const struct agent_opened_place *place, struct err *err)
{
	const struct agent_vm *vm = l->vm;
	uid_t uid = AGENT_VM_UID_FIRST + vm->uid_slot;
	char link[64];
	char path[MV_PATH_MAX];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", place->fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);

	if (n < 0 || (size_t)n != strlen(place->path) || memcmp(path, place->path, (size_t)n) != 0)
		return err_set(err, -ESTALE, "it moved while it was opened");
	if (l->idmap < 0)
		l->idmap = agent_shares_idmap(&vm->request->account, uid,
					      AGENT_VM_UID_FIRST + vm->uid_slot * AGENT_GROUPS_MAX,
					      err);
	if (l->idmap < 0)
		return l->idmap;
	return agent_shares_clone(place->fd, l->idmap, err);
}

/* What the helper opened. A place that is not there is hidden, as any name that no rule opens; one that
 * cannot be shown for another reason is left out and the user told. */
static void add_opened_places(struct launch *l)
{
	struct agent_opener *opener = &l->vm->opener;

	for (size_t i = 0; i < opener->count; i++) {
		struct agent_opened_place *place = &opener->places[i];
		struct err why = {0};

		if (place->base || place->error == ENOENT)
			continue;
		if (place->error) {
			agent_session_notice(l->vm->session, "%.300s is not shown: %s", place->path,
					     strerror(place->error));
			continue;
		}
		int fd = place->folder ? make_clone(l, place, &why) : take_fd(place->fd);

		if (fd < 0) {
			agent_session_notice(l->vm->session, "%.200s is not shown: %.250s",
					     place->path, why.text);
			continue;
		}
		(void)add_share(l, place->folder ? MV_SHARE_FOLDER : MV_SHARE_FILE, place->path,
				fd); /* fits: at most MV_SHARES_MAX places in all */
	}
}

/* What a stream is on the host, as rules about streams spell it. */
static const char *stream_end(const struct agent_request *request, int stream)
{
	int fd = request->stdio[stream];
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return "file";
	if (request->flags & (uint32_t)AGENT_RUN_TERMINAL << stream)
		return "terminal";
	return isatty(fd) ? "terminal" : "pipe";
}

static void record_stdio(const struct launch *l, const struct mv_policy *policy,
			 const struct mv_access *access, const struct mv_decision *decision)
{
	struct mv_event event = {.type = MV_MSG_EVENT,
				 .class = MV_CLASS_STDIO,
				 .op = access->op,
				 .verdict = decision->verdict,
				 .severity = decision->severity,
				 .wall_clock_ns = agent_wall_ns(),
				 .count = 1,
				 .serial = l->vm->agent->policies.serial,
				 .object_bytes = access->object_bytes};

	mv_policy_rule_id(policy, decision->rule, event.rule);
	memcpy(event.object, access->object, access->object_bytes);
	agent_vm_record(l->vm, &event);
}

/* Standard streams are the policy's to allow. An output that goes to a file of the host is told of even when
 * it is allowed. */
static int check_stdio(const struct launch *l, struct err *err)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	struct mv_policy policy;
	struct mv_decision decision;

	if (mv_policy_init(&policy, l->table.data, l->table.len) < 0)
		return err_set(err, -EBADMSG, "the compiled policy is damaged");
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
		const char *end = stream_end(l->vm->request, i);
		char object[32];
		int n = snprintf(object, sizeof(object), "%s:%s", names[i], end);
		struct mv_access access = {.class = MV_CLASS_STDIO,
					   .op = i == STDIN_FILENO ? MV_OP_READ : MV_OP_WRITE,
					   .object = object,
					   .object_bytes = (uint16_t)n};

		mv_arbitrate(&policy, &access, &decision);
		if (decision.verdict != MV_ALLOW || (i != STDIN_FILENO && !strcmp(end, "file")))
			record_stdio(l, &policy, &access, &decision);
		if (decision.verdict != MV_ALLOW)
			return err_set(err, -EACCES,
				       "the policy does not let this task have its %s: it is a %s",
				       names[i], end);
	}
	return 0;
}

/* The caller's working folder, when the view will have it; "/" otherwise. */
static const char *guest_folder(const struct launch *l)
{
	const char *cwd = l->vm->request->cwd;
	size_t n = strlen(cwd);
	struct mv_policy policy;

	if (!agent_floor_is_view_path(cwd) ||
	    mv_policy_init(&policy, l->table.data, l->table.len) < 0)
		return "/";
	for (uint32_t i = 0; i < l->start->share_count; i++) {
		const struct mv_share *share = &l->start->shares[i];

		/* An ancestor of a share is always in the view. */
		if (share->path_bytes > n && share->path[n] == '/' &&
		    memcmp(share->path, cwd, n) == 0)
			return cwd;
	}
	return "/";
}

static int open_file(struct launch *l, enum mv_fd at, enum manifest_file file, struct err *err)
{
	const struct manifest *m = &l->vm->manifest;
	int r = agent_images_open_file(&l->vm->agent->images, m->files[file].digest,
				       m->files[file].bytes, err);

	if (r < 0)
		return r;
	l->fds[at] = r;
	return 0;
}

/* A memory with kernel and initramfs, and no state yet. */
static int lay_out(struct launch *l, struct err *err)
{
	const struct manifest *m = &l->vm->manifest;
	int r = open_file(l, MV_FD_MEMORY, MANIFEST_KERNEL, err);

	if (r == 0)
		r = open_file(l, MV_FD_STATE, MANIFEST_INITRAMFS, err);
	if (r < 0)
		return r;
	cleanup_fd int kernel = take_fd(l->fds[MV_FD_MEMORY]);
	cleanup_fd int initrd = take_fd(l->fds[MV_FD_STATE]);

	r = agent_boot_make(l->task.memory_bytes, kernel, initrd, m->cmdline, err);
	if (r < 0)
		return r;
	l->fds[MV_FD_MEMORY] = r;
	r = memfd_create("no-state", MFD_CLOEXEC);
	if (r < 0)
		return err_set(err, -errno, "cannot make a file: %m");
	l->fds[MV_FD_STATE] = r;
	return 0;
}

/* What it begins with: the template's memory and state when there is one, else kernel and initramfs. */
static int open_beginning(struct launch *l, struct err *err)
{
	if (!l->template)
		return lay_out(l, err);
	l->fds[MV_FD_MEMORY] = fcntl(l->template->memory_fd, F_DUPFD_CLOEXEC, 0);
	l->fds[MV_FD_STATE] = fcntl(l->template->state_fd, F_DUPFD_CLOEXEC, 0);
	if (l->fds[MV_FD_MEMORY] < 0 || l->fds[MV_FD_STATE] < 0)
		return err_set(err, -errno, "cannot hand the template on: %m");
	return 0;
}

/* Descriptors 0 to MV_FD_POLICY - 1, in the order of enum mv_fd: what a shell has already. */
static int open_machine(struct launch *l, struct err *err)
{
	int r = agent_kvm_open(AGENT_KVM_CPUINFO, err);

	if (r < 0)
		return r;
	l->fds[MV_FD_KVM] = r;
	r = open_file(l, MV_FD_ROOT, MANIFEST_ROOT, err);
	return r < 0 ? r : open_beginning(l, err);
}

/* And those from there to MV_FD_FIXED - 1. */
static int open_task(struct launch *l, struct err *err)
{
	int r = fd_sealed("policy", l->table.data, l->table.len);
	if (r < 0)
		return err_set(err, r, "cannot seal the policy: %s", strerror(-r));
	l->fds[MV_FD_POLICY] = r;
	r = agent_message_seal(l->vm->request, l->vm->program, &l->task, guest_folder(l));
	if (r < 0)
		return err_set(err, r, "cannot write the launch message: %s", strerror(-r));
	l->fds[MV_FD_LAUNCH] = r;
	for (int i = 0; i < AGENT_RUN_FDS; i++)
		l->fds[MV_FD_STDIN + i] = take_fd(l->vm->request->stdio[i]);
	return 0;
}

static void fill_start(struct launch *l)
{
	struct mv_start *start = l->start;

	start->type = l->shell.pid > 0 ? MV_MSG_LAUNCH : MV_MSG_START;
	start->version = MV_API_VERSION;
	start->vcpus = l->task.cpus;
	start->memory_bytes = l->task.memory_bytes;
	start->boot_limit_ms = l->vm->agent->options.boot_limit_ms;
	start->lifetime_ms = l->task.lifetime_ms;
	l->vm->lifetime_ms = l->task.lifetime_ms;
	(void)snprintf(start->id, sizeof(start->id), "%s", l->vm->id);
}

/* Behind the shares. */
static int open_store(struct launch *l, struct err *err)
{
	int fd;
	int r = agent_store_make(l->vm, &l->table, l->task.quota_bytes, l->start, &fd, err);

	if (r == 0 && fd >= 0)
		l->fds[l->fd_count++] = fd;
	return r;
}

/* Forks the microvm with its end of the control socket, and sends the start message. */
static int start_process(struct launch *l, struct err *err)
{
	const struct agent_process process = {
		.uid_slot = l->vm->uid_slot,
		.group_count = (size_t)l->vm->request->account.group_count,
		.cgroup = l->vm->id,
		.limits = {.memory_bytes = l->task.memory_bytes, .cpus = l->task.cpus},
		.oom_score = l->vm->oom_score};
	cleanup_fd int control = -1;
	pid_t pid = 0;
	int r = agent_process_start(l->vm->agent, &process, &pid, &control, err);

	if (r < 0)
		return r;
	/* From here on the VM's own end sees to the process, whatever fails. */
	int sent = fd_send(control, l->start, sizeof(*l->start), l->fds, l->fd_count);

	r = agent_vm_attach(l->vm, pid, take_fd(control), err);
	if (r == 0 && sent < 0)
		r = err_set(err, sent, "cannot start the micro-VM: %s", strerror(-sent));
	return r;
}

/* Looks for the template, and for a shell of it, whose identity is the micro-VM's from then on. */
static void find_beginning(struct launch *l)
{
	struct agent_vm *vm = l->vm;

	l->template = agent_templates_find(&vm->agent->templates, &vm->manifest,
					   l->task.memory_bytes, l->task.cpus);
	if (!l->template)
		return;
	l->start->kind = MV_KIND_CLONE;
	memcpy(l->start->key, l->template->key, sizeof(l->start->key));
	memcpy(vm->template_key, l->template->key, sizeof(vm->template_key));
	vm->is_clone = true;
	if (!agent_shells_take(&vm->agent->shells, l->template, &l->shell))
		return;
	vm->uid_slot = l->shell.uid_slot;
	memcpy(vm->id, l->shell.id, sizeof(vm->id));
}

/* A shell becomes the micro-VM. */
static int launch_shell(struct launch *l, struct err *err)
{
	pid_t pid = l->shell.pid;
	int control = l->shell.control;
	int sent = fd_send(control, l->start, sizeof(*l->start), l->fds + MV_FD_LAUNCH_FIRST,
			   l->fd_count - MV_FD_LAUNCH_FIRST);

	/* It was the first to go when memory ends; now it has its turn. */
	if (sent == 0)
		sent = agent_spawn_set_oom_score(pid, l->vm->oom_score);
	l->shell.pid = 0;
	int r = agent_vm_attach(l->vm, pid, control, err);

	if (r == 0 && sent < 0)
		r = err_set(err, sent, "cannot launch the micro-VM: %s", strerror(-sent));
	l->vm->state = MV_STATE_READY;
	return r;
}

int agent_launch(struct agent_vm *vm, struct err *err)
{
	cleanup_(launch_release) struct launch l = {
		.vm = vm, .idmap = -1, .start = calloc(1, sizeof(*l.start))};

	if (!l.start)
		return err_set(err, -ENOMEM, "out of memory");
	memset(l.fds, 0xff, sizeof(l.fds)); /* all -1 */
	l.fd_count = MV_FD_FIXED;
	int r = agent_table_compile(&vm->agent->policies, vm->task_id, vm->request, vm->program,
				    &l.table, err);

	if (r < 0)
		return r;
	policy_task_at(vm->agent->policies.policy,
		       (size_t)agent_table_find_task(&vm->agent->policies, vm->task_id), &l.task);
	r = check_stdio(&l, err);
	if (r == 0)
		find_beginning(&l);
	if (r == 0)
		r = add_given_files(&l, err);
	if (r < 0)
		return r;
	add_opened_places(&l);
	fill_start(&l);
	r = open_task(&l, err);
	if (r == 0 && l.shell.pid == 0)
		r = open_machine(&l, err);
	if (r == 0)
		r = open_store(&l, err);
	if (r < 0)
		return r;
	vm->wanted_serial = vm->agent->policies.serial;
	vm->applied_serial = vm->wanted_serial;
	return l.shell.pid > 0 ? launch_shell(&l, err) : start_process(&l, err);
}
