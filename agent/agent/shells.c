#include "agent/agent/shells.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/agent/agent.h"
#include "agent/agent/kvm.h"
#include "agent/agent/memory.h"
#include "agent/agent/process.h"
#include "agent/agent/table.h"
#include "common/fd.h"
#include "common/log.h"

/* Uids of shells lie behind those of the slots and of the template's maker. A micro-VM that was a shell keeps its
 * uid, and its own slot besides, by which micro-VMs are counted. */
enum {
	UID_SLOT_FIRST = AGENT_VMS_MAX + 1,
	UID_SLOT_COUNT = AGENT_VMS_MAX + AGENT_SHELLS_MAX,
	OOM_SCORE = 1000 /* before every micro-VM */
};

static void on_timer(void *context);

static void remove_shell(struct agent_shell *shell)
{
	struct agent_shells *pool = shell->pool;

	agent_watch_stop(&shell->watch);
	agent_child_kill(&shell->child);
	if (shell->control >= 0)
		close(shell->control);
	agent_cgroups_remove(&pool->agent->cgroups, shell->id);
	if (!shell->is_ready)
		agent_timer_stop(&pool->limit);
	*shell = (struct agent_shell){0};
}

static void start_timer(struct agent_shells *pool, uint64_t wait_ms)
{
	agent_timer_start(&pool->timer, &pool->agent->loop, wait_ms, on_timer, pool);
}

static void retry_later(struct agent_shells *pool)
{
	uint64_t wait_ms = AGENT_SHELLS_RETRY_MS;

	for (unsigned i = 0; i < pool->failures && wait_ms < AGENT_SHELLS_RETRY_MAX_MS; i++)
		wait_ms *= 2;
	pool->failures++;
	start_timer(pool,
		    wait_ms < AGENT_SHELLS_RETRY_MAX_MS ? wait_ms : AGENT_SHELLS_RETRY_MAX_MS);
}

static void fail(struct agent_shell *shell, const char *why)
{
	struct agent_shells *pool = shell->pool;

	log_warn("shell: failed id=%s: %s", shell->id, why);
	remove_shell(shell);
	retry_later(pool);
}

static void on_shell_exit(void *context, int status)
{
	char why[64];

	(void)snprintf(why, sizeof(why), "its process ended, status %d", status);
	fail(context, why);
}

static void on_limit(void *context)
{
	struct agent_shells *pool = context;

	for (size_t i = 0; i < AGENT_SHELLS_MAX; i++)
		if (pool->list[i].pool && !pool->list[i].is_ready)
			fail(&pool->list[i], "it did not come up in time");
}

/* A shell says that it boots and that it is ready; whatever else it says is none of ours. */
static void on_control(void *context, uint32_t events)
{
	struct agent_shell *shell = context;
	struct agent_shells *pool = shell->pool;
	struct mv_msg msg;
	ssize_t n = fd_recv(shell->control, &msg, sizeof(msg), NULL, NULL);

	(void)events;
	if (n == -EAGAIN)
		return;
	if (n != sizeof(msg) || msg.type != MV_MSG_STATE || msg.value < MV_STATE_BOOTING ||
	    msg.value > MV_STATE_READY || shell->is_ready) {
		fail(shell, n == 0 ? "it went away" : "it broke the protocol");
		return;
	}
	if (msg.value != MV_STATE_READY)
		return;
	shell->is_ready = true;
	pool->failures = 0;
	agent_timer_stop(&pool->limit);
	log_info("shell: ready id=%s pid=%d", shell->id, shell->child.pid);
	start_timer(pool, AGENT_SHELLS_DELAY_MS);
}

static bool has_uid_slot(const struct agent_shells *pool, unsigned uid_slot)
{
	for (size_t i = 0; i < AGENT_SHELLS_MAX; i++)
		if (pool->list[i].pool && pool->list[i].uid_slot == uid_slot)
			return true;
	for (const struct agent_vm *vm = pool->agent->vms.first; vm; vm = vm->next)
		if (!vm->ended && vm->uid_slot == uid_slot)
			return true;
	return false;
}

static int find_uid_slot(const struct agent_shells *pool)
{
	for (unsigned slot = UID_SLOT_FIRST; slot < UID_SLOT_FIRST + UID_SLOT_COUNT; slot++)
		if (!has_uid_slot(pool, slot))
			return (int)slot;
	return -EBUSY;
}

/* The descriptors of a shell's start, in the order of enum mv_fd. */
static int open_fds(const struct agent_shells *pool, const struct agent_template *template,
		    int fds[MV_FD_SHELL_COUNT], struct err *err)
{
	const struct manifest *m = &template->manifest;
	cleanup_buf struct buf table = {0};

	fds[MV_FD_KVM] = agent_kvm_open(AGENT_KVM_CPUINFO, err);
	fds[MV_FD_ROOT] =
		agent_images_open_file(&pool->agent->images, m->files[MANIFEST_ROOT].digest,
				       m->files[MANIFEST_ROOT].bytes, err);
	fds[MV_FD_MEMORY] = fcntl(template->memory_fd, F_DUPFD_CLOEXEC, 0);
	fds[MV_FD_STATE] = fcntl(template->state_fd, F_DUPFD_CLOEXEC, 0);
	int r = agent_table_deny_all(&pool->agent->policies, "shell", &table);

	fds[MV_FD_POLICY] = r < 0 ? r : fd_sealed("policy", table.data, table.len);
	for (int i = 0; i < MV_FD_SHELL_COUNT; i++)
		if (fds[i] < 0)
			return err->text[0]
				       ? err->code
				       : err_set(err, -EMFILE, "its descriptors cannot be made");
	return 0;
}

static int send_start(const struct agent_shell *shell, const struct agent_template *template,
		      struct err *err)
{
	cleanup_free struct mv_start *start = calloc(1, sizeof(*start));
	int fds[MV_FD_SHELL_COUNT];

	if (!start)
		return err_set(err, -ENOMEM, "out of memory");
	*start = (struct mv_start){.type = MV_MSG_START,
				   .version = MV_API_VERSION,
				   .kind = MV_KIND_SHELL,
				   .vcpus = template->cpus,
				   .memory_bytes = template->memory_bytes,
				   .boot_limit_ms = AGENT_SHELLS_LIMIT_MS};
	memcpy(start->key, template->key, sizeof(start->key));
	(void)snprintf(start->id, sizeof(start->id), "%s", shell->id);
	int r = open_fds(shell->pool, template, fds, err);

	if (r == 0)
		r = fd_send(shell->control, start, sizeof(*start), fds, MV_FD_SHELL_COUNT);
	for (int i = 0; i < MV_FD_SHELL_COUNT; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return r < 0 && !err->text[0] ? err_set(err, r, "it cannot be started: %s", strerror(-r))
				      : r;
}

int agent_shells_watch(struct agent_shell *shell, pid_t pid, struct err *err)
{
	struct agent_loop *loop = &shell->pool->agent->loop;
	int r = agent_child_watch(&shell->child, loop, pid, on_shell_exit, shell);

	if (r == 0 && fcntl(shell->control, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = agent_watch_start(&shell->watch, loop, shell->control, EPOLLIN, on_control,
				      shell);
	return r < 0 ? err_set(err, r, "it cannot be watched: %s", strerror(-r)) : 0;
}

/* With every supplementary group that a user could have: which of them a file may have is the shares' to say. */
static int start_process(struct agent_shell *shell, const struct agent_template *template,
			 struct err *err)
{
	const struct agent_process process = {.uid_slot = shell->uid_slot,
					      .group_count = AGENT_GROUPS_MAX,
					      .cgroup = shell->id,
					      .limits = {.memory_bytes = template->memory_bytes,
							 .cpus = template->cpus},
					      .oom_score = OOM_SCORE};
	pid_t pid = 0;
	int r = agent_process_start(shell->pool->agent, &process, &pid, &shell->control, err);

	if (r == 0)
		r = agent_shells_watch(shell, pid, err);
	return r == 0 ? send_start(shell, template, err) : r;
}

static void make(struct agent_shells *pool, const struct agent_template *template)
{
	struct agent *agent = pool->agent;
	struct agent_shell *shell = pool->list;
	struct err err = {0};

	while (shell->pool)
		shell++; /* the caller has counted: there is a place */
	*shell = (struct agent_shell){.pool = pool, .control = -1};
	memcpy(shell->key, template->key, sizeof(shell->key));
	int slot = find_uid_slot(pool);
	int r = slot < 0 ? err_set(&err, slot, "no uid is free") : 0;

	shell->uid_slot = (unsigned)slot;
	if (r == 0)
		r = agent_memory_admit(AGENT_MEMINFO, agent->cgroups.folder, &err);
	if (r == 0 && agent_vm_make_id(shell->id) < 0)
		r = err_set(&err, -EIO, "no random numbers for an id");
	if (r == 0)
		r = start_process(shell, template, &err);
	if (r < 0)
		fail(shell, err.text);
	else
		agent_timer_start(&pool->limit, &agent->loop, AGENT_SHELLS_LIMIT_MS, on_limit,
				  pool);
}

static size_t count_of(const struct agent_shells *pool, const struct agent_template *template)
{
	size_t n = 0;

	for (size_t i = 0; i < AGENT_SHELLS_MAX; i++)
		n += pool->list[i].pool &&
		     memcmp(pool->list[i].key, template->key, DIGEST_BYTES) == 0;
	return n;
}

size_t agent_shells_count(const struct agent_shells *pool, bool only_ready)
{
	size_t n = 0;

	for (size_t i = 0; i < AGENT_SHELLS_MAX; i++)
		n += pool->list[i].pool && (!only_ready || pool->list[i].is_ready);
	return n;
}

/* The ready template with the fewest, so that none takes the place of all others; NULL: the pool is full. */
static const struct agent_template *next_template(const struct agent_shells *pool)
{
	const struct agent_templates *templates = &pool->agent->templates;
	const struct agent_template *least = NULL;

	if (agent_shells_count(pool, false) >= pool->agent->options.shells)
		return NULL;
	for (size_t i = 0; i < templates->count; i++) {
		const struct agent_template *one = &templates->list[i];

		if (one->state == AGENT_TEMPLATE_READY &&
		    (!least || count_of(pool, one) < count_of(pool, least)))
			least = one;
	}
	return least;
}

static void on_timer(void *context)
{
	struct agent_shells *pool = context;
	const struct agent_template *template = next_template(pool);

	/* One at a time, and not beside what a user waits for; the end of either looks again. */
	if (!template || agent_shells_count(pool, false) > agent_shells_count(pool, true))
		return;
	if (agent_vms_is_any_starting(&pool->agent->vms) || pool->agent->templates.making)
		start_timer(pool, AGENT_SHELLS_DELAY_MS);
	else
		make(pool, template);
}

void agent_shells_refill(struct agent_shells *pool)
{
	if (!pool->agent)
		return;
	for (size_t i = 0; i < AGENT_SHELLS_MAX; i++) {
		struct agent_shell *shell = &pool->list[i];

		if (shell->pool && !agent_templates_is_ready(&pool->agent->templates, shell->key))
			remove_shell(shell);
	}
	if (pool->failures == 0)
		start_timer(pool, AGENT_SHELLS_DELAY_MS);
}

static bool is_alive(const struct agent_shell *shell)
{
	struct pollfd ends[] = {{.fd = shell->control},
				{.fd = shell->child.pidfd, .events = POLLIN}};

	return poll(ends, 2, 0) == 0;
}

bool agent_shells_take(struct agent_shells *pool, const struct agent_template *template,
		       struct agent_shell_taken *out)
{
	for (size_t i = 0; pool->agent && i < AGENT_SHELLS_MAX; i++) {
		struct agent_shell *shell = &pool->list[i];

		if (!shell->pool || !shell->is_ready ||
		    memcmp(shell->key, template->key, DIGEST_BYTES) != 0)
			continue;
		if (!is_alive(shell)) {
			fail(shell, "it died before it was used");
			continue;
		}
		agent_watch_stop(&shell->watch);
		*out = (struct agent_shell_taken){.uid_slot = shell->uid_slot,
						  .pid = agent_child_release(&shell->child),
						  .control = shell->control};
		memcpy(out->id, shell->id, sizeof(out->id));
		*shell = (struct agent_shell){0};
		start_timer(pool, AGENT_SHELLS_DELAY_MS);
		return true;
	}
	return false;
}

unsigned agent_shells_drop(struct agent_shells *pool)
{
	unsigned n = 0;

	for (size_t i = 0; i < AGENT_SHELLS_MAX; i++)
		if (pool->list[i].pool) {
			remove_shell(&pool->list[i]);
			n++;
		}
	if (n > 0)
		retry_later(pool);
	return n;
}

void agent_shells_start(struct agent_shells *pool, struct agent *agent)
{
	pool->agent = agent;
	agent_shells_refill(pool);
}

void agent_shells_stop(struct agent_shells *pool)
{
	if (!pool->agent)
		return;
	(void)agent_shells_drop(pool);
	agent_timer_stop(&pool->timer);
	agent_timer_stop(&pool->limit);
	pool->agent = NULL;
}
