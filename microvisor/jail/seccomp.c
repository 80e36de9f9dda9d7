#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "microvisor/jail/jail.h"
#include "microvisor/vm/log.h"

/* Arguments are compared by their low 32 bits, which is all the kernel looks at where the table does
 * so (int and unsigned int parameters). What is behind a pointer cannot be checked here: openat2(2) is
 * held by the empty root, by Landlock and by the read-only mounts of the folders. */

enum check_kind {
	UNCHECKED,
	IS,    /* the argument is value */
	WITHIN /* the argument has no bit outside value */
};

struct check {
	uint8_t kind; /* enum check_kind */
	uint8_t arg;
	uint32_t value;
};

struct rule {
	uint16_t nr;
	uint8_t threads; /* enum mv_seccomp_thread, or-ed */
	struct check checks[2];
};

enum {
	VCPU = MV_SECCOMP_VCPU,
	MAIN = MV_SECCOMP_MAIN,
	STDIO = MV_SECCOMP_STDIO,
	TEMPLATE = MV_SECCOMP_TEMPLATE,
	ALL = VCPU | MAIN | STDIO,
	INSTRUCTIONS_MAX = 512
};

static const struct rule RULES[] = {
	/* Entering the guest. First, because nothing else is called as often. */
	{SYS_ioctl, VCPU, {{IS, 1, KVM_RUN}}},
	/* A device raises its interrupt on the thread that filled its ring. */
	{SYS_ioctl, ALL, {{IS, 1, KVM_IRQ_LINE}}},
	/* Locks of devices, arbiter and audit record; waiting for a thread to end. */
	{SYS_futex, ALL, {{0}}},
	/* The log, eventfds that wake other threads, the task's output. */
	{SYS_write, ALL, {{0}}},
	/* Events and states to the agent, output to a user's socket; never to an address. */
	{SYS_sendto, ALL, {{WITHIN, 3, MSG_NOSIGNAL | MSG_DONTWAIT}, {IS, 5, 0}}},
	/* Time of an event and of an exit, where the host's clock has no vDSO. */
	{SYS_clock_gettime, ALL, {{0}}},
	/* The view: one component of a name in a shared folder's descriptor. */
	{SYS_openat2, VCPU, {{0}}},
	/* The view: what was opened is what was looked up. Main: the size of a new policy. */
	{SYS_newfstatat, VCPU | MAIN, {{0}}},
	/* The view: FUSE_READ. Main: the bytes of a new policy. */
	{SYS_pread64, VCPU | MAIN, {{0}}},
	/* The view: FUSE_READDIR, at the place where the guest goes on. */
	{SYS_getdents64, VCPU, {{0}}},
	{SYS_lseek, VCPU, {{0}}},
	/* The store: what the task changes, in a folder that nobody else uses (delta.h). Blocks and headers; a
	 * template writes its state. */
	{SYS_pwrite64, VCPU, {{0}}},
	/* An original's bytes by reference, where its file system can. */
	{SYS_ioctl, VCPU, {{IS, 1, FICLONERANGE}}},
	{SYS_ftruncate, VCPU, {{0}}},
	{SYS_fsync, VCPU, {{0}}},
	/* Names, in the descriptor of their folder; each is one component. */
	{SYS_mkdirat, VCPU, {{0}}},
	{SYS_unlinkat, VCPU, {{WITHIN, 2, AT_REMOVEDIR}}},
	{SYS_renameat, VCPU, {{0}}},
	/* A file's times. */
	{SYS_utimensat, VCPU, {{IS, 3, 0}}},
	/* The view: a handle of its own for a shared file. */
	{SYS_fcntl, VCPU, {{IS, 1, F_DUPFD_CLOEXEC}}},
	/* The view's handles; a user's stream that ended; the descriptor of a policy that was read. */
	{SYS_close, ALL, {{0}}},
	/* A shell is bound: what its shares are, and no way to anything else, which only ever takes away. */
	{SYS_fcntl, VCPU, {{IS, 1, F_GETFL}}},
	{SYS_landlock_create_ruleset, VCPU, {{0}}},
	{SYS_landlock_add_rule, VCPU, {{0}}},
	{SYS_landlock_restrict_self, VCPU, {{0}}},
	/* virtio-rng. */
	{SYS_getrandom, VCPU, {{0}}},
	/* Eventfds, the task's input. */
	{SYS_read, MAIN | STDIO, {{0}}},
	/* The main loop and the stdio loop sleep here. */
	{SYS_poll, MAIN | STDIO, {{0}}},
	/* A poll, or a wait for a lock, goes on after the process was stopped and continued. */
	{SYS_restart_syscall, ALL, {{0}}},
	/* Messages of the agent. */
	{SYS_recvmsg, MAIN, {{0}}},
	/* Memory for a new policy; nothing that could be executed. */
	{SYS_brk, MAIN, {{0}}},
	{SYS_mmap,
	 MAIN,
	 {{WITHIN, 2, PROT_READ | PROT_WRITE}, {IS, 3, MAP_PRIVATE | MAP_ANONYMOUS}}},
	{SYS_munmap, MAIN, {{0}}},
	/* The kick that takes the vCPU out of the guest: pthread_kill(3). */
	{SYS_getpid, MAIN, {{0}}},
	{SYS_tgkill, MAIN, {{IS, 2, SIGUSR1}}},
	/* The return from the kick's handler. */
	{SYS_rt_sigreturn, VCPU, {{0}}},
	/* glibc blocks signals around a kick, and when a thread ends; */
	{SYS_rt_sigprocmask, ALL, {{0}}},
	/* then the thread gives its stack back, and is gone. */
	{SYS_madvise, VCPU | STDIO, {{IS, 2, MADV_DONTNEED}}},
	{SYS_exit, VCPU | STDIO, {{0}}},
	/* How the process ends. */
	{SYS_exit_group, MAIN, {{0}}},
};

/* What mv_state_save() asks KVM for: the commands of ioctl(2) that a template's vCPU thread may use besides. */
static const uint32_t SAVING[] = {
	KVM_CHECK_EXTENSION, KVM_GET_MP_STATE, KVM_GET_REGS,           KVM_GET_SREGS,
	KVM_GET_XSAVE,       KVM_GET_XCRS,     KVM_GET_DEBUGREGS,      KVM_GET_LAPIC,
	KVM_GET_MSRS,        KVM_GET_TSC_KHZ,  KVM_GET_MSR_INDEX_LIST, KVM_GET_VCPU_EVENTS,
	KVM_GET_CLOCK,       KVM_GET_IRQCHIP,  KVM_GET_SUPPORTED_CPUID};

struct program {
	struct sock_filter code[INSTRUCTIONS_MAX];
	uint16_t n;
};

static void put(struct program *p, struct sock_filter instruction)
{
	assert(p->n < INSTRUCTIONS_MAX);
	p->code[p->n++] = instruction;
}

static void load(struct program *p, size_t offset)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Goes on when the accumulator is value, else over the next `skip` instructions behind this one. */
static void expect(struct program *p, uint32_t value, size_t skip)
{
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)skip));
}

static void answer(struct program *p, uint32_t action)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static size_t check_length(const struct check *c)
{
	return c->kind == UNCHECKED ? 0 : c->kind == IS ? 2 : 3;
}

/* `behind`: how many instructions of its rule follow this check. */
static void put_check(struct program *p, const struct check *c, size_t behind)
{
	if (c->kind == UNCHECKED)
		return;
	load(p, offsetof(struct seccomp_data, args) + c->arg * sizeof(uint64_t));
	if (c->kind == WITHIN)
		put(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~c->value));
	expect(p, c->kind == WITHIN ? 0 : c->value, behind);
}

static void put_rule(struct program *p, const struct rule *rule)
{
	size_t second = check_length(&rule->checks[1]);

	load(p, offsetof(struct seccomp_data, nr));
	expect(p, rule->nr, check_length(&rule->checks[0]) + second + 1);
	put_check(p, &rule->checks[0], second + 1);
	put_check(p, &rule->checks[1], 1);
	answer(p, SECCOMP_RET_ALLOW);
}

int mv_seccomp_enter(enum mv_seccomp_thread thread)
{
	struct program p = {.n = 0};
	unsigned threads = thread == MV_SECCOMP_TEMPLATE ? VCPU | TEMPLATE : thread;

	/* The other tables of the same kernel (i386, x32) have other numbers; x32's are in none here. */
	load(&p, offsetof(struct seccomp_data, arch));
	expect(&p, AUDIT_ARCH_X86_64, 1);
	put(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0));
	answer(&p, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
		if (RULES[i].threads & threads)
			put_rule(&p, &RULES[i]);
	}
	for (size_t i = 0; (threads & TEMPLATE) && i < sizeof(SAVING) / sizeof(SAVING[0]); i++)
		put_rule(&p, &(struct rule){SYS_ioctl, TEMPLATE, {{IS, 1, SAVING[i]}}});
	answer(&p, SECCOMP_RET_KILL_PROCESS);
	struct sock_fprog program = {.len = p.n, .filter = p.code};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		return mv_log_fail("jail", "cannot filter the system calls");
	return 0;
}
