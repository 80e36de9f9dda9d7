/* The state of the CPU and of KVM's chips: taken from one virtual machine, put into another.
 *
 * Both while the vCPU is outside KVM_RUN and after it has completed its last exit: an instruction that
 * an exit interrupted has its effect only at the next entry (KVM api.rst, 5, struct kvm_run). Plain
 * data, no pointers: it is a part of a template as it is. */
#ifndef MV_VM_STATE_H
#define MV_VM_STATE_H

#include <stdbool.h>

#include "microvisor/vm/cpuid.h"
#include "microvisor/vm/vcpu.h"

enum {
	MV_STATE_MSRS = 256,
	MV_STATE_CHIPS = 3 /* both PICs and the IOAPIC */
};

struct mv_state_msrs {
	uint32_t count; /* at most MV_STATE_MSRS */
	uint32_t reserved;
	struct kvm_msr_entry entries[MV_STATE_MSRS];
};

struct mv_cpu_state {
	struct kvm_mp_state mp;
	uint32_t tsc_khz;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint32_t xsave[1024]; /* struct kvm_xsave without its open end */
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debug;
	struct kvm_lapic_state apic;
	struct kvm_vcpu_events events;
	struct kvm_clock_data clock;
	struct kvm_irqchip chips[MV_STATE_CHIPS];
	struct mv_state_msrs msrs; /* the TSC deadline, which counts from the TSC, is the last */
	struct mv_cpuid cpuid;
};

/* -ENOTSUP: the CPU has more state than we keep; else -errno. Logged. */
int mv_state_save(const struct mv_kvm *kvm, const struct mv_vcpu *vcpu,
		  struct mv_cpu_state *ret_state) __attribute__((warn_unused_result));
/* Whether counts and numbers are in range: nothing else of it is used by us, only by KVM. */
bool mv_state_is_sane(const struct mv_cpu_state *state);
/* Into a machine and a vCPU that are new. -EXDEV: this host's CPU has other features or runs at another
 * speed; else -errno. Logged. */
int mv_state_restore(const struct mv_kvm *kvm, const struct mv_vcpu *vcpu,
		     const struct mv_cpu_state *state) __attribute__((warn_unused_result));

#endif
