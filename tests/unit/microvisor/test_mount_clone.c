/* What a shared folder is in life: a detached mount clone (design: "the original is never written" is the kernel's
 * rule). Needs root, for open_tree(2) and mount_setattr(2). */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "tests/support/fuse.h"
#include "tests/support/suite.h"

static const struct table_rule rules[] = {
	{.id = "clone", .verdict = MV_ALLOW, .subtree = "/srv/clone"},
	{0},
};

static struct guest guest;
static int clone_fd;

static void setup(void)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV |
					      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};

	guest_init(&guest, rules);
	clone_fd = (int)syscall(SYS_open_tree, AT_FDCWD, guest_host(&guest, "docs"),
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	ck_assert_int_ge(clone_fd, 0);
	ck_assert_int_eq(
		syscall(SYS_mount_setattr, clone_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)), 0);
}

static void teardown(void)
{
	close(clone_fd);
	guest_release(&guest);
}

START_TEST(the_clone_has_no_way_out_and_takes_no_write)
{
	ck_assert_int_lt(openat(clone_fd, "../../../etc/passwd", O_RDONLY | O_CLOEXEC), 0);
	ck_assert_int_lt(openat(clone_fd, "../one.txt", O_RDONLY | O_CLOEXEC), 0);
	ck_assert_int_lt(openat(clone_fd, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	ck_assert_int_eq(errno, EROFS);
	ck_assert_int_lt(openat(clone_fd, "a.txt", O_WRONLY | O_CLOEXEC), 0);
	ck_assert_int_eq(errno, EROFS);
	ck_assert_int_lt(unlinkat(clone_fd, "a.txt", 0), 0);
	ck_assert_int_eq(errno, EROFS);
}
END_TEST

START_TEST(the_view_serves_it)
{
	uint64_t fh;
	uint64_t folder_fh;

	ck_assert_int_eq(mv_view_add(guest.view, MV_SHARE_FOLDER, "/srv/clone", 10, dup(clone_fd)),
			 0);
	uint64_t folder = guest_walk(&guest, "/srv/clone/sub");
	uint64_t file = guest_walk(&guest, "/srv/clone/a.txt");

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, O_RDONLY, &fh), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, fh, 0, 100), 0);
	ck_assert_mem_eq(guest.reply, "hello", 5);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPENDIR, folder, 0, &folder_fh), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, folder, folder_fh, 0, 4096), 0);
	ck_assert_uint_gt(guest.reply_bytes, 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("mount clone");

	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_clone_has_no_way_out_and_takes_no_write);
	tcase_add_test(t, the_view_serves_it);
	return suite_run("microvisor/mount_clone", t);
}
