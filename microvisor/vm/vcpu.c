#include "microvisor/vm/vcpu.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "microvisor/vm/cpuid.h"
#include "microvisor/vm/layout.h"
#include "microvisor/vm/log.h"

/* MSRs of the start state, by their names in Linux's msr-index.h. */
enum {
	MSR_IA32_MISC_ENABLE = 0x1a0,
	MISC_ENABLE_FAST_STRING = 1,
	MSR_MTRR_DEF_TYPE = 0x2ff,
	MTRR_ENABLE_WRITE_BACK = 1 << 11 | 6
};

enum {
	CR0_PE_ET_NE = 1 << 0 | 1 << 4 | 1 << 5,
	CR4_PAE = 1 << 5,
	EFER_LME_LMA = 1 << 8 | 1 << 10,
	SELECTOR_CODE = 8,
	SELECTOR_DATA = 16,
	SELECTOR_TASK = 24
};
static const uint64_t CR0_PG = 1u << 31;

/* Local APIC registers, Intel SDM volume 3, section 10.4. */
enum {
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_MODE_MASK = 0x700,
	APIC_MODE_NMI = 0x400,
	APIC_MODE_EXTINT = 0x700
};

static int fail(const char *what)
{
	int r = -errno;

	mv_log(MV_LOG_ERROR, "vcpu: %s: %m", what);
	return r;
}

int mv_vcpu_open(struct mv_vcpu *vcpu, const struct mv_kvm *kvm)
{
	*vcpu = (struct mv_vcpu){.fd = -1};
	int bytes = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (bytes < (int)sizeof(struct kvm_run))
		return fail("cannot ask for the size of the run area");
	vcpu->fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, 0);
	if (vcpu->fd < 0)
		return fail("cannot make a vCPU");
	void *run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);

	if (run == MAP_FAILED)
		return fail("cannot map the run area");
	vcpu->run = run;
	vcpu->run_bytes = (size_t)bytes;
	/* Each exit brings the registers with it: an event needs the instruction pointer. */
	vcpu->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	return 0;
}

void mv_vcpu_close(struct mv_vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_bytes);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	*vcpu = (struct mv_vcpu){.fd = -1};
}

/* Present, of 4 GiB. */
static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = 0xfffff, .selector = selector, .type = type, .present = 1, .g = 1};
}

static int set_sregs(struct mv_vcpu *vcpu)
{
	struct kvm_segment code = flat(SELECTOR_CODE, 0xb), data = flat(SELECTOR_DATA, 3);
	struct kvm_sregs s;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &s) < 0)
		return -1;
	code.s = code.l = data.s = data.db = 1;
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.tr = flat(SELECTOR_TASK, 0xb);
	s.gdt.base = MV_GPA_GDT;
	s.gdt.limit = 4 * 8 - 1;
	s.idt.base = MV_GPA_IDT;
	s.idt.limit = 8 - 1;
	s.cr3 = MV_GPA_PML4;
	s.cr4 = CR4_PAE;
	s.cr0 = CR0_PE_ET_NE | CR0_PG;
	s.efer = EFER_LME_LMA;
	return ioctl(vcpu->fd, KVM_SET_SREGS, &s);
}

static int set_registers(struct mv_vcpu *vcpu, uint64_t entry_gpa)
{
	struct kvm_regs regs = {.rip = entry_gpa,
				.rsi = MV_GPA_ZEROPAGE,
				.rsp = MV_GPA_STACK,
				.rbp = MV_GPA_STACK,
				.rflags = 2};
	struct kvm_fpu fpu = {.fcw = 0x37f, .mxcsr = 0x1f80};

	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		return -1;
	return ioctl(vcpu->fd, KVM_SET_FPU, &fpu);
}

static int set_msrs(struct mv_vcpu *vcpu)
{
	static const struct kvm_msr_entry start[] = {
		{.index = MSR_IA32_MISC_ENABLE, .data = MISC_ENABLE_FAST_STRING},
		{.index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLE_WRITE_BACK},
	};
	_Alignas(struct kvm_msrs) uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(start)] = {0};
	struct kvm_msrs *msrs = (struct kvm_msrs *)bytes;

	msrs->nmsrs = sizeof(start) / sizeof(start[0]);
	for (unsigned i = 0; i < msrs->nmsrs; i++)
		msrs->entries[i] = start[i];
	int r = ioctl(vcpu->fd, KVM_SET_MSRS, msrs);

	/* The number set, which stops at the first that is refused. */
	if (r >= 0 && (unsigned)r != msrs->nmsrs) {
		errno = EINVAL;
		return -1;
	}
	return r;
}

static uint32_t *apic_register(struct kvm_lapic_state *apic, unsigned offset)
{
	return (uint32_t *)(void *)(apic->regs + offset);
}

static int set_apic(struct mv_vcpu *vcpu)
{
	struct kvm_lapic_state apic;

	if (ioctl(vcpu->fd, KVM_GET_LAPIC, &apic) < 0)
		return -1;
	uint32_t *lint0 = apic_register(&apic, APIC_LVT_LINT0);
	uint32_t *lint1 = apic_register(&apic, APIC_LVT_LINT1);

	*lint0 = (*lint0 & ~(uint32_t)APIC_MODE_MASK) | APIC_MODE_EXTINT;
	*lint1 = (*lint1 & ~(uint32_t)APIC_MODE_MASK) | APIC_MODE_NMI;
	return ioctl(vcpu->fd, KVM_SET_LAPIC, &apic);
}

int mv_vcpu_set_up(struct mv_vcpu *vcpu, const struct mv_kvm *kvm, uint64_t entry_gpa)
{
	struct mv_cpuid cpuid;
	int r = mv_cpuid_get(&cpuid, kvm->fd);

	if (r < 0)
		errno = -r;
	if (r < 0 || ioctl(vcpu->fd, KVM_SET_CPUID2, &cpuid) < 0)
		return fail("cannot set the CPUID");
	if (set_sregs(vcpu) < 0)
		return fail("cannot set the segments");
	if (set_registers(vcpu, entry_gpa) < 0)
		return fail("cannot set the registers");
	if (set_msrs(vcpu) < 0)
		return fail("cannot set the start MSRs");
	if (set_apic(vcpu) < 0)
		return fail("cannot set the local APIC");
	return 0;
}

int mv_vcpu_enter(struct mv_vcpu *vcpu)
{
	return ioctl(vcpu->fd, KVM_RUN, 0) < 0 ? -errno : 0;
}

uint64_t mv_vcpu_rip(const struct mv_vcpu *vcpu)
{
	return vcpu->run->s.regs.regs.rip;
}

void mv_vcpu_kick(struct mv_vcpu *vcpu, pthread_t thread)
{
	/* The flag stops an entry that is about to happen, the signal one that has. */
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELEASE);
	(void)pthread_kill(thread, MV_KICK_SIGNAL);
}

static void ignore(int signo)
{
	(void)signo;
}

void mv_vcpu_prepare_kicks(void)
{
	struct sigaction action = {.sa_handler = ignore};

	int r = sigaction(MV_KICK_SIGNAL, &action, NULL);

	assert(r == 0);
	(void)r;
}
