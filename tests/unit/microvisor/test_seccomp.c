#include <assert.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "tests/support/suite.h"

/* Each call is made by a process of its own, straight from the kernel's table, so that no library and no
 * sanitizer stands between. */

enum {
	VCPU = MV_SECCOMP_VCPU,
	MAIN = MV_SECCOMP_MAIN,
	STDIO = MV_SECCOMP_STDIO,
	SURVIVED = 0
};

struct call {
	int thread;
	long nr;
	long args[6];
};

/* What became of it: the signal it died of, 0 when it lived. */
static int died_of(const struct call *c)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    mv_seccomp_enter((enum mv_seccomp_thread)c->thread) < 0)
			_exit(1);
		(void)syscall(c->nr, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4],
			      c->args[5]);
		/* No filter but the main thread's lets a process end well; a call of the table that
		 * does nothing shows that it lived. */
		(void)syscall(SYS_write, -1, NULL, 0);
		(void)syscall(c->thread == MAIN ? SYS_exit_group : SYS_exit, SURVIVED);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	ck_assert_int_eq(WEXITSTATUS(status), SURVIVED);
	return 0;
}

static const struct call fatal[] = {
	{VCPU, SYS_open, {(long)"/etc/passwd", O_RDONLY}},
	{VCPU, SYS_openat, {AT_FDCWD, (long)"/etc/passwd", O_RDONLY}},
	{VCPU, SYS_socket, {AF_INET, SOCK_STREAM, 0}},
	{VCPU, SYS_connect, {0, 0, 0}},
	{VCPU, SYS_execve, {(long)"/bin/true", 0, 0}},
	{VCPU, SYS_execveat, {0, (long)"", 0, 0, AT_EMPTY_PATH}},
	{VCPU, SYS_ptrace, {PTRACE_ATTACH, 1, 0, 0}},
	{VCPU, SYS_process_vm_readv, {1, 0, 0, 0, 0, 0}},
	{VCPU, SYS_kill, {1, 0}},
	{VCPU, SYS_tgkill, {1, 1, SIGUSR1}},
	{VCPU, SYS_mount, {0, 0, 0, 0, 0}},
	{VCPU, SYS_unshare, {0}},
	{VCPU, SYS_clone, {SIGCHLD, 0, 0, 0, 0}},
	{VCPU, SYS_fork, {0}},
	{VCPU, SYS_mprotect, {0, 0, PROT_EXEC}},
	{VCPU, SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{VCPU, SYS_prctl, {PR_SET_PDEATHSIG, 0, 0, 0, 0}},
	{VCPU, SYS_seccomp, {0, 0, 0}},
	{VCPU, SYS_bpf, {0, 0, 0}},
	{VCPU, SYS_io_uring_setup, {1, 0}},
	{VCPU, SYS_memfd_create, {(long)"x", 0}},
	{VCPU, SYS_recvmsg, {0, 0, 0}},
	{VCPU, SYS_sendmsg, {0, 0, 0}},
	{VCPU, SYS_exit_group, {0}},
	{VCPU, SYS_ioctl, {-1, KVM_CREATE_VM, 0}},
	{VCPU, SYS_ioctl, {-1, KVM_SET_USER_MEMORY_REGION, 0}},
	{VCPU, SYS_ioctl, {-1, 0x5412, 0}}, /* TIOCSTI: types into the user's terminal */
	{VCPU, SYS_fcntl, {0, F_SETFL, O_NONBLOCK}},
	{VCPU, SYS_fcntl, {0, F_SETOWN, 1}},
	{VCPU, SYS_madvise, {0, 0, MADV_DONTFORK}},
	{VCPU, SYS_sendto, {-1, 0, 0, 0, (long)"xx", 2}},
	{VCPU, SYS_sendto, {-1, 0, 0, MSG_OOB, 0, 0}},
	{VCPU, SYS_ioctl, {-1, FICLONE, 0}},
	{VCPU, SYS_renameat2, {-1, (long)"a", -1, (long)"b", 0}},
	{VCPU, SYS_unlinkat, {-1, (long)"a", AT_EMPTY_PATH}},
	{VCPU, SYS_fallocate, {-1, FALLOC_FL_PUNCH_HOLE, 0, 1}},
	{VCPU, SYS_mknodat, {-1, (long)"a", S_IFIFO, 0}},
	{VCPU, SYS_symlinkat, {(long)"a", -1, (long)"b"}},
	{VCPU, SYS_linkat, {-1, (long)"a", -1, (long)"b", 0}},
	{VCPU, SYS_fchownat, {-1, (long)"a", 0, 0, 0}},
	{MAIN, SYS_pwrite64, {-1, 0, 0, 0}},
	{STDIO, SYS_unlinkat, {-1, (long)"a", 0}},
	{VCPU, 0x40000000 | SYS_write, {-1, 0, 0}}, /* x32 */
	{MAIN, SYS_openat2, {AT_FDCWD, (long)"/etc/passwd", 0, 0}},
	{MAIN, SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{MAIN, SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED, 0, 0}},
	{MAIN, SYS_tgkill, {1, 1, SIGKILL}},
	{MAIN, SYS_landlock_restrict_self, {-1, 0}},
	{MAIN, SYS_clone3, {0, 0}},
	{MAIN, SYS_ioctl, {-1, KVM_RUN, 0}},
	{STDIO, SYS_openat2, {AT_FDCWD, (long)"/etc/passwd", 0, 0}},
	{STDIO, SYS_ioctl, {-1, KVM_RUN, 0}},
	{STDIO, SYS_fcntl, {0, F_DUPFD_CLOEXEC, 0}},
	{STDIO, SYS_tgkill, {1, 1, SIGUSR1}},
	{STDIO, SYS_recvmsg, {0, 0, 0}},
};

START_TEST(a_call_outside_the_table_kills_the_process)
{
	ck_assert_int_eq(died_of(&fatal[_i]), SIGSYS);
}
END_TEST

static const struct call harmless[] = {
	{VCPU, SYS_ioctl, {-1, KVM_RUN, 0}},
	{VCPU, SYS_ioctl, {-1, KVM_IRQ_LINE, 0}},
	{VCPU, SYS_openat2, {-1, (long)"", 0, 0}},
	{VCPU, SYS_fcntl, {-1, F_DUPFD_CLOEXEC, 0}},
	{VCPU, SYS_fcntl, {-1, F_GETFL, 0}},
	{VCPU, SYS_landlock_create_ruleset, {0, 0, 0}},
	{VCPU, SYS_landlock_add_rule, {-1, 0, 0, 0}},
	{VCPU, SYS_landlock_restrict_self, {-1, 0}},
	{VCPU, SYS_pread64, {-1, 0, 0, 0}},
	{VCPU, SYS_getdents64, {-1, 0, 0}},
	{VCPU, SYS_pwrite64, {-1, 0, 0, 0}},
	{VCPU, SYS_ioctl, {-1, FICLONERANGE, 0}},
	{VCPU, SYS_ftruncate, {-1, 0}},
	{VCPU, SYS_fsync, {-1}},
	{VCPU, SYS_mkdirat, {-1, (long)"a", 0700}},
	{VCPU, SYS_unlinkat, {-1, (long)"a", AT_REMOVEDIR}},
	{VCPU, SYS_renameat, {-1, (long)"a", -1, (long)"b"}},
	{VCPU, SYS_utimensat, {-1, 0, 0, 0}},
	{VCPU, SYS_madvise, {0, 0, MADV_DONTNEED}},
	{VCPU, SYS_sendto, {-1, 0, 0, MSG_NOSIGNAL, 0, 0}},
	{MAIN, SYS_recvmsg, {-1, 0, 0}},
	{MAIN, SYS_poll, {0, 0, 0}},
	{MAIN, SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{MAIN, SYS_tgkill, {-1, -1, SIGUSR1}},
	{STDIO, SYS_ioctl, {-1, KVM_IRQ_LINE, 0}},
	{STDIO, SYS_sendto, {-1, 0, 0, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0}},
	{STDIO, SYS_read, {-1, 0, 0}},
};

START_TEST(a_call_of_the_table_goes_to_the_kernel)
{
	ck_assert_int_eq(died_of(&harmless[_i]), 0);
}
END_TEST

START_TEST(a_broken_invariant_is_told_under_the_filter)
{
#ifdef __SANITIZE_ADDRESS__
	return; /* the sanitizer makes system calls of its own before what does not return */
#endif
	char line[128] = "";
	int log[2];
	int status;

	ck_assert_int_eq(pipe(log), 0);
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(log[1], STDERR_FILENO) < 0 || signal(SIGILL, SIG_DFL) == SIG_ERR ||
		    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    mv_seccomp_enter(MV_SECCOMP_VCPU) < 0)
			_exit(1);
		assert(log[0] < 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGILL);
	ck_assert_int_gt((int)read(log[0], line, sizeof(line) - 1), 0);
	ck_assert_ptr_nonnull(strstr(line, "log[0] < 0"));
}
END_TEST

START_TEST(without_no_new_privs_there_is_no_filter)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0 ||
	    (getuid() == 0 && setresuid(65534, 65534, 65534) < 0))
		return;
	ck_assert_int_eq(mv_seccomp_enter(MV_SECCOMP_VCPU), -EACCES);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("seccomp");

	tcase_add_loop_test(t, a_call_outside_the_table_kills_the_process, 0,
			    sizeof(fatal) / sizeof(fatal[0]));
	tcase_add_loop_test(t, a_call_of_the_table_goes_to_the_kernel, 0,
			    sizeof(harmless) / sizeof(harmless[0]));
	tcase_add_test(t, a_broken_invariant_is_told_under_the_filter);
	tcase_add_test(t, without_no_new_privs_there_is_no_filter);
	return suite_run("microvisor/seccomp", t);
}
