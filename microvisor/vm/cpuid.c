#include "microvisor/vm/cpuid.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
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

/* The leaves whose registers are bits of features, and which registers those are. */
static const struct {
	uint32_t function;
	uint32_t index;
	bool eax, ebx, ecx, edx;
} FEATURES[] = {
	{1, 0, .ecx = true, .edx = true},
	{7, 0, .ebx = true, .ecx = true, .edx = true},
	{7, 1, .eax = true, .edx = true},
	{0xd, 0, .eax = true, .edx = true}, /* XCR0 */
	{0xd, 1, .eax = true, .ecx = true}, /* XSAVES and IA32_XSS */
	{0x80000001, 0, .ecx = true, .edx = true},
	{0x80000007, 0, .edx = true},
	{0x80000008, 0, .ebx = true},
	{0x80000021, 0, .eax = true},
	{0x40000001, 0, .eax = true}, /* KVM's own */
};

static const struct kvm_cpuid_entry2 *find(const struct mv_cpuid *cpuid, uint32_t function,
					   uint32_t index)
{
	for (unsigned i = 0; i < cpuid->count; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function && e->index == index)
			return e;
	}
	return NULL;
}

const struct kvm_cpuid_entry2 *mv_cpuid_find_lack(const struct mv_cpuid *saved,
						  const struct mv_cpuid *host)
{
	static const struct kvm_cpuid_entry2 none;

	for (size_t i = 0; i < sizeof(FEATURES) / sizeof(FEATURES[0]); i++) {
		const struct kvm_cpuid_entry2 *s =
			find(saved, FEATURES[i].function, FEATURES[i].index);
		const struct kvm_cpuid_entry2 *h =
			find(host, FEATURES[i].function, FEATURES[i].index);

		if (!s)
			continue;
		if (!h)
			h = &none;
		if ((FEATURES[i].eax && (s->eax & ~h->eax)) ||
		    (FEATURES[i].ebx && (s->ebx & ~h->ebx)) ||
		    (FEATURES[i].ecx && (s->ecx & ~h->ecx)) ||
		    (FEATURES[i].edx && (s->edx & ~h->edx)))
			return s;
	}
	return NULL;
}
