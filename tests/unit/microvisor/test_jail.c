#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "microvisor/jail/jail.h"
#include "tests/support/suite.h"

/* Check runs each test in a process of its own, which the jail may change as it likes. */

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(only_the_log_and_the_control_socket_stay_open)
{
	ck_assert_int_eq(dup2(STDERR_FILENO, 9), 9);
	ck_assert_int_eq(dup2(STDERR_FILENO, 7), 7);
	ck_assert_int_eq(dup2(STDERR_FILENO, 12), 12);
	int r = mv_jail_close_others(9);
	bool right = r == 0 && is_open(0) && is_open(1) && is_open(2) && !is_open(3) &&
		     !is_open(7) && is_open(9) && !is_open(12);

	/* Check's own pipe is closed too: the status must tell. */
	_exit(right ? 0 : 1);
}
END_TEST

START_TEST(a_missing_descriptor_is_refused)
{
	close(9);
	ck_assert_int_eq(mv_jail_close_others(9), -EBADF);
	ck_assert_int_eq(mv_jail_close_others(1), -EBADF);
}
END_TEST

START_TEST(root_is_refused)
{
	if (getuid() != 0)
		return;
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(mv_jail_enter(64), -EPERM);
}
END_TEST

static void become_nobody(void)
{
	if (getuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
}

START_TEST(privileges_to_gain_are_refused)
{
	become_nobody();
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	ck_assert_int_eq(mv_jail_enter(64), -EPERM);
}
END_TEST

START_TEST(capabilities_are_refused)
{
	if (getuid() != 0)
		return;
	ck_assert_int_eq(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
	become_nobody();
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(mv_jail_enter(64), -EPERM);
}
END_TEST

START_TEST(what_is_not_needed_is_given_up)
{
	struct rlimit l;

	become_nobody();
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(mv_jail_enter(64), 0);
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &l), 0);
	ck_assert_uint_eq(l.rlim_max, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
	ck_assert_uint_eq(l.rlim_max, 64);
	ck_assert_int_eq(getrlimit(RLIMIT_MSGQUEUE, &l), 0);
	ck_assert_uint_eq(l.rlim_max, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &l), 0);
	ck_assert_uint_le(l.rlim_max, 16);
	ck_assert_ptr_null(getenv("PATH"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("jail");

	tcase_add_exit_test(t, only_the_log_and_the_control_socket_stay_open, 0);
	tcase_add_test(t, a_missing_descriptor_is_refused);
	tcase_add_test(t, root_is_refused);
	tcase_add_test(t, privileges_to_gain_are_refused);
	tcase_add_test(t, capabilities_are_refused);
	tcase_add_test(t, what_is_not_needed_is_given_up);
	return suite_run("microvisor/jail", t);
}
