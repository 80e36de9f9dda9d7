#include <check.h>
#include <errno.h>

#include "tests/support/fuse.h"
#include "tests/support/suite.h"

static const struct table_rule rules[] = {
	{.id = "secret", .verdict = MV_DENY, .subtree = "/home/u/docs/secret"},
	{.id = "key", .verdict = MV_DENY, .glob = "/home/u/docs/**.key"},
	{.id = "hush", .verdict = MV_HIDE, .exact = "/home/u/docs/.dot"},
	{.id = "ban", .verdict = MV_DENY, .exact = "/srv/x/ban"},
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
	{.id = "one", .verdict = MV_COPY, .exact = "/home/u/one.txt"},
	{0},
};

static struct guest guest;

static void setup(void)
{
	guest_init(&guest, rules);
}

static void teardown(void)
{
	guest_release(&guest);
}

static const struct {
	uint32_t opcode;
	size_t in_bytes;
	const char *name;
	int error;
	enum mv_op op;
	const char *object;
} changes[] = {
	{FUSE_CREATE, sizeof(struct fuse_create_in), "new", -EACCES, MV_OP_CREATE,
	 "/home/u/docs/new"},
	{FUSE_MKDIR, sizeof(struct fuse_mkdir_in), "d", -EACCES, MV_OP_CREATE, "/home/u/docs/d"},
	{FUSE_MKNOD, sizeof(struct fuse_mknod_in), "p", -EACCES, MV_OP_CREATE, "/home/u/docs/p"},
	{FUSE_SYMLINK, 0, "l", -EACCES, MV_OP_CREATE, "/home/u/docs/l"},
	{FUSE_LINK, sizeof(struct fuse_link_in), "h", -EACCES, MV_OP_CREATE, "/home/u/docs/h"},
	{FUSE_UNLINK, 0, "a.txt", -EACCES, MV_OP_DELETE, "/home/u/docs/a.txt"},
	{FUSE_RMDIR, 0, "sub", -EACCES, MV_OP_DELETE, "/home/u/docs/sub"},
	{FUSE_UNLINK, 0, ".dot", -EROFS, MV_OP_DELETE, "/home/u/docs/.dot"},
	{FUSE_SETATTR, sizeof(struct fuse_setattr_in), NULL, -EACCES, MV_OP_WRITE, "/home/u/docs"},
	{FUSE_WRITE, sizeof(struct fuse_write_in), NULL, -EACCES, MV_OP_WRITE, "/home/u/docs"},
};

START_TEST(each_change_is_refused_and_told)
{
	static const uint8_t zeroes[128];
	uint64_t node = guest_walk(&guest, "/home/u/docs");
	const char *name = changes[_i].name;

	ck_assert_int_eq(guest_ask2(&guest, changes[_i].opcode, node, zeroes, changes[_i].in_bytes,
				    name, name ? strlen(name) + 1 : 0),
			 changes[_i].error);
	const struct mv_event *event = guest_told(&guest, changes[_i].object);

	ck_assert_ptr_nonnull(event);
	ck_assert_uint_eq(event->op, changes[_i].op);
	ck_assert_int_eq(access(guest_host(&guest, "docs/a.txt"), F_OK), 0);
}
END_TEST

START_TEST(a_rename_tells_what_was_to_be_renamed)
{
	struct fuse_rename2_in in = {.newdir = guest_walk(&guest, "/home/u")};
	uint64_t node = guest_walk(&guest, "/home/u/docs");

	ck_assert_int_eq(guest_ask2(&guest, FUSE_RENAME2, node, &in, sizeof(in), "a.txt\0b", 8),
			 -EACCES);
	ck_assert_uint_eq(guest_told(&guest, "/home/u/docs/a.txt")->op, MV_OP_RENAME);
	in.newdir = 12345678;
	ck_assert_int_eq(guest_ask2(&guest, FUSE_RENAME2, node, &in, sizeof(in), "a.txt\0b", 8),
			 -ESTALE);
}
END_TEST

static const uint32_t writing_flags[] = {O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_RDONLY | O_CREAT,
					 3};

START_TEST(opening_for_writing_is_refused_and_told)
{
	uint64_t fh;
	uint64_t read_only = guest_walk(&guest, "/home/u/docs/a.txt");
	uint64_t copy = guest_walk(&guest, "/home/u/one.txt");

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, read_only, writing_flags[_i], &fh), -EACCES);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, copy, writing_flags[_i], &fh), -EROFS);
	ck_assert_uint_eq(guest_told(&guest, "/home/u/docs/a.txt")->op, MV_OP_WRITE);
	ck_assert_uint_eq(guest.event_count, 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("changes");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_change_is_refused_and_told, 0,
			    sizeof(changes) / sizeof(changes[0]));
	tcase_add_test(t, a_rename_tells_what_was_to_be_renamed);
	tcase_add_loop_test(t, opening_for_writing_is_refused_and_told, 0,
			    sizeof(writing_flags) / sizeof(writing_flags[0]));
	return suite_run("microvisor/changes", t);
}
