#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "tests/support/suite.h"
#include "tests/unit/agent/save_fixture.h"

/* The saver, where rights or room end. As root only: the tests become another user, and mount. */

/* A process without rights to what lies in the folder. */
static int as_nobody(void (*check)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
		    setresuid(65534, 65534, 65534) < 0)
			_exit(9);
		check();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void cannot_replace_it(void)
{
	save();
	if (reply.outcome != AGENT_SAVED_NOT || reply.step != AGENT_SAVE_TARGET ||
	    reply.error != EACCES)
		_exit(1);
}

START_TEST(a_file_that_the_user_may_not_write_is_not_replaced)
{
	/* The folder is anybody's to write, so rename(2) alone would let him. */
	ck_assert_int_eq(chmod(fixture_path(folder, "home"), 0777), 0);
	ck_assert_int_eq(chmod(fixture_path(folder, "home/a.txt"), 0644), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	note_original();
	ck_assert_int_eq(as_nobody(cannot_replace_it), 0);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
}
END_TEST

static void cannot_keep_its_owner(void)
{
	save();
	if (reply.outcome != AGENT_SAVED_NOT || reply.step != AGENT_SAVE_ATTRIBUTES ||
	    reply.error != EPERM)
		_exit(1);
}

START_TEST(a_file_of_somebody_else_does_not_become_the_users)
{
	ck_assert_int_eq(chmod(fixture_path(folder, "home"), 0777), 0);
	ck_assert_int_eq(chmod(fixture_path(folder, "home/a.txt"), 0666), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	note_original();
	ck_assert_int_eq(as_nobody(cannot_keep_its_owner), 0);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
}
END_TEST

/* A tmpfs of a few pages over the home. */
static void mount_home(const char *options)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("small", fixture_path(folder, "home"), "tmpfs", 0, options), 0);
	close(fds[0]);
	put("home/a.txt", OLD_TEXT);
	fds[0] = open(fixture_path(folder, "home"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	note_original();
}

static void umount_home(void)
{
	close(fds[0]);
	fds[0] = -1;
	ck_assert_int_eq(umount2(fixture_path(folder, "home"), MNT_DETACH), 0);
}

START_TEST(a_full_file_system_keeps_what_it_had)
{
	static char much[1 << 17];

	mount_home("size=64k");
	memset(much, 'm', sizeof(much));
	ck_assert_int_eq(ftruncate(fds[1], MV_DELTA_DATA_AT + sizeof(much)), 0);
	delta_put_bytes(fds[1], much, sizeof(much), 0);
	is_refused(AGENT_SAVE_WRITE, ENOSPC);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
	umount_home();
}
END_TEST

START_TEST(a_read_only_file_system_keeps_what_it_had)
{
	mount_home("size=64k");
	ck_assert_int_eq(
		mount(NULL, fixture_path(folder, "home"), NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	is_refused(AGENT_SAVE_TARGET, EACCES);
	note_nothing();
	snprintf(request.path, sizeof(request.path), "new.txt");
	is_refused(AGENT_SAVE_TEMPORARY, EROFS);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
	umount_home();
}
END_TEST

START_TEST(without_room_for_the_version_before_nothing_is_replaced)
{
	mount_home("size=64k");
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	close(fds[2]);
	fds[2] = full;
	is_refused(AGENT_SAVE_KEEP, ENOSPC);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
	umount_home();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("limits");

	if (getuid() != 0 || unshare(CLONE_NEWNS) < 0) {
		puts("needs root, to become another user and to mount");
		return 77;
	}
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_file_that_the_user_may_not_write_is_not_replaced);
	tcase_add_test(t, a_file_of_somebody_else_does_not_become_the_users);
	tcase_add_test(t, a_full_file_system_keeps_what_it_had);
	tcase_add_test(t, a_read_only_file_system_keeps_what_it_had);
	tcase_add_test(t, without_room_for_the_version_before_nothing_is_replaced);
	return suite_run("agent/save-limits", t);
}
