#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/support/suite.h"
#include "tests/unit/agent/save_fixture.h"

/* The saver, killed before and after each of its system calls. */

/* Runs a save and kills it at its n-th system call; whether it came to its end before. */
static bool kill_at(int n)
{
	int status = 0;
	pid_t pid = save_traced(&status);

	ck_assert(WIFSTOPPED(status));
	for (int i = 0; i < n; i++) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return true;
		}
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return false;
}

/* Each stop is before or after one call: every state that a kill can leave is looked at. */
START_TEST(a_kill_at_any_step_leaves_the_old_version_or_the_new_one)
{
	bool was_old = false;
	bool was_new = false;

	for (int n = 1, ended = 0; !ended; n++) {
		ck_assert_int_lt(n, 1000);
		if (ftruncate(fds[2], 0) < 0)
			ck_abort();
		put("home/a.txt", OLD_TEXT);
		note_original();
		ended = kill_at(n);
		bool is_new = strcmp(text_at("home/a.txt"), NEW_TEXT) == 0;

		if (!is_new)
			ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
		/* Whatever replaced it, the version before is there already. */
		if (is_new)
			ck_assert_str_eq(text_of(fds[2]), OLD_TEXT);
		ck_assert(!was_new || is_new || !ended);
		was_old = was_old || !is_new;
		was_new = was_new || is_new;
	}
	ck_assert(was_old && was_new);
}
END_TEST

START_TEST(a_kill_at_any_step_leaves_no_new_file_or_all_of_it)
{
	note_nothing();
	snprintf(request.path, sizeof(request.path), "n.txt");
	for (int n = 1, ended = 0; !ended; n++) {
		ck_assert_int_lt(n, 1000);
		(void)unlink(fixture_path(folder, "home/n.txt"));
		ended = kill_at(n);
		if (strcmp(text_at("home/n.txt"), "(none)") != 0)
			ck_assert_str_eq(text_at("home/n.txt"), NEW_TEXT);
	}
	ck_assert_str_eq(text_at("home/n.txt"), NEW_TEXT);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("kills");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 50);
	tcase_add_test(t, a_kill_at_any_step_leaves_the_old_version_or_the_new_one);
	tcase_add_test(t, a_kill_at_any_step_leaves_no_new_file_or_all_of_it);
	return suite_run("agent/save-kills", t);
}
