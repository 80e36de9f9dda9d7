/* The one virtual CPU: its state at the first instruction, and entering it.
 *
 * Set up by the main thread; mv_vcpu_enter() and what it leaves in *run belong to the vCPU thread;
 * mv_vcpu_kick() may be called from any. */
#ifndef MV_VM_VCPU_H
#define MV_VM_VCPU_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "microvisor/vm/kvm.h"

enum {
	MV_KICK_SIGNAL = 10 /* SIGUSR1 */
};

struct mv_vcpu {
	int fd;              /* owned, -1 = none */
	struct kvm_run *run; /* shared with the kernel */
	size_t run_bytes;
};

/* Makes the vCPU, with no CPUID yet. -errno, logged. */
int mv_vcpu_open(struct mv_vcpu *vcpu, const struct mv_kvm *kvm)
	__attribute__((warn_unused_result));
void mv_vcpu_close(struct mv_vcpu *vcpu);
/* Its CPUID; real mode, at start_gpa (below 64 KiB). -errno, logged. */
int mv_vcpu_set_up(struct mv_vcpu *vcpu, const struct mv_kvm *kvm, uint64_t start_gpa)
	__attribute__((warn_unused_result));
/* Runs the guest until its next exit: 0 and vcpu->run tells, -EINTR after a kick, else -errno. */
int mv_vcpu_enter(struct mv_vcpu *vcpu) __attribute__((warn_unused_result));
/* The guest's instruction pointer at the last exit. */
uint64_t mv_vcpu_rip(const struct mv_vcpu *vcpu);
/* Makes the thread leave the guest, or not enter it again. */
void mv_vcpu_kick(struct mv_vcpu *vcpu, pthread_t thread);
/* Once per process, before any kick: the kick's signal interrupts and does nothing else. */
void mv_vcpu_prepare_kicks(void);

#endif
