/* What the vCPU says it is: the host's features without those a guest must not have.
 *
 * Pure but for the question to KVM. */
#ifndef MV_VM_CPUID_H
#define MV_VM_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	MV_CPUID_MAX = 128
};

/* A KVM_SET_CPUID2 argument with room for its entries. */
struct mv_cpuid {
	uint32_t count; /* at most MV_CPUID_MAX */
	uint32_t reserved;
	struct kvm_cpuid_entry2 entries[MV_CPUID_MAX];
};

/* What this host can give a guest. -E2BIG: more entries than we have room for; else -errno. */
int mv_cpuid_get(struct mv_cpuid *cpuid, int kvm_fd) __attribute__((warn_unused_result));
/* Whether a guest that booted on one may go on on the other: they promise the same. a->count is checked by
 * the caller. */
bool mv_cpuid_is_same(const struct mv_cpuid *a, const struct mv_cpuid *b);

#endif
