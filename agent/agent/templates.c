#include "agent/agent/templates.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent/agent.h"
#include "agent/agent/host.h"
#include "agent/agent/process.h"
#include "agent/agent/table.h"
#include "agent/boot.h"
#include "agent/words.h"
#include "common/fd.h"
#include "common/log.h"

/* Init looks for this word: it runs a program before it parks, so that clones find it warm. */
#define TEMPLATE_WORD " ampoule_template=1"

enum {
	MAKER_NICE = 5,             /* tasks come first */
	MAKER_SLOT = AGENT_VMS_MAX, /* its uid is behind every micro-VM's */
	DELAYS_MAX = 10, /* one start after another must not keep every one of them cold */
	MESSAGES_MAX = 256
};

static void on_timer(void *context);

static int make_key(const struct agent_templates *t, const struct manifest *m,
		    uint64_t memory_bytes, uint32_t cpus, uint8_t ret_key[DIGEST_BYTES])
{
	struct {
		uint8_t host[DIGEST_BYTES];
		uint8_t files[3][DIGEST_BYTES];
		uint64_t memory_bytes;
		uint64_t cpus;
		char cmdline[MANIFEST_CMDLINE_MAX];
	} all = {.memory_bytes = memory_bytes, .cpus = cpus};
	static const enum manifest_file files[] = {MANIFEST_KERNEL, MANIFEST_INITRAMFS,
						   MANIFEST_ROOT};

	memcpy(all.host, t->host, sizeof(all.host));
	for (size_t i = 0; i < 3; i++)
		memcpy(all.files[i], m->files[files[i]].digest, DIGEST_BYTES);
	(void)snprintf(all.cmdline, sizeof(all.cmdline), "%s", m->cmdline);
	return digest_bytes(&all, sizeof(all), ret_key);
}

static struct agent_template *with_key(struct agent_templates *t, const uint8_t key[DIGEST_BYTES])
{
	for (size_t i = 0; i < t->count; i++)
		if (memcmp(t->list[i].key, key, DIGEST_BYTES) == 0)
			return &t->list[i];
	return NULL;
}

static void close_files(struct agent_template *one)
{
	if (one->memory_fd >= 0)
		close(one->memory_fd);
	if (one->state_fd >= 0)
		close(one->state_fd);
	one->memory_fd = one->state_fd = -1;
}

static void end_maker(struct agent_templates *t)
{
	agent_watch_stop(&t->watch);
	agent_child_kill(&t->child);
	if (t->control >= 0)
		close(t->control);
	t->control = -1;
	t->making = NULL;
}

/* Nothing of it stays; the next try comes later than the last one did. */
static void fail(struct agent_templates *t, struct agent_template *one, const char *why)
{
	uint64_t wait_ms = AGENT_TEMPLATE_RETRY_MS;

	if (t->making == one)
		end_maker(t);
	close_files(one);
	one->state = AGENT_TEMPLATE_FAILED;
	agent_shells_refill(&t->agent->shells);
	for (unsigned i = 0; i < one->failures && wait_ms < AGENT_TEMPLATE_RETRY_MAX_MS; i++)
		wait_ms *= 2;
	if (wait_ms > AGENT_TEMPLATE_RETRY_MAX_MS)
		wait_ms = AGENT_TEMPLATE_RETRY_MAX_MS;
	one->failures++;
	one->retry_ms = agent_now_ms() + wait_ms;
	(void)snprintf(one->text, sizeof(one->text), "%s", why);
	log_warn("template: failed image=%s memory_mib=%" PRIu64 " next_try_ms=%" PRIu64 ": %s",
		 one->manifest.name, one->memory_bytes >> 20, wait_ms, why);
	agent_timer_start(&t->timer, &t->agent->loop, AGENT_TEMPLATE_DELAY_MS, on_timer, t);
}

static void finish(struct agent_templates *t)
{
	struct agent_template *one = t->making;
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	/* The maker is dead, so that no mapping of it is left that could still be written through. */
	if (fcntl(one->memory_fd, F_ADD_SEALS, seals) < 0 ||
	    fcntl(one->state_fd, F_ADD_SEALS, seals) < 0) {
		fail(t, one, "it cannot be sealed");
		return;
	}
	end_maker(t);
	one->state = AGENT_TEMPLATE_READY;
	one->failures = 0;
	one->text[0] = '\0';
	agent_shells_refill(&t->agent->shells);
	log_info("template: ready image=%s version=%" PRIu64 " memory_mib=%" PRIu64,
		 one->manifest.name, one->manifest.version, one->memory_bytes >> 20);
	agent_timer_start(&t->timer, &t->agent->loop, 0, on_timer, t);
}

/* One message of the maker. False when there is none, or it does not keep to the protocol. */
static bool take_message(struct agent_templates *t)
{
	union {
		uint32_t type;
		struct mv_msg msg;
		struct mv_event event;
	} in;
	ssize_t n = fd_recv(t->control, &in, sizeof(in), NULL, NULL);

	if (n == sizeof(in.event) && in.type == MV_MSG_EVENT)
		return true; /* a guest that has no task yet: nobody's access */
	if (n != sizeof(in.msg))
		return false;
	if (in.type == MV_MSG_EXIT) {
		t->end = in.msg.value;
		t->detail = in.msg.detail;
	}
	return in.type == MV_MSG_EXIT || in.type == MV_MSG_STATE;
}

static void on_control(void *context, uint32_t events)
{
	struct agent_templates *t = context;

	(void)events;
	/* Its end is told by its process; one that says what makes no sense is made to end. */
	if (!take_message(t)) {
		agent_watch_stop(&t->watch);
		if (t->end == 0)
			fail(t, t->making, "its micro-VM broke the protocol or went away");
	}
}

static void on_maker_exit(void *context, int status)
{
	struct agent_templates *t = context;
	char why[128];

	(void)status;
	for (int i = 0; t->end == 0 && i < MESSAGES_MAX && take_message(t); i++)
		;
	if (t->end == MV_END_PARKED) {
		finish(t);
		return;
	}
	(void)snprintf(why, sizeof(why), "%s (%u)", agent_end_text(t->end), t->detail);
	fail(t, t->making, why);
}

/* Two empty memfds. */
static int make_files(struct agent_template *one, struct err *err)
{
	one->memory_fd = memfd_create("template-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	one->state_fd = memfd_create("template-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (one->memory_fd < 0 || one->state_fd < 0)
		return err_set(err, -errno, "cannot make its files: %m");
	return 0;
}

static int open_file(const struct agent_templates *t, const struct agent_template *one,
		     enum manifest_file file, struct err *err)
{
	return agent_images_open_file(&t->agent->images, one->manifest.files[file].digest,
				      one->manifest.files[file].bytes, err);
}

/* Kernel and initramfs into its memory. */
static int lay_out(const struct agent_templates *t, const struct agent_template *one,
		   struct err *err)
{
	char cmdline[MANIFEST_CMDLINE_MAX + sizeof(TEMPLATE_WORD)];
	cleanup_fd int kernel = open_file(t, one, MANIFEST_KERNEL, err);
	cleanup_fd int initrd = kernel < 0 ? -1 : open_file(t, one, MANIFEST_INITRAMFS, err);

	if (initrd < 0)
		return -EIO;
	(void)snprintf(cmdline, sizeof(cmdline), "%s" TEMPLATE_WORD, one->manifest.cmdline);
	return agent_boot_fill(one->memory_fd, one->memory_bytes, kernel, initrd, cmdline, err);
}

/* The descriptors of a template's start, in the order of enum mv_fd; memory and state are not ours to close. */
static int open_start_fds(const struct agent_templates *t, const struct agent_template *one,
			  int fds[MV_FD_TEMPLATE_COUNT], struct err *err)
{
	cleanup_buf struct buf table = {0};
	int r = lay_out(t, one, err);

	if (r < 0)
		return r;
	fds[MV_FD_KVM] = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fds[MV_FD_KVM] < 0)
		return err_set(err, -errno, "/dev/kvm cannot be used: %m");
	fds[MV_FD_ROOT] = open_file(t, one, MANIFEST_ROOT, err);
	if (fds[MV_FD_ROOT] < 0)
		return fds[MV_FD_ROOT];
	r = agent_table_deny_all(&t->agent->policies, "template", &table);

	fds[MV_FD_POLICY] = r < 0 ? r : fd_sealed("policy", table.data, table.len);
	if (fds[MV_FD_POLICY] < 0)
		return err_set(err, fds[MV_FD_POLICY], "cannot seal the policy");
	return 0;
}

static int send_start(struct agent_templates *t, const struct agent_template *one, struct err *err)
{
	cleanup_free struct mv_start *start = calloc(1, sizeof(*start));
	int fds[MV_FD_TEMPLATE_COUNT];

	if (!start)
		return err_set(err, -ENOMEM, "out of memory");
	memset(fds, 0xff, sizeof(fds)); /* all -1 */
	*start = (struct mv_start){.type = MV_MSG_START,
				   .version = MV_API_VERSION,
				   .kind = MV_KIND_TEMPLATE,
				   .vcpus = one->cpus,
				   .memory_bytes = one->memory_bytes,
				   .boot_limit_ms = AGENT_TEMPLATE_LIMIT_MS,
				   .id = "template"};
	_Static_assert(sizeof(start->key) == sizeof(one->key), "one key");
	memcpy(start->key, one->key, sizeof(start->key));
	int r = open_start_fds(t, one, fds, err);

	fds[MV_FD_MEMORY] = one->memory_fd;
	fds[MV_FD_STATE] = one->state_fd;
	if (r == 0)
		r = fd_send(t->control, start, sizeof(*start), fds, MV_FD_TEMPLATE_COUNT);
	if (r < 0 && !err->text[0])
		err_set(err, r, "cannot start its micro-VM: %s", strerror(-r));
	fds[MV_FD_MEMORY] = fds[MV_FD_STATE] = -1;
	for (int i = 0; i < MV_FD_TEMPLATE_COUNT; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return r;
}

static int start_process(struct agent_templates *t, struct err *err)
{
	const struct agent_process process = {.uid_slot = MAKER_SLOT};
	pid_t pid = 0;
	int r = agent_process_start(t->agent, &process, &pid, &t->control, err);

	if (r < 0)
		return r;
	(void)setpriority(PRIO_PROCESS, (id_t)pid,
			  MAKER_NICE); /* slower tasks otherwise, no more */
	r = agent_child_watch(&t->child, &t->agent->loop, pid, on_maker_exit, t);
	if (r == 0 && fcntl(t->control, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = agent_watch_start(&t->watch, &t->agent->loop, t->control, EPOLLIN, on_control,
				      t);
	return r < 0 ? err_set(err, r, "cannot watch its micro-VM: %s", strerror(-r)) : 0;
}

static void make(struct agent_templates *t, struct agent_template *one)
{
	struct err err = {0};

	t->making = one;
	t->end = t->detail = 0;
	one->state = AGENT_TEMPLATE_MAKING;
	int r = make_files(one, &err);

	if (r == 0)
		r = start_process(t, &err);
	if (r == 0)
		r = send_start(t, one, &err);
	if (r < 0)
		fail(t, one, err.text);
	else
		log_info("template: making image=%s version=%" PRIu64 " memory_mib=%" PRIu64
			 " pid=%d",
			 one->manifest.name, one->manifest.version, one->memory_bytes >> 20,
			 t->child.pid);
}

/* The next that is due, or NULL; *ret_wait_ms then says when to look again, 0 for never. */
static struct agent_template *next_due(struct agent_templates *t, uint64_t *ret_wait_ms)
{
	uint64_t now = agent_now_ms();

	*ret_wait_ms = 0;
	for (size_t i = 0; i < t->count; i++) {
		struct agent_template *one = &t->list[i];

		if (one->state == AGENT_TEMPLATE_WAITING ||
		    (one->state == AGENT_TEMPLATE_FAILED && one->retry_ms <= now))
			return one;
		if (one->state == AGENT_TEMPLATE_FAILED &&
		    (*ret_wait_ms == 0 || one->retry_ms - now < *ret_wait_ms))
			*ret_wait_ms = one->retry_ms - now;
	}
	return NULL;
}

static void on_timer(void *context)
{
	struct agent_templates *t = context;
	uint64_t wait_ms;

	agent_timer_stop(&t->timer);
	if (t->making)
		return; /* its end looks again */
	struct agent_template *one = next_due(t, &wait_ms);

	if (one && agent_vms_is_any_starting(&t->agent->vms) && t->delays < DELAYS_MAX) {
		t->delays++;
		wait_ms = AGENT_TEMPLATE_DELAY_MS;
	} else if (one) {
		t->delays = 0;
		make(t, one);
	}
	if (wait_ms > 0)
		agent_timer_start(&t->timer, &t->agent->loop, wait_ms, on_timer, t);
}

static void want(struct agent_templates *t, const struct policy_task *task)
{
	struct manifest m;
	uint8_t key[DIGEST_BYTES];

	if (agent_images_load(&t->agent->images, &t->agent->identity, task->image, false, &m,
			      NULL) < 0 ||
	    make_key(t, &m, task->memory_bytes, task->cpus, key) < 0)
		return; /* not here yet: its arrival looks again */
	struct agent_template *one = with_key(t, key);

	if (!one && t->count == AGENT_TEMPLATES_MAX) {
		log_warn("template: more than %d are not kept, tasks of image=%s boot",
			 AGENT_TEMPLATES_MAX, task->image);
		return;
	}
	if (!one) {
		one = &t->list[t->count++];
		*one = (struct agent_template){.manifest = m,
					       .memory_bytes = task->memory_bytes,
					       .cpus = task->cpus,
					       .memory_fd = -1,
					       .state_fd = -1};
		memcpy(one->key, key, sizeof(one->key));
	}
	one->is_wanted = true;
}

static void drop_unwanted(struct agent_templates *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct agent_template *one = &t->list[i];

		if (!one->is_wanted) {
			if (t->making == one)
				end_maker(t);
			close_files(one);
			continue;
		}
		if (t->making == one)
			t->making = &t->list[kept];
		if (kept != i)
			t->list[kept] = *one;
		kept++;
	}
	t->count = kept;
}

void agent_templates_restart(struct agent_templates *t)
{
	const struct policy *policy = t->agent ? t->agent->policies.policy : NULL;
	struct policy_task task;

	if (!t->agent)
		return;
	for (size_t i = 0; i < t->count; i++)
		t->list[i].is_wanted = false;
	for (size_t i = 0; policy && i < policy_task_count(policy); i++) {
		policy_task_at(policy, i, &task);
		want(t, &task);
	}
	drop_unwanted(t);
	agent_shells_refill(&t->agent->shells);
	agent_timer_start(&t->timer, &t->agent->loop, AGENT_TEMPLATE_DELAY_MS, on_timer, t);
}

void agent_templates_start(struct agent_templates *t, struct agent *agent)
{
	struct err err = {0};

	t->control = -1;
	if (agent_host_digest(agent->options.bin_dir, t->host, &err) < 0) {
		log_warn("template: none will be made: %s", err.text);
		return;
	}
	t->agent = agent;
	agent_templates_restart(t);
}

void agent_templates_stop(struct agent_templates *t)
{
	if (!t->agent)
		return;
	agent_timer_stop(&t->timer);
	end_maker(t);
	for (size_t i = 0; i < t->count; i++)
		close_files(&t->list[i]);
	t->count = 0;
}

const struct agent_template *agent_templates_find(struct agent_templates *t,
						  const struct manifest *manifest,
						  uint64_t memory_bytes, uint32_t cpus)
{
	uint8_t key[DIGEST_BYTES];

	if (!t->agent || make_key(t, manifest, memory_bytes, cpus, key) < 0)
		return NULL;
	const struct agent_template *one = with_key(t, key);

	return one && one->state == AGENT_TEMPLATE_READY ? one : NULL;
}

bool agent_templates_is_ready(struct agent_templates *t, const uint8_t key[DIGEST_BYTES])
{
	const struct agent_template *one = with_key(t, key);

	return one && one->state == AGENT_TEMPLATE_READY;
}

void agent_templates_distrust(struct agent_templates *t, const uint8_t key[DIGEST_BYTES])
{
	struct agent_template *one = t->agent ? with_key(t, key) : NULL;

	if (one && one->state == AGENT_TEMPLATE_READY)
		fail(t, one, "a clone of it did not come up");
}
