#include "microvisor/vm/state.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "microvisor/vm/log.h"

/* The order is not free. Saving: KVM_GET_MP_STATE first, it may still deliver an INIT or SIPI; events
 * last. Restoring: CPUID before the MSRs that depend on it; SREGS before the APIC, whose base they
 * hold; the APIC before the TSC deadline, whose mode it holds; REGS before the events, which they
 * clear; the clock's mark that we were away at the very end, because it is not in the guest's memory
 * as it was saved. */

enum {
	MSR_TSC = 0x10,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_MC_FIRST = 0x400, /* machine check banks: many, and all zero */
	MSR_MC_LAST = 0x47f,
	LIST_MAX = 1024
};

/* MSRs of the guest's, by their names in Linux's msr-index.h and kvm_para.h. */
static const struct {
	uint32_t first, last;
} KEPT[] = {
	{0x10, 0x12},             /* TSC; kvm-clock's old numbers */
	{0x1b, 0x1b},             /* APICBASE */
	{0x3b, 0x3b},             /* TSC_ADJUST */
	{0x48, 0x49},             /* SPEC_CTRL, PRED_CMD */
	{0xce, 0xce},             /* PLATFORM_INFO */
	{0x122, 0x122},           /* TSX_CTRL */
	{0x140, 0x140},           /* MISC_FEATURES_ENABLES */
	{0x174, 0x176},           /* SYSENTER_* */
	{0x179, 0x17a},           /* MCG_CAP, MCG_STATUS */
	{0x1a0, 0x1a0},           /* MISC_ENABLE */
	{0x1fc, 0x1fc},           /* POWER_CTL */
	{0x200, 0x2ff},           /* MTRRs, PAT */
	{0x400, 0x47f},           /* machine check banks */
	{0xda0, 0xda0},           /* XSS */
	{0x4b564d00, 0x4b564dff}, /* KVM's own */
	{0xc0000080, 0xc0000084}, /* EFER, STAR, LSTAR, CSTAR, SYSCALL_MASK */
	{0xc0000100, 0xc0000103}, /* FS, GS, KERNEL_GS_BASE, TSC_AUX */
	{0xc0010015, 0xc0010015}, /* AMD: HWCR */
	{0xc0011029, 0xc0011029}, /* AMD: DE_CFG */
	{0xc001011f, 0xc001011f}, /* AMD: VIRT_SPEC_CTRL */
};

#define PART(ioctl_name, field)                                          \
	{                                                                \
		KVM_GET_##ioctl_name, KVM_SET_##ioctl_name, #ioctl_name, \
			offsetof(struct mv_cpu_state, field)             \
	}
static const struct part {
	unsigned long get, set;
	const char *name;
	size_t offset;
} PARTS[] = {PART(MP_STATE, mp), PART(REGS, regs),       PART(SREGS, sregs), PART(XSAVE, xsave),
	     PART(XCRS, xcrs),   PART(DEBUGREGS, debug), PART(LAPIC, apic)};

_Static_assert(offsetof(struct mv_state_msrs, entries) == offsetof(struct kvm_msrs, entries),
	       "it is passed to KVM as it is");

static bool is_kept(uint32_t index)
{
	for (size_t i = 0; i < sizeof(KEPT) / sizeof(KEPT[0]); i++)
		if (index >= KEPT[i].first && index <= KEPT[i].last)
			return true;
	return false;
}

/* One MSR into the next entry; one that KVM lists but this CPU refuses is left out. */
static bool get_msr(const struct mv_vcpu *vcpu, struct mv_state_msrs *msrs, uint32_t index)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one = {.head.nmsrs = 1, .entry.index = index};

	if (msrs->count == MV_STATE_MSRS || ioctl(vcpu->fd, KVM_GET_MSRS, &one) != 1)
		return false;
	msrs->entries[msrs->count] = one.entry;
	return true;
}

static int save_msrs(const struct mv_kvm *kvm, const struct mv_vcpu *vcpu,
		     struct mv_state_msrs *msrs)
{
	struct {
		struct kvm_msr_list head;
		uint32_t indices[LIST_MAX];
	} list = {.head.nmsrs = LIST_MAX};
	uint64_t tsc = 0;

	if (ioctl(kvm->fd, KVM_GET_MSR_INDEX_LIST, &list) < 0)
		return mv_log_fail("state", "cannot list the MSRs");
	for (unsigned i = 0; i < list.head.nmsrs; i++) {
		uint32_t index = list.indices[i];

		if (!is_kept(index) || !get_msr(vcpu, msrs, index))
			continue;
		uint64_t value = msrs->entries[msrs->count].data;

		if (index == MSR_TSC)
			tsc = value;
		/* KVM answers a write of zero to those that are not there with an error. */
		if (value != 0 || index < MSR_MC_FIRST || index > MSR_MC_LAST)
			msrs->count++;
	}
	if (!get_msr(vcpu, msrs, MSR_TSC_DEADLINE))
		return -ENOTSUP;
	/* A timer that has just fired reads as none: the guest would wait for its interrupt for ever. */
	if (msrs->entries[msrs->count].data == 0)
		msrs->entries[msrs->count].data = tsc;
	msrs->count++;
	return 0;
}

static int save_chips(const struct mv_kvm *kvm, struct mv_cpu_state *s)
{
	if (ioctl(kvm->vm_fd, KVM_GET_CLOCK, &s->clock) < 0)
		return mv_log_fail("state", "cannot get the clock");
	for (unsigned i = 0; i < MV_STATE_CHIPS; i++) {
		s->chips[i].chip_id = i;
		if (ioctl(kvm->vm_fd, KVM_GET_IRQCHIP, &s->chips[i]) < 0)
			return mv_log_fail("state", "cannot get an interrupt chip");
	}
	return 0;
}

int mv_state_save(const struct mv_kvm *kvm, const struct mv_vcpu *vcpu,
		  struct mv_cpu_state *ret_state)
{
	*ret_state = (struct mv_cpu_state){0};
	if (ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2) > (int)sizeof(ret_state->xsave))
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		if (ioctl(vcpu->fd, PARTS[i].get, (uint8_t *)ret_state + PARTS[i].offset) < 0)
			return mv_log_fail("state", PARTS[i].name);
	int r = save_msrs(kvm, vcpu, &ret_state->msrs);

	if (r < 0)
		return r;
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &ret_state->events) < 0)
		return mv_log_fail("state", "cannot get the events");
	int khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);

	if (khz < 0)
		return mv_log_fail("state", "cannot get the TSC's speed");
	ret_state->tsc_khz = (uint32_t)khz;
	r = mv_cpuid_get(&ret_state->cpuid, kvm->fd);
	return r < 0 ? r : save_chips(kvm, ret_state);
}

bool mv_state_is_sane(const struct mv_cpu_state *s)
{
	if (s->msrs.count > MV_STATE_MSRS || s->cpuid.count > MV_CPUID_MAX)
		return false;
	for (unsigned i = 0; i < MV_STATE_CHIPS; i++)
		if (s->chips[i].chip_id != i)
			return false;
	return true;
}

static int check_host(const struct mv_kvm *kvm, const struct mv_vcpu *vcpu,
		      const struct mv_cpu_state *s)
{
	struct mv_cpuid host;
	int r = mv_cpuid_get(&host, kvm->fd);

	if (r < 0)
		return r;
	if (!mv_cpuid_is_same(&s->cpuid, &host)) {
		mv_log(MV_LOG_ERROR, "state: this CPU has other features");
		return -EXDEV;
	}
	/* 250 parts in a million, as NTP can correct. */
	int64_t khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);
	int64_t off = khz - (int64_t)s->tsc_khz;

	if (khz <= 0 || llabs(off) * 4000 > khz) {
		mv_log(MV_LOG_ERROR, "state: TSC at %lld kHz, saved at %u", (long long)khz,
		       s->tsc_khz);
		return -EXDEV;
	}
	return 0;
}

static int restore_chips(const struct mv_kvm *kvm, const struct mv_cpu_state *s)
{
	/* No flags: the guest's clock goes on from where it stood, and never jumps. */
	struct kvm_clock_data clock = {.clock = s->clock.clock};

	if (ioctl(kvm->vm_fd, KVM_SET_CLOCK, &clock) < 0)
		return mv_log_fail("state", "cannot set the clock");
	for (unsigned i = 0; i < MV_STATE_CHIPS; i++)
		if (ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &s->chips[i]) < 0)
			return mv_log_fail("state", "cannot set an interrupt chip");
	return 0;
}

int mv_state_restore(const struct mv_kvm *kvm, const struct mv_vcpu *vcpu,
		     const struct mv_cpu_state *s)
{
	int r = check_host(kvm, vcpu, s);

	if (r < 0)
		return r;
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, &s->cpuid) < 0)
		return mv_log_fail("state", "cannot set the CPUID");
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		if (ioctl(vcpu->fd, PARTS[i].set, (const uint8_t *)s + PARTS[i].offset) < 0)
			return mv_log_fail("state", PARTS[i].name);
	/* The number set, which stops at the first that is refused. */
	r = ioctl(vcpu->fd, KVM_SET_MSRS, &s->msrs);
	if (r >= 0 && (uint32_t)r != s->msrs.count) {
		mv_log(MV_LOG_ERROR, "state: MSR 0x%x is refused", s->msrs.entries[r].index);
		return -EINVAL;
	}
	if (r < 0 || ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &s->events) < 0)
		return mv_log_fail("state", "cannot set the MSRs or the events");
	/* EINVAL: a guest without kvm-clock. */
	if (ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0) < 0 && errno != EINVAL)
		return mv_log_fail("state", "cannot mark the clock");
	return restore_chips(kvm, s);
}
