#include <check.h>
#include <errno.h>

#include "microvisor/delta.h"
#include "tests/support/fuse.h"
#include "tests/support/suite.h"

/* What a task may change, what it is refused, and that a host which changes meanwhile is not followed. */

static const struct table_rule rules[] = {
	{.id = "secret", .verdict = MV_DENY, .subtree = "/home/u/docs/secret"},
	{.id = "sub", .verdict = MV_NEW, .glob = "/home/u/docs/sub/*"},
	{.id = "docs", .verdict = MV_COPY, .subtree = "/home/u/docs"},
	{.id = "one", .verdict = MV_ALLOW, .exact = "/home/u/one.txt"},
	{0}};

static struct guest guest;

static void setup(void)
{
	guest_init(&guest, rules);
	guest_give_store(&guest, 64 << 10, 0);
	mv_view_reset(guest.view);
	ck_assert_int_eq(guest_mount(&guest, 37), 0);
}

static void teardown(void)
{
	guest_release(&guest);
}

static int create(const char *folder, const char *name)
{
	struct fuse_create_in in = {.flags = O_RDWR, .mode = S_IFREG | 0600};

	return guest_name(&guest, FUSE_CREATE, guest_walk(&guest, folder), &in, sizeof(in), name);
}

static int write_to(uint64_t node, uint64_t fh, uint64_t at, uint32_t n)
{
	static uint8_t bytes[8192];
	struct fuse_write_in in = {.fh = fh, .offset = at, .size = n};

	return guest_ask2(&guest, FUSE_WRITE, node, &in, sizeof(in), bytes, n);
}

START_TEST(a_size_beyond_the_cap_is_refused)
{
	struct fuse_setattr_in in = {.valid = FATTR_SIZE, .size = MV_DELTA_SIZE_MAX + 1};
	uint64_t node = guest_walk(&guest, "/home/u/docs/a.txt");
	uint64_t fh;

	ck_assert_int_eq(guest_ask(&guest, FUSE_SETATTR, node, &in, sizeof(in)), -EFBIG);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, node, O_RDWR, &fh), 0);
	ck_assert_int_eq(write_to(node, fh, MV_DELTA_SIZE_MAX - 1, 2), -EFBIG);
	ck_assert_int_eq(write_to(node, fh, INT64_MAX, 2), -EFBIG);
	ck_assert_int_eq(write_to(node, fh + 1, 0, 2), -EBADF);
}
END_TEST

START_TEST(a_full_store_refuses_and_spoils_nothing)
{
	uint64_t node = guest_walk(&guest, "/home/u/docs/a.txt");
	uint64_t fh;
	int r = 0;

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, node, O_RDWR, &fh), 0);
	for (unsigned i = 1; r == 0 && i < 20; i++)
		r = write_to(node, fh, i * 8192, 8192);
	ck_assert_int_eq(r, -ENOSPC);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, node, fh, 0, 5), 0);
	ck_assert_mem_eq(guest.reply, "hello", 5);
	struct fuse_setattr_in in = {.valid = FATTR_SIZE, .size = 5};

	ck_assert_int_eq(guest_ask(&guest, FUSE_SETATTR, node, &in, sizeof(in)), 0);
	ck_assert_int_eq(write_to(node, fh, 5, 100), 0);
}
END_TEST

START_TEST(an_original_that_became_something_else_is_not_followed)
{
	uint64_t node = guest_walk(&guest, "/home/u/docs/a.txt");
	uint64_t fh;

	ck_assert_int_eq(unlink(guest_host(&guest, "docs/a.txt")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", guest_host(&guest, "docs/a.txt")), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, node, O_RDWR, &fh), -ESTALE);
	ck_assert_int_eq(unlink(guest_host(&guest, "docs/a.txt")), 0);
	ck_assert_int_eq(mkfifo(guest_host(&guest, "docs/a.txt"), 0600), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, node, O_RDWR, &fh), -ESTALE);
}
END_TEST

START_TEST(an_original_that_was_cut_reads_as_zeros)
{
	uint64_t node = guest_walk(&guest, "/home/u/docs/a.txt");
	uint64_t fh;

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, node, O_RDWR, &fh), 0);
	ck_assert_int_eq(write_to(node, fh, 9000, 1), 0);
	ck_assert_int_eq(truncate(guest_host(&guest, "docs/a.txt"), 2), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, node, fh, 0, 5), 0);
	ck_assert_mem_eq(guest.reply, "he\0\0\0", 5);
}
END_TEST

START_TEST(owners_links_and_devices_are_refused)
{
	struct fuse_setattr_in in = {.valid = FATTR_UID, .uid = 0};
	struct fuse_link_in link = {.oldnodeid = guest_walk(&guest, "/home/u/docs/a.txt")};
	struct fuse_mknod_in mknod = {.mode = S_IFCHR | 0666, .rdev = 259};
	uint64_t docs = guest_walk(&guest, "/home/u/docs");

	ck_assert_int_eq(guest_ask(&guest, FUSE_SETATTR, link.oldnodeid, &in, sizeof(in)), -EPERM);
	ck_assert_int_eq(guest_name(&guest, FUSE_LINK, docs, &link, sizeof(link), "h"), -EPERM);
	ck_assert_int_eq(guest_name(&guest, FUSE_MKNOD, docs, &mknod, sizeof(mknod), "n"), -EPERM);
	ck_assert_int_eq(guest_name(&guest, FUSE_SYMLINK, docs, NULL, 0, "l"), -EPERM);
}
END_TEST

START_TEST(new_hides_what_the_host_has_and_shows_what_the_task_made)
{
	ck_assert_uint_eq(guest_walk(&guest, "/home/u/docs/sub/b.txt"), 0);
	ck_assert_int_eq(create("/home/u/docs/sub", "mine"), 0);
	ck_assert_uint_ne(guest_walk(&guest, "/home/u/docs/sub/mine"), 0);
	ck_assert_int_eq(create("/home/u/docs/sub", "b.txt"), 0);
	ck_assert_int_eq(create("/home/u/docs/secret", "x"), -EACCES);
	ck_assert_int_eq(create("/home/u", "elsewhere"), -EACCES);
	ck_assert_int_eq(access(guest_host(&guest, "docs/sub/mine"), F_OK), -1);
}
END_TEST

START_TEST(a_name_that_is_none_is_refused)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/abs"};

	ck_assert_int_eq(create("/home/u/docs", names[_i]), -EINVAL);
}
END_TEST

START_TEST(a_folder_of_the_host_is_neither_moved_nor_removed)
{
	struct fuse_rename2_in in = {.newdir = guest_walk(&guest, "/home/u/docs")};

	ck_assert_int_eq(guest_ask2(&guest, FUSE_RENAME2, in.newdir, &in, sizeof(in), "sub\0s", 6),
			 -EXDEV);
	ck_assert_int_eq(guest_name(&guest, FUSE_RMDIR, in.newdir, NULL, 0, "sub"), -EPERM);
	in.flags = RENAME_EXCHANGE;
	ck_assert_int_eq(guest_ask2(&guest, FUSE_RENAME2, in.newdir, &in, sizeof(in), "a.txt\0s",
				    8),
			 -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("store");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_size_beyond_the_cap_is_refused);
	tcase_add_test(t, a_full_store_refuses_and_spoils_nothing);
	tcase_add_test(t, an_original_that_became_something_else_is_not_followed);
	tcase_add_test(t, an_original_that_was_cut_reads_as_zeros);
	tcase_add_test(t, owners_links_and_devices_are_refused);
	tcase_add_test(t, new_hides_what_the_host_has_and_shows_what_the_task_made);
	tcase_add_loop_test(t, a_name_that_is_none_is_refused, 0, 5);
	tcase_add_test(t, a_folder_of_the_host_is_neither_moved_nor_removed);
	return suite_run("microvisor/store", t);
}
