#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "microvisor/virtio/device.h"
#include "microvisor/vm/log.h"
#include "microvisor/vm/machine.h"
#include "microvisor/vm/ports.h"
#include "microvisor/vm/shell.h"

/* The vCPU thread. Whatever the guest asks for is done or refused inside the exit that asked, before the
 * guest runs again: there is no queue of requests that a verdict could come too late for. */

/* Something of the machine itself happened that no policy has to allow. */
static void incident(struct mv_machine *m, enum mv_op op, const char *object)
{
	mv_arbiter_incident(m->arbiter, op, object, &m->exit);
}

/* The guest cannot go on. */
static void crash(struct mv_machine *m, const char *object)
{
	incident(m, MV_OP_EXEC, object);
	mv_log(MV_LOG_WARN, "guest: %s rip=0x%llx", object, (unsigned long long)m->exit.rip);
	mv_machine_end(m, MV_END_GUEST, m->exit.reason);
}

/* An access to something that does not exist. While it boots a kernel probes, and that is only counted. */
static void unknown(struct mv_machine *m, enum mv_class class, bool write, uint64_t address)
{
	char object[32];

	if (!atomic_load(&m->is_launched)) {
		m->early_unknown++;
		return;
	}
	int n = snprintf(object, sizeof(object), "0x%llx", (unsigned long long)address);
	struct mv_access access = {.class = (uint8_t) class,
				   .op = write ? MV_OP_OUT : MV_OP_IN,
				   .object_bytes = (uint16_t)n,
				   .object = object};

	/* Any verdict has the same effect, because there is nothing behind it; terminate is remembered. */
	(void)mv_arbiter_decide(m->arbiter, &access, &m->exit, MV_CASE_PLAIN);
}

static void on_io(struct mv_machine *m, struct kvm_run *run)
{
	uint8_t *bytes = (uint8_t *)run + run->io.data_offset;
	bool write = run->io.direction == KVM_EXIT_IO_OUT;

	/* `rep outs` and `rep ins` bring several accesses, at most a page of bytes. */
	for (uint32_t i = 0; i < run->io.count; i++, bytes += run->io.size) {
		enum mv_io r = write ? mv_ports_out(&m->serial, run->io.port, bytes, run->io.size)
				     : mv_ports_in(&m->serial, run->io.port, bytes, run->io.size);

		if (r == MV_IO_UNKNOWN)
			unknown(m, MV_CLASS_PORT, write, run->io.port);
		if (r == MV_IO_RESET) {
			crash(m, "reset");
			return;
		}
	}
}

static void on_mmio(struct mv_machine *m, struct kvm_run *run)
{
	uint64_t gpa = run->mmio.phys_addr;
	uint64_t offset = (gpa - MV_GPA_MMIO) % MV_DEVICE_WINDOW_BYTES;
	uint64_t slot = (gpa - MV_GPA_MMIO) / MV_DEVICE_WINDOW_BYTES;

	if (gpa >= MV_GPA_MMIO && slot < MV_SLOT_COUNT &&
	    offset + run->mmio.len <= MV_DEVICE_WINDOW_BYTES) {
		if (!run->mmio.is_write)
			mv_device_read(m->devices[slot], offset, run->mmio.data, run->mmio.len);
		else if (mv_device_write(m->devices[slot], offset, run->mmio.data, run->mmio.len))
			incident(m, MV_OP_WRITE, "bad-queue");
		return;
	}
	if (!run->mmio.is_write)
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
	/* The golden root cannot be written, but the guest would not notice: the instruction is over.
	 * So it is the policy that must stop it here. */
	if (gpa >= MV_GPA_ROOT && gpa - MV_GPA_ROOT < m->memory.root_bytes)
		incident(m, MV_OP_WRITE, "root-write");
	else
		unknown(m, MV_CLASS_MMIO, run->mmio.is_write, gpa);
}

/* An MSR that KVM does not know: the guest gets the #GP that a real CPU would give. */
static void on_msr(struct mv_machine *m, struct kvm_run *run, bool write)
{
	unknown(m, MV_CLASS_MSR, write, run->msr.index);
	run->msr.data = 0;
	run->msr.error = 1;
}

/* Exits that nothing comes after. */
static void on_end(struct mv_machine *m, uint32_t reason)
{
	static const char *const names[] = {
		[KVM_EXIT_SHUTDOWN] = "triple-fault",
		[KVM_EXIT_INTERNAL_ERROR] = "internal-error",
		[KVM_EXIT_FAIL_ENTRY] = "entry-failed",
		[KVM_EXIT_SYSTEM_EVENT] = "system-event",
		[KVM_EXIT_HLT] = "halt",
	};
	char object[32];

	if (reason < sizeof(names) / sizeof(names[0]) && names[reason])
		snprintf(object, sizeof(object), "%s", names[reason]);
	else
		snprintf(object, sizeof(object), "exit-%u", reason);
	crash(m, object);
}

static void serve(struct mv_machine *m)
{
	struct kvm_run *run = m->vcpu.run;

	m->exit = (struct mv_exit){.reason = run->exit_reason, .rip = mv_vcpu_rip(&m->vcpu)};
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		on_io(m, run);
		break;
	case KVM_EXIT_MMIO:
		on_mmio(m, run);
		break;
	case KVM_EXIT_X86_RDMSR:
		on_msr(m, run, false);
		break;
	case KVM_EXIT_X86_WRMSR:
		on_msr(m, run, true);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	default:
		on_end(m, run->exit_reason);
		break;
	}
}

/* The main loop asked. A shell takes what it was launched with. A guest that is still busy with itself goes on, and is looked at again. */
static void park(struct mv_machine *m)
{
	atomic_store(&m->is_parking, false);
	m->vcpu.run->immediate_exit = 0;
	if (m->kind == MV_KIND_SHELL) {
		mv_shell_bind(m);
		return;
	}
	int r = mv_machine_save(m);

	if (r == -EBUSY)
		return;
	if (r < 0) {
		errno = -r;
		mv_log(MV_LOG_ERROR, "template: cannot save it: %m");
	}
	mv_machine_end(m, r < 0 ? MV_END_ERROR : MV_END_PARKED, (uint32_t)-r);
}

void *mv_machine_vcpu(void *machine)
{
	struct mv_machine *m = machine;

	(void)prctl(PR_SET_NAME, "vcpu", 0, 0, 0);
	int filtered = mv_seccomp_enter(m->kind == MV_KIND_TEMPLATE ? MV_SECCOMP_TEMPLATE
								    : MV_SECCOMP_VCPU);

	if (filtered < 0)
		mv_machine_end(m, MV_END_ERROR, (uint32_t)-filtered);
	/* No guest before the main thread is jailed too: it holds the lock until then. */
	pthread_mutex_lock(&m->lock);
	pthread_mutex_unlock(&m->lock);
	while (!atomic_load(&m->is_stopping)) {
		int r = mv_vcpu_enter(&m->vcpu);

		/* Out of the guest by the kick, with its last exit completed. */
		if (r == -EINTR && atomic_load(&m->is_parking))
			park(m);
		if (r == -EINTR || r == -EAGAIN)
			continue;
		if (r < 0) {
			errno = -r;
			mv_log(MV_LOG_ERROR, "vcpu: cannot enter the guest: %m");
			mv_machine_end(m, MV_END_ERROR, (uint32_t)-r);
			break;
		}
		serve(m);
		if (mv_arbiter_is_terminated(m->arbiter))
			mv_machine_end(m, MV_END_POLICY, 0);
	}
	return NULL;
}
