#include "microvisor/vm/vcpu.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "microvisor/layout.h"
#include "microvisor/vm/cpuid.h"
#include "microvisor/vm/log.h"

int mv_vcpu_open(struct mv_vcpu *vcpu, const struct mv_kvm *kvm)
{
	*vcpu = (struct mv_vcpu){.fd = -1};
	int bytes = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (bytes < (int)sizeof(struct kvm_run))
		return mv_log_fail("vcpu", "cannot ask for the size of the run area");
	vcpu->fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, 0);
	if (vcpu->fd < 0)
		return mv_log_fail("vcpu", "cannot make a vCPU");
	void *run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);

	if (run == MAP_FAILED)
		return mv_log_fail("vcpu", "cannot map the run area");
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

int mv_vcpu_set_up(struct mv_vcpu *vcpu, const struct mv_kvm *kvm, uint64_t start_gpa)
{
	const struct kvm_regs regs = {.rip = start_gpa, .rflags = 2};
	struct kvm_sregs sregs;
	struct mv_cpuid cpuid;
	int r = mv_cpuid_get(&cpuid, kvm->fd);

	if (r < 0)
		errno = -r;
	if (r < 0 || ioctl(vcpu->fd, KVM_SET_CPUID2, &cpuid) < 0)
		return mv_log_fail("vcpu", "cannot set the CPUID");
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return mv_log_fail("vcpu", "cannot get the segments");
	/* As a reset leaves it, but for where it begins. */
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		return mv_log_fail("vcpu", "cannot set the registers");
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
