#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/support/suite.h"
#include "tests/unit/agent/save_fixture.h"

/* The saver on an ext4 of its own, whose power is cut before and after each of its system calls: what the disk has
 * then is copied, mounted as after a restart, and looked at. What the file system had only in memory is lost. */

enum {
	SKIPPED = 77,
	IMAGE_BYTES = 8 << 20
};

extern char **environ;

/* A line of shell; its status. */
static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *fmt, ...)
{
	static char name[] = "sh";
	static char option[] = "-c";
	char line[1024];
	char *argv[] = {name, option, line, NULL};
	int status = -1;
	pid_t pid;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (posix_spawnp(&pid, name, NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static char image[256];
static char copy[256];
static char mounted[256];
static char again[256];

/* home/ of the fixture becomes a folder of the image, with the version before beside it. */
static void setup_disk(void)
{
	setup();
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	snprintf(image, sizeof(image), "%s/image", folder);
	snprintf(copy, sizeof(copy), "%s/copy", folder);
	snprintf(mounted, sizeof(mounted), "%s/home", folder);
	snprintf(again, sizeof(again), "%s/again", folder);
	int fd = open(image, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(ftruncate(fd, IMAGE_BYTES), 0);
	close(fd);
	ck_assert_int_eq(mkdir(again, 0700), 0);
	ck_assert_int_eq(run("mkfs.ext4 -q %s", image), 0);
	close(fds[0]);
	close(fds[2]);
	ck_assert_int_eq(run("mount -o loop %s %s", image, mounted), 0);
	put("home/a.txt", OLD_TEXT);
	fds[0] = open(mounted, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fds[2] = open(fixture_path(folder, "home/before"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	note_original();
	ck_assert_int_eq(syncfs(fds[2]), 0);
}

static void teardown_disk(void)
{
	teardown();
	(void)run("umount %s", mounted); /* goes with the namespace else */
}

/* What is there after the restart: 'o' old, 'n' new. */
static char cut_power(void)
{
	ck_assert_int_eq(run("cp --sparse=always %s %s", image, copy), 0);
	ck_assert_int_eq(run("mount -o loop %s %s", copy, again), 0);
	bool is_new = strcmp(text_at("again/a.txt"), NEW_TEXT) == 0;

	if (!is_new)
		ck_assert_str_eq(text_at("again/a.txt"), OLD_TEXT);
	else
		ck_assert_str_eq(text_at("again/before"), OLD_TEXT);
	ck_assert_int_eq(run("umount %s", again), 0);
	return is_new ? 'n' : 'o';
}

START_TEST(a_power_cut_at_any_step_leaves_the_old_version_or_the_new_one)
{
	int status = 0;
	char now = 'o';
	pid_t pid = save_traced(&status);

	while (WIFSTOPPED(status)) {
		char then = cut_power();

		ck_assert(now == 'o' || then == 'n');
		now = then;
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	}
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	/* What was told to be saved is. */
	ck_assert_int_eq(cut_power(), 'n');
}
END_TEST

static bool has_loop_mounts(void)
{
	return getuid() == 0 &&
	       run("d=$(mktemp -d) && truncate -s 8M $d/i && mkfs.ext4 -q $d/i && mkdir $d/m && "
		   "unshare -m mount -o loop $d/i $d/m; r=$?; rm -r $d; exit $r") == 0;
}

int main(void)
{
	TCase *t = tcase_create("power");

	if (!has_loop_mounts()) {
		puts("needs root, mkfs.ext4 and a loop device");
		return SKIPPED;
	}
	tcase_add_checked_fixture(t, setup_disk, teardown_disk);
	tcase_set_timeout(t, 55);
	tcase_add_test(t, a_power_cut_at_any_step_leaves_the_old_version_or_the_new_one);
	return suite_run("agent/save-power", t);
}
