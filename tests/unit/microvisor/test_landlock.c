#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "tests/support/suite.h"

/* What is held in is a child, because nobody lets it out again. Where the kernel has no Landlock, all that
 * can be seen is that this is no error. */

static char shared[] = "/tmp/ampoule-landlock-XXXXXX";

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static void make_shared(void)
{
	ck_assert_ptr_nonnull(mkdtemp(shared));
	int folder = open(shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(folder, 0);
	int file = openat(folder, "note", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq((int)write(file, "text", 4), 4);
	close(file);
	close(folder);
}

static void remove_shared(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/note", shared);
	(void)unlink(path);
	(void)rmdir(shared);
}

static int enter(const int *folders, unsigned n)
{
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	return mv_landlock_enter(folders, n, -1);
}

static bool child_is_held(bool with_share)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char byte;
		int folder = open(shared, O_PATH | O_DIRECTORY | O_CLOEXEC);
		int before = openat(folder, "note", O_RDONLY | O_CLOEXEC);
		bool right = enter(&folder, with_share ? 1 : 0) == 0;

		right = right && open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
		right = right && open("/tmp", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES;
		right = right && (openat(folder, "note", O_RDONLY) >= 0) == with_share;
		right = right && openat(folder, "note", O_WRONLY) < 0 && errno == EACCES;
		right = right && openat(folder, "new", O_WRONLY | O_CREAT, 0600) < 0;
		right = right && unlinkat(folder, "note", 0) < 0 && errno == EACCES;
		right = right && read(before, &byte, 1) == 1;
		_exit(right ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

START_TEST(files_are_read_below_a_share_and_nowhere_else)
{
	make_shared();
	bool held = !has_landlock() || child_is_held(true);

	remove_shared();
	ck_assert(held);
}
END_TEST

START_TEST(without_shares_no_file_is_opened)
{
	make_shared();
	bool held = !has_landlock() || child_is_held(false);

	remove_shared();
	ck_assert(held);
}
END_TEST

static bool store_is_free(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int store = open(shared, O_PATH | O_DIRECTORY | O_CLOEXEC);
		bool right = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			     mv_landlock_enter(NULL, 0, store) == 0;

		right = right && openat(store, "new", O_RDWR | O_CREAT, 0600) >= 0;
		right = right && mkdirat(store, "d", 0700) == 0;
		right = right && renameat(store, "new", store, "d/a") == 0;
		right = right && symlinkat("x", store, "l") < 0 && errno == EACCES;
		right = right && mknodat(store, "fifo", S_IFIFO | 0600, 0) < 0 && errno == EACCES;
		right = right && open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
		right = right && unlinkat(store, "d/a", 0) == 0 &&
			unlinkat(store, "d", AT_REMOVEDIR) == 0;
		_exit(right ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

START_TEST(the_store_is_written_and_nothing_else)
{
	make_shared();
	bool free = !has_landlock() || store_is_free();

	remove_shared();
	ck_assert(free);
}
END_TEST

START_TEST(a_share_that_is_no_descriptor_is_refused)
{
	const int bad = -1;

	ck_assert_int_eq(enter(&bad, 1), has_landlock() ? -EBADF : 0);
}
END_TEST

/* As a kernel without Landlock answers. */
static void take_landlock_away(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

static const struct {
	int error;
	int result;
} answers[] = {
	{ENOSYS, 0},       /* not built in */
	{EOPNOTSUPP, 0},   /* switched off at boot */
	{ENOMEM, -ENOMEM}, /* there, and it fails: then nothing runs */
};

START_TEST(only_a_kernel_without_it_may_do_without)
{
	take_landlock_away(answers[_i].error);
	ck_assert_int_eq(mv_landlock_enter(NULL, 0, -1), answers[_i].result);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("landlock");

	tcase_add_test(t, files_are_read_below_a_share_and_nowhere_else);
	tcase_add_test(t, without_shares_no_file_is_opened);
	tcase_add_test(t, the_store_is_written_and_nothing_else);
	tcase_add_test(t, a_share_that_is_no_descriptor_is_refused);
	tcase_add_loop_test(t, only_a_kernel_without_it_may_do_without, 0,
			    sizeof(answers) / sizeof(answers[0]));
	return suite_run("microvisor/landlock", t);
}
