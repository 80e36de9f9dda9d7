#include "microvisor/vm/machine.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "microvisor/guest.h"
#include "microvisor/jail/jail.h"
#include "microvisor/vm/clock.h"
#include "microvisor/vm/control.h"
#include "microvisor/vm/log.h"

static int fail(const char *what, int r)
{
	errno = -r;
	mv_log(MV_LOG_ERROR, "machine: %s: %m", what);
	return r;
}

void mv_machine_end(struct mv_machine *m, enum mv_end why, uint32_t detail)
{
	pthread_mutex_lock(&m->lock);
	if (!m->has_ended) {
		m->has_ended = true;
		m->why = why;
		m->detail = detail;
	}
	pthread_mutex_unlock(&m->lock);
	atomic_store(&m->is_stopping, true);
	(void)eventfd_write(m->end_event, 1); /* fails only when it is signalled already */
}

static void send_event(void *machine, const struct mv_event *event)
{
	struct mv_machine *m = machine;

	if (mv_control_send(m->control, event, sizeof(*event)) < 0)
		mv_machine_end(m, MV_END_STOPPED, 0);
}

static uint64_t wall_clock(void *machine)
{
	(void)machine;
	return mv_clock_ns(CLOCK_REALTIME);
}

static uint64_t monotonic_clock(void *machine)
{
	(void)machine;
	return mv_clock_ns(CLOCK_MONOTONIC);
}

static void log_line(void *machine, const char *text)
{
	(void)machine;
	mv_log(MV_LOG_INFO, "guest: %s", text);
}

static void raise_serial(void *machine)
{
	mv_kvm_raise(&((struct mv_machine *)machine)->kvm, MV_GSI_SERIAL);
}

static void raise_device(void *machine, unsigned gsi)
{
	mv_kvm_raise(&((struct mv_machine *)machine)->kvm, gsi);
}

/* The guest sets its clock by the launch message, which may be older than its boot. */
static void stamp_launch(struct mv_machine *m)
{
	uint64_t now = wall_clock(m);

	if (m->launch)
		memcpy((uint8_t *)m->launch + offsetof(struct mv_launch_header, wall_clock_ns),
		       &now, sizeof(now));
}

static void on_state(void *machine, enum mv_state state)
{
	struct mv_machine *m = machine;
	struct mv_msg msg = {.type = MV_MSG_STATE, .value = state};

	if (state == MV_STATE_READY) {
		mv_log(MV_LOG_INFO, "machine: ready dax=%d", mv_task_is_dax(m->task));
		m->is_ready = true;
		stamp_launch(m);
	}
	if (state == MV_STATE_RUNNING) {
		m->boot_limit_ms = 0; /* met: the loop looks at it no more */
		atomic_store(&m->is_launched, true);
	}
	if (mv_control_send(m->control, &msg, sizeof(msg)) < 0)
		mv_machine_end(m, MV_END_STOPPED, 0);
}

static void on_end(void *machine, enum mv_end why, uint32_t detail)
{
	mv_machine_end(machine, why, detail);
}

static void on_stdio_thread(void *machine)
{
	struct mv_machine *m = machine;
	int r = mv_seccomp_enter(MV_SECCOMP_STDIO);

	if (r < 0)
		mv_machine_end(m, MV_END_ERROR, (uint32_t)-r);
}

static const struct mv_task_ops task_ops = {
	.state = on_state, .end = on_end, .stdio_thread = on_stdio_thread};

static bool is_clone(const struct mv_machine *m)
{
	return m->kind == MV_KIND_CLONE || m->kind == MV_KIND_SHELL;
}

/* Virtual machine, memory and vCPU. A clone gets its state when its devices are there. */
static int make_computer(struct mv_machine *m, const struct mv_start *start, const int *fds)
{
	const struct mv_ram ram = {.bytes = start->memory_bytes,
				   .fd = fds[MV_FD_MEMORY],
				   .is_shared = m->kind == MV_KIND_TEMPLATE};
	int r = mv_kvm_open(&m->kvm, fds[MV_FD_KVM]);

	if (r == 0)
		r = mv_memory_open(&m->memory, &m->kvm, &ram, fds[MV_FD_ROOT]);
	if (r == 0)
		r = mv_vcpu_open(&m->vcpu, &m->kvm);
	return r < 0 || is_clone(m) ? r : mv_vcpu_set_up(&m->vcpu, &m->kvm, MV_GPA_START);
}

int mv_machine_replace_policy(struct mv_machine *m, int fd, uint64_t *ret_serial)
{
	void *table = NULL;
	size_t n = 0;
	int r = mv_control_read_file(fd, MV_TABLE_BYTES_MAX, &table, &n);

	if (r == 0)
		r = mv_arbiter_replace(m->arbiter, table, n, ret_serial);
	free(table);
	return r;
}

static int make_arbiter(struct mv_machine *m, int policy_fd)
{
	void *table;
	size_t n;
	int r = mv_control_read_file(policy_fd, MV_TABLE_BYTES_MAX, &table, &n);

	if (r < 0)
		return fail("cannot read the policy", r);
	m->audit = mv_audit_new(send_event, wall_clock, m);
	r = m->audit ? mv_arbiter_new(table, n, m->audit, &m->arbiter) : -ENOMEM;
	free(table);
	if (r < 0)
		return fail("cannot use the policy", r);
	mv_audit_wake_by(m->audit, m->audit_event);
	return 0;
}

int mv_machine_add_shares(struct mv_machine *m, const struct mv_start *start, int *fds)
{
	int store = start->store_bytes_max > 0 ? fds[start->share_count] : -1;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < start->share_count; i++) {
		const struct mv_share *share = &start->shares[i];
		int fd = fds[i];

		fds[i] = -1;
		r = mv_view_add(m->view, share->kind, share->path, share->path_bytes, fd);
	}
	if (r < 0 || store < 0)
		return r;
	fds[start->share_count] = -1;
	return mv_view_set_store(m->view, store, start->store_bytes_max, start->whole_bytes_max);
}

static int make_devices(struct mv_machine *m)
{
	const struct mv_mem *mem = &m->memory.mem;

	m->vsock = mv_vsock_new(mem);
	m->devices[MV_SLOT_PMEM] = mv_pmem_new(mem, MV_GPA_ROOT, m->memory.root_bytes);
	m->devices[MV_SLOT_RNG] = mv_rng_new(mem);
	m->devices[MV_SLOT_VSOCK] = mv_vsock_device(m->vsock);
	m->devices[MV_SLOT_FS] = mv_fs_new(mem, m->view, &m->exit);
	for (unsigned i = 0; i < MV_SLOT_COUNT; i++) {
		if (!m->devices[i])
			return -ENOMEM;
		m->devices[i]->raise = raise_device;
		m->devices[i]->machine = m;
		m->devices[i]->gsi = MV_GSI_FIRST + i;
	}
	return 0;
}

/* The launch message goes to the guest as it is; only the task's uid matters to us. */
int mv_machine_read_launch(struct mv_machine *m, int fd, size_t *ret_n, uint32_t *ret_uid)
{
	struct mv_launch_header header;
	int r = mv_control_read_file(fd, MV_FRAME_BYTES_MAX, &m->launch, ret_n);

	if (r < 0)
		return r;
	if (*ret_n < sizeof(header))
		return -EBADMSG;
	memcpy(&header, m->launch, sizeof(header));
	if (header.magic != MV_LAUNCH_MAGIC || header.total_bytes != *ret_n || header.argc == 0)
		return -EBADMSG;
	*ret_uid = header.uid;
	return 0;
}

/* From the start on. */
static bool has_task(const struct mv_machine *m)
{
	return m->kind == MV_KIND_COLD || m->kind == MV_KIND_CLONE;
}

static int make_task(struct mv_machine *m, int *fds, size_t launch_n)
{
	struct mv_task_config config = {
		.vsock = m->vsock,
		.launch = m->launch,
		.launch_bytes = launch_n,
		.fds = {-1, -1, -1},
		.arbiter = m->arbiter,
		.exit = &m->exit,
		.ops = &task_ops,
		.machine = m,
	};

	for (unsigned i = 0; has_task(m) && i < 3; i++) {
		config.fds[i] = fds[MV_FD_STDIN + i];
		fds[MV_FD_STDIN + i] = -1;
	}
	m->task = mv_task_new(&config);
	return m->task ? 0 : -ENOMEM;
}

static int make(struct mv_machine *m, const struct mv_start *start, int *fds)
{
	size_t launch_n = 0;
	uint32_t uid = 0;

	m->end_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->audit_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->end_event < 0 || m->audit_event < 0)
		return fail("cannot make an eventfd", -errno);
	int r = make_arbiter(m, fds[MV_FD_POLICY]);

	if (r == 0)
		r = make_computer(m, start, fds);
	if (r < 0)
		return r; /* logged there */
	if (has_task(m))
		r = mv_machine_read_launch(m, fds[MV_FD_LAUNCH], &launch_n, &uid);
	if (r < 0)
		return fail("bad launch message", r);
	m->view = mv_view_new(m->arbiter, uid);
	r = m->view ? mv_machine_add_shares(m, start, fds + MV_FD_FIXED) : -ENOMEM;
	if (r < 0)
		return fail("cannot make the view", r);
	r = make_devices(m);
	if (r == 0)
		r = make_task(m, fds, launch_n);
	if (r < 0)
		return fail("cannot make the devices", r);
	if (m->kind == MV_KIND_TEMPLATE) {
		m->state_fd = fds[MV_FD_STATE];
		fds[MV_FD_STATE] = -1;
		fds[MV_FD_KVM] = -1; /* saving asks it once more; open till the process ends */
	}
	return is_clone(m) ? mv_machine_restore(m, fds[MV_FD_STATE]) : 0;
}

int mv_machine_new(const struct mv_start *start, const int *start_fds, int control,
		   struct mv_machine **ret_machine)
{
	struct mv_machine *m = calloc(1, sizeof(*m));
	int fds[MV_START_FDS_MAX];
	unsigned n = mv_start_fds(start);
	int r = -ENOMEM;

	memcpy(fds, start_fds, n * sizeof(fds[0]));
	if (m) {
		*m = (struct mv_machine){.control = control,
					 .kind = start->kind,
					 .boot_limit_ms = start->boot_limit_ms,
					 .lifetime_ms = start->lifetime_ms,
					 .state_fd = -1,
					 .kvm.vm_fd = -1,
					 .vcpu.fd = -1,
					 .end_event = -1,
					 .audit_event = -1,
					 .serial = {.line = log_line,
						    .raise = raise_serial,
						    .now_ns = monotonic_clock,
						    .context = m}};
		memcpy(m->key, start->key, sizeof(m->key));
		pthread_mutex_init(&m->lock, NULL);
		mv_serial_init(&m->serial);
		r = make(m, start, fds);
	}
	/* What was loaded is in memory, what was handed on is -1: the rest is not needed any more. */
	for (unsigned i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (r < 0) {
		mv_machine_free(m);
		return r;
	}
	*ret_machine = m;
	return 0;
}

void mv_machine_free(struct mv_machine *m)
{
	if (!m)
		return;
	mv_vcpu_close(&m->vcpu);
	mv_kvm_close(&m->kvm);
	mv_task_free(m->task);
	for (unsigned i = 0; i < MV_SLOT_COUNT; i++)
		mv_device_free(m->devices[i]);
	mv_view_free(m->view);
	mv_arbiter_free(m->arbiter);
	mv_audit_free(m->audit);
	mv_memory_close(&m->memory);
	free(m->launch);
	if (m->state_fd >= 0)
		close(m->state_fd);
	if (m->end_event >= 0)
		close(m->end_event);
	if (m->audit_event >= 0)
		close(m->audit_event);
	pthread_mutex_destroy(&m->lock);
	free(m);
}
