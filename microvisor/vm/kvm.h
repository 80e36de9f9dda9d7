/* The virtual machine as KVM's object: its descriptor, its interrupt chip, its memory slots.
 *
 * Made once, before the first KVM_RUN; mv_kvm_raise() may then be called from any thread. */
#ifndef MV_VM_KVM_H
#define MV_VM_KVM_H

#include <stdbool.h>
#include <stdint.h>

struct mv_kvm {
	int fd;    /* /dev/kvm, borrowed */
	int vm_fd; /* owned */
};

/* Checks that this KVM can do what we need, makes the machine, its interrupt chip without a timer, and
 * asks for unknown MSRs as exits. kvm_fd is borrowed. -ENOTSUP: something is missing (logged), else
 * -errno. */
int mv_kvm_open(struct mv_kvm *kvm, int kvm_fd) __attribute__((warn_unused_result));
void mv_kvm_close(struct mv_kvm *kvm);
/* Gives the guest a piece of our memory. -errno. */
int mv_kvm_add_slot(struct mv_kvm *kvm, unsigned slot, uint64_t gpa, uint64_t bytes, void *hva,
		    bool writable) __attribute__((warn_unused_result));
/* One edge on an interrupt line. Any thread. */
void mv_kvm_raise(struct mv_kvm *kvm, unsigned gsi);

#endif
