#include "microvisor/vm/cpuid.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

/* CPUID bits by leaf. */
enum {
	CPUID_1_ECX_VMX = 1u << 5,
	CPUID_1_ECX_TSC_DEADLINE = 1u << 24,
	CPUID_8000_0001_ECX_SVM = 1u << 2
};
static const uint32_t CPUID_1_ECX_HYPERVISOR = 1u << 31;

_Static_assert(offsetof(struct mv_cpuid, entries) == offsetof(struct kvm_cpuid2, entries),
	       "it is passed to KVM as it is");

/* One CPU, no nested virtualisation, no performance counters. TSC_DEADLINE is not in the supported set
 * because it needs the in-kernel APIC, which we have; with it and kvm-clock the guest needs no PIT. */
static void narrow(struct kvm_cpuid_entry2 *e)
{
	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0x0000ffff) | 1u << 16; /* APIC id 0, one logical CPU */
		e->ecx |= CPUID_1_ECX_TSC_DEADLINE | CPUID_1_ECX_HYPERVISOR;
		e->ecx &= ~(uint32_t)CPUID_1_ECX_VMX;
		break;
	case 0xa:        /* performance counters, Intel */
	case 0x8000000a: /* SVM */
	case 0x80000022: /* performance counters, AMD */
		e->eax = e->ebx = e->ecx = e->edx = 0;
		break;
	case 0xb: /* topology: x2APIC id 0 */
	case 0x1f:
		e->edx = 0;
		break;
	case 0x80000001:
		e->ecx &= ~(uint32_t)CPUID_8000_0001_ECX_SVM;
		break;
	default:
		break;
	}
}

int mv_cpuid_get(struct mv_cpuid *cpuid, int kvm_fd)
{
	*cpuid = (struct mv_cpuid){.count = MV_CPUID_MAX};
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return -errno;
	for (unsigned i = 0; i < cpuid->count; i++)
		narrow(&cpuid->entries[i]);
	return 0;
}

bool mv_cpuid_is_same(const struct mv_cpuid *a, const struct mv_cpuid *b)
{
	return a->count == b->count &&
	       memcmp(a->entries, b->entries, a->count * sizeof(a->entries[0])) == 0;
}
