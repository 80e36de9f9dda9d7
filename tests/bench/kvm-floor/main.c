/* kvm-floor RUNS: what KVM alone costs: a virtual machine, its interrupt chip, 256 MiB of copy-on-write
 * memory, one vCPU, and its first exit. One line of microseconds for each run. */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	MEMORY_BYTES = 256 << 20,
	CODE_GPA = 0x1000
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void once(int kvm, int memory_fd)
{
	static const uint8_t code[] = {0xe6, 0x10}; /* out %al, $0x10 */
	struct kvm_regs regs = {.rip = CODE_GPA, .rflags = 2};
	struct kvm_sregs sregs;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	uint8_t *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_NORESERVE, memory_fd, 0);
	int bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (vm < 0 || memory == MAP_FAILED || bytes < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0)
		err(1, "cannot make a virtual machine");
	memcpy(memory + CODE_GPA, code, sizeof(code));
	struct kvm_userspace_memory_region region = {.memory_size = MEMORY_BYTES,
						     .userspace_addr = (uintptr_t)memory};
	int vcpu = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0
			   ? -1
			   : ioctl(vm, KVM_CREATE_VCPU, 0);
	struct kvm_run *run =
		mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (run == MAP_FAILED || ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		err(1, "cannot make a vCPU");
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0 ||
	    ioctl(vcpu, KVM_RUN, 0) < 0 || run->exit_reason != KVM_EXIT_IO)
		err(1, "cannot run it");
	munmap(run, (size_t)bytes);
	close(vcpu);
	close(vm);
	munmap(memory, MEMORY_BYTES);
}

int main(int argc, char **argv)
{
	unsigned long runs = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int memory = memfd_create("memory", MFD_CLOEXEC);

	if (runs == 0)
		errx(2, "usage: kvm-floor RUNS");
	if (kvm < 0 || memory < 0 || ftruncate(memory, MEMORY_BYTES) < 0)
		err(1, "/dev/kvm");
	for (unsigned long i = 0; i < runs; i++) {
		uint64_t begin = now_us();

		once(kvm, memory);
		printf("%llu\n", (unsigned long long)(now_us() - begin));
	}
	return 0;
}
