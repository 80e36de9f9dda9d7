#include "microvisor/vm/kvm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "microvisor/layout.h"
#include "microvisor/vm/log.h"

/* What must be there, with the name that is logged when it is not. */
static const struct {
	unsigned long cap;
	const char *name;
} NEEDED[] = {
	{KVM_CAP_IRQCHIP, "in-kernel interrupt chip"},
	{KVM_CAP_USER_MEMORY, "user memory"},
	{KVM_CAP_READONLY_MEM, "read-only memory slots"},
	{KVM_CAP_SET_TSS_ADDR, "task state address"},
	{KVM_CAP_EXT_CPUID, "extended CPUID"},
	{KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
	{KVM_CAP_SYNC_REGS, "registers at each exit"},
	{KVM_CAP_TSC_DEADLINE_TIMER, "TSC deadline timer"},
	{KVM_CAP_X86_USER_SPACE_MSR, "MSR exits"},
};

static int check(int fd)
{
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version != KVM_API_VERSION) {
		mv_log(MV_LOG_ERROR, "kvm: API version %d, need %d", version, KVM_API_VERSION);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < sizeof(NEEDED) / sizeof(NEEDED[0]); i++) {
		if (ioctl(fd, KVM_CHECK_EXTENSION, NEEDED[i].cap) > 0)
			continue;
		mv_log(MV_LOG_ERROR, "kvm: missing: %s", NEEDED[i].name);
		return -ENOTSUP;
	}
	return 0;
}

/* An unknown or invalid MSR is an exit, for the policy to see, not a #GP inside the kernel. */
static int ask_for_msr_exits(int vm_fd)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_USER_SPACE_MSR,
				     .args = {KVM_MSR_EXIT_REASON_UNKNOWN |
					      KVM_MSR_EXIT_REASON_INVAL |
					      KVM_MSR_EXIT_REASON_FILTER}};

	return ioctl(vm_fd, KVM_ENABLE_CAP, &cap);
}

/* No performance counters: a guest measures its neighbours with them. A kernel
 * that cannot hide them gives guests none, or is too old to ask. */
static int drop_pmu(const struct mv_kvm *kvm)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_PMU_CAPABILITY, .args = {KVM_PMU_CAP_DISABLE}};

	if (!(ioctl(kvm->fd, KVM_CHECK_EXTENSION, KVM_CAP_PMU_CAPABILITY) & KVM_PMU_CAP_DISABLE))
		return 0;
	return ioctl(kvm->vm_fd, KVM_ENABLE_CAP, &cap);
}

int mv_kvm_open(struct mv_kvm *kvm, int kvm_fd)
{
	*kvm = (struct mv_kvm){.fd = kvm_fd, .vm_fd = -1};
	int r = check(kvm_fd);

	if (r < 0)
		return r;
	kvm->vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (kvm->vm_fd < 0)
		goto fail;
	if (ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, MV_GPA_TSS) < 0)
		goto fail;
	if (drop_pmu(kvm) < 0 || ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0 ||
	    ask_for_msr_exits(kvm->vm_fd) < 0)
		goto fail;
	return 0;
fail:
	r = -errno;
	mv_log(MV_LOG_ERROR, "kvm: cannot make a virtual machine: %m");
	mv_kvm_close(kvm);
	return r;
}

void mv_kvm_close(struct mv_kvm *kvm)
{
	if (kvm->vm_fd >= 0)
		close(kvm->vm_fd);
	kvm->vm_fd = -1;
}

int mv_kvm_add_slot(struct mv_kvm *kvm, unsigned slot, uint64_t gpa, uint64_t bytes, void *hva,
		    bool writable)
{
	struct kvm_userspace_memory_region region = {.slot = slot,
						     .flags = writable ? 0 : KVM_MEM_READONLY,
						     .guest_phys_addr = gpa,
						     .memory_size = bytes,
						     .userspace_addr = (uintptr_t)hva};

	return ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

void mv_kvm_raise(struct mv_kvm *kvm, unsigned gsi)
{
	struct kvm_irq_level line = {.irq = gsi, .level = 1};

	/* Cannot fail for a line of a chip that exists; there is nobody to tell if it does. */
	(void)ioctl(kvm->vm_fd, KVM_IRQ_LINE, &line);
	line.level = 0;
	(void)ioctl(kvm->vm_fd, KVM_IRQ_LINE, &line);
}
