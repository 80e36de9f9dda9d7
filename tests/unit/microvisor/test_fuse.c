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

START_TEST(a_file_is_read_at_any_place_within_the_room)
{
	uint64_t fh;
	uint64_t node = guest_walk(&guest, "/home/u/one.txt");

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, node, O_RDONLY, &fh), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, node, fh, 1, UINT32_MAX), 0);
	ck_assert_uint_eq(guest.reply_bytes, 2);
	ck_assert_mem_eq(guest.reply, "ne", 2);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, node, fh, 100, 10), 0);
	ck_assert_uint_eq(guest.reply_bytes, 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, node, fh, 1ULL << 63, 10), -EINVAL);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, node, fh, INT64_MAX, 10), -EINVAL);
	guest.room = sizeof(struct fuse_out_header) + 1;
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, node, fh, 0, 100), 0);
	ck_assert_uint_eq(guest.reply_bytes, 1);
}
END_TEST

START_TEST(attributes_are_the_tasks_and_read_only)
{
	struct fuse_getattr_in in = {0};
	struct fuse_attr_out out;
	struct fuse_entry_out entry;
	uint64_t node = guest_walk(&guest, "/home/u/docs");

	ck_assert_int_eq(guest_lookup(&guest, node, "a.txt", &entry), 0);
	ck_assert_uint_eq(entry.attr.mode, S_IFREG | 0444);
	ck_assert_uint_eq(entry.attr.uid, 1000);
	ck_assert_uint_eq(entry.attr.gid, 1000);
	ck_assert_uint_eq(entry.attr.size, 5);
	ck_assert_uint_eq(entry.entry_valid + entry.attr_valid + entry.entry_valid_nsec, 0);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, node, &in, sizeof(in)), 0);
	memcpy(&out, guest.reply, sizeof(out));
	ck_assert_uint_eq(out.attr.mode, S_IFDIR | 0555);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, FUSE_ROOT_ID, &in, sizeof(in)), 0);
	memcpy(&out, guest.reply, sizeof(out));
	ck_assert_uint_eq(out.attr.mode, S_IFDIR | 0555);
}
END_TEST

START_TEST(a_number_survives_being_forgotten)
{
	struct fuse_entry_out first;
	struct fuse_entry_out again;
	uint64_t node = guest_walk(&guest, "/home/u/docs");

	ck_assert_int_eq(guest_lookup(&guest, node, "a.txt", &first), 0);
	guest_forget(&guest, first.nodeid, 1);
	ck_assert_int_eq(guest_lookup(&guest, node, "a.txt", &again), 0);
	ck_assert_uint_eq(first.attr.ino, again.attr.ino);
	ck_assert_uint_ne(first.nodeid, again.nodeid);
}
END_TEST

static const char *const bad_names[] = {"", ".", "..", "a/b", "/abs", "/", "a/", "../x"};

START_TEST(a_name_that_is_no_name_is_refused)
{
	struct fuse_create_in create = {0};
	struct fuse_rename_in rename = {.newdir = FUSE_ROOT_ID};
	const char *name = bad_names[_i];
	char both[64] = {0};
	size_t n = strlen(name) + 1;
	uint64_t node = guest_walk(&guest, "/home/u/docs");

	ck_assert_int_eq(guest_name(&guest, FUSE_LOOKUP, node, NULL, 0, name), -EINVAL);
	ck_assert_int_eq(guest_name(&guest, FUSE_UNLINK, node, NULL, 0, name), -EINVAL);
	ck_assert_int_eq(guest_name(&guest, FUSE_CREATE, node, &create, sizeof(create), name),
			 -EINVAL);
	memcpy(both, name, n);
	memcpy(both + n, "ok", 3);
	ck_assert_int_eq(guest_ask2(&guest, FUSE_RENAME, node, &rename, sizeof(rename), both,
				    n + 3),
			 -EINVAL);
	memset(both, 0, sizeof(both));
	memcpy(both, "ok", 3);
	memcpy(both + 3, name, n);
	ck_assert_int_eq(guest_ask2(&guest, FUSE_RENAME, node, &rename, sizeof(rename), both,
				    n + 3),
			 -EINVAL);
}
END_TEST

START_TEST(a_name_without_an_end_or_too_long_is_refused)
{
	char name[258];
	uint64_t node = guest_walk(&guest, "/home/u/docs");

	ck_assert_int_eq(guest_ask(&guest, FUSE_LOOKUP, node, "abc", 3), -EINVAL);
	memset(name, 'a', sizeof(name));
	name[256] = '\0';
	ck_assert_int_eq(guest_name(&guest, FUSE_LOOKUP, node, NULL, 0, name), -ENAMETOOLONG);
	name[255] = '\0';
	ck_assert_int_eq(guest_name(&guest, FUSE_LOOKUP, node, NULL, 0, name), -ENOENT);
	ck_assert_int_eq(guest_ask(&guest, FUSE_LOOKUP, node, "a.txt\0x", 8), 0);
	ck_assert_int_eq(guest_name(&guest, FUSE_LOOKUP, node, NULL, 0, "\xff\xfe"), -ENOENT);
}
END_TEST

START_TEST(numbers_that_were_not_given_are_refused)
{
	struct fuse_getattr_in in = {0};
	uint64_t fh;
	uint64_t file = guest_walk(&guest, "/home/u/docs/a.txt");
	uint64_t other = guest_walk(&guest, "/home/u/one.txt");
	uint64_t folder = guest_walk(&guest, "/home/u/docs");

	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, 0, &in, sizeof(in)), -ESTALE);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, 60000, &in, sizeof(in)), -ESTALE);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, UINT64_MAX, &in, sizeof(in)), -ESTALE);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, file | 1ULL << 32, &in, sizeof(in)),
			 -ESTALE);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, folder, 0, &fh), -EISDIR);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPENDIR, file, 0, &fh), -ENOTDIR);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, 0, &fh), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, other, fh, 0, 10), -EBADF);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, file, fh, 0, 10), -EBADF);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, 0, 0, 10), -EBADF);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, UINT64_MAX, 0, 10), -EBADF);
	struct fuse_release_in release = {.fh = fh};

	ck_assert_int_eq(guest_ask(&guest, FUSE_RELEASE, other, &release, sizeof(release)), -EBADF);
	ck_assert_int_eq(guest_ask(&guest, FUSE_RELEASE, file, &release, sizeof(release)), 0);
	ck_assert_int_eq(guest_ask(&guest, FUSE_RELEASE, file, &release, sizeof(release)), -EBADF);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, fh, 0, 10), -EBADF);
}
END_TEST

START_TEST(forgetting_too_much_or_while_open_is_harmless)
{
	uint64_t fh;
	uint64_t file = guest_walk(&guest, "/home/u/docs/a.txt");
	struct fuse_release_in release;

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, 0, &fh), 0);
	guest_forget(&guest, file, UINT64_MAX);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, fh, 0, 10), -ESTALE);
	guest_forget(&guest, file, 1);
	guest_forget(&guest, FUSE_ROOT_ID, UINT64_MAX);
	uint64_t again = guest_walk(&guest, "/home/u/docs/a.txt");

	ck_assert_uint_eq(again, file);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, again, fh, 0, 10), 0);
	release.fh = fh;
	ck_assert_int_eq(guest_ask(&guest, FUSE_RELEASE, again, &release, sizeof(release)), 0);
}
END_TEST

START_TEST(a_batch_that_claims_more_than_it_has_stops)
{
	struct {
		struct fuse_batch_forget_in in;
		struct fuse_forget_one one[2];
	} batch = {.in.count = UINT32_MAX};
	uint64_t file = guest_walk(&guest, "/home/u/docs/a.txt");
	struct fuse_getattr_in in = {0};

	batch.one[0] = (struct fuse_forget_one){.nodeid = 0, .nlookup = 1};
	batch.one[1] = (struct fuse_forget_one){.nodeid = file, .nlookup = UINT64_MAX};
	ck_assert_int_eq(guest_ask(&guest, FUSE_BATCH_FORGET, 0, &batch, sizeof(batch)), 1);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, file, &in, sizeof(in)), -ESTALE);
}
END_TEST

START_TEST(handles_have_an_end)
{
	uint64_t fh;
	uint64_t file = guest_walk(&guest, "/home/u/docs/a.txt");
	struct fuse_release_in release;

	for (int i = 0; i < MV_VIEW_HANDLES_MAX; i++)
		ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, 0, &fh), 0);
	release.fh = fh;
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, 0, &fh), -ENFILE);
	ck_assert_int_eq(guest_ask(&guest, FUSE_RELEASE, file, &release, sizeof(release)), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, 0, &fh), 0);
}
END_TEST

/* One name under ever new identities: each replaces the last, and the guest forgets none. */
START_TEST(nodes_have_an_end)
{
	struct fuse_entry_out entry;
	uint64_t docs = guest_walk(&guest, "/home/u/docs");
	char from[256];
	int error = 0;
	int i = 0;

	for (; i <= MV_VIEW_NODES_MAX && error == 0; i++) {
		snprintf(from, sizeof(from), "%s", guest_host(&guest, "docs/next"));
		guest_write(&guest, "docs/next", "");
		ck_assert_int_eq(rename(from, guest_host(&guest, "docs/swap")), 0);
		error = guest_lookup(&guest, docs, "swap", &entry);
	}
	ck_assert_int_eq(error, -ENFILE);
	ck_assert_int_gt(i, MV_VIEW_NODES_MAX - 16);
	guest_forget(&guest, FUSE_ROOT_ID + 3, 1);
	ck_assert_uint_ne(guest_walk(&guest, "/home/u/docs"), 0);
}
END_TEST

START_TEST(an_unknown_operation_is_enosys)
{
	static const uint8_t zeroes[64];

	ck_assert_int_eq(guest_ask(&guest, FUSE_GETXATTR, FUSE_ROOT_ID, zeroes, 64), -ENOSYS);
	ck_assert_int_eq(guest_ask(&guest, FUSE_IOCTL, FUSE_ROOT_ID, zeroes, 64), -ENOSYS);
	ck_assert_int_eq(guest_ask(&guest, FUSE_SETUPMAPPING, FUSE_ROOT_ID, zeroes, 64), -ENOSYS);
	ck_assert_int_eq(guest_ask(&guest, FUSE_READDIRPLUS, FUSE_ROOT_ID, zeroes, 64), -ENOSYS);
	ck_assert_int_eq(guest_ask(&guest, 0, FUSE_ROOT_ID, zeroes, 64), -ENOSYS);
	ck_assert_int_eq(guest_ask(&guest, 7, FUSE_ROOT_ID, zeroes, 64), -ENOSYS);
	ck_assert_int_eq(guest_ask(&guest, 4096, FUSE_ROOT_ID, zeroes, 64), -ENOSYS);
	ck_assert_int_eq(guest_ask(&guest, UINT32_MAX, FUSE_ROOT_ID, zeroes, 64), -ENOSYS);
}
END_TEST

START_TEST(init_answers_as_linux_expects)
{
	struct fuse_init_out out;

	ck_assert_int_eq(guest_mount(&guest, 37), -EINVAL);
	ck_assert_int_eq(guest_ask(&guest, FUSE_DESTROY, 0, NULL, 0), 0);
	ck_assert_int_eq(guest_mount(&guest, 30), -EPROTO);
	ck_assert_int_eq(guest_mount(&guest, 37), 0);
	ck_assert_uint_eq(guest.reply_bytes, sizeof(out));
	memcpy(&out, guest.reply, sizeof(out));
	ck_assert_uint_eq(out.major, 7);
	ck_assert_uint_eq(out.minor, 31);
	ck_assert_uint_eq(out.max_pages, MV_FUSE_READ_MAX / 4096);
	ck_assert_uint_eq(out.flags &
				  (FUSE_WRITEBACK_CACHE | FUSE_MAP_ALIGNMENT | FUSE_POSIX_LOCKS |
				   FUSE_FLOCK_LOCKS | FUSE_INIT_EXT | FUSE_CACHE_SYMLINKS),
			  0);
}
END_TEST

START_TEST(init_of_another_major_is_answered_with_ours)
{
	struct fuse_init_in in = {.major = 8};

	ck_assert_int_eq(guest_ask(&guest, FUSE_DESTROY, 0, NULL, 0), 0);
	ck_assert_int_eq(guest_ask(&guest, FUSE_INIT, 0, &in, sizeof(in)), 0);
	ck_assert_int_eq(guest_name(&guest, FUSE_LOOKUP, 1, NULL, 0, "home"), -EIO);
	in.major = 6;
	ck_assert_int_eq(guest_ask(&guest, FUSE_INIT, 0, &in, sizeof(in)), -EPROTO);
	ck_assert_int_eq(guest_ask(&guest, FUSE_INIT, 0, &in, 15), -EINVAL);
}
END_TEST

START_TEST(nothing_is_served_before_init_or_after_destroy)
{
	uint64_t fh;
	uint64_t file = guest_walk(&guest, "/home/u/docs/a.txt");

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, 0, &fh), 0);
	ck_assert_int_eq(guest_ask(&guest, FUSE_DESTROY, 0, NULL, 0), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, fh, 0, 10), -EIO);
	ck_assert_int_eq(guest_name(&guest, FUSE_LOOKUP, 1, NULL, 0, "home"), -EIO);
	guest_forget(&guest, file, 1);
	ck_assert_int_eq(guest_mount(&guest, 37), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, fh, 0, 10), -ESTALE);
}
END_TEST

START_TEST(a_request_whose_length_lies_is_refused)
{
	struct fuse_in_header header = {.opcode = FUSE_STATFS, .nodeid = 1, .unique = 5};
	struct fuse_out_header out;
	const void *reply;
	static const uint32_t lengths[] = {0, 39, 41, UINT32_MAX};

	for (unsigned i = 0; i < 4; i++) {
		header.len = lengths[i];
		ck_assert_uint_eq(mv_view_serve(guest.view, &guest.from, &header, sizeof(header),
						4096, &reply),
				  sizeof(out));
		memcpy(&out, reply, sizeof(out));
		ck_assert_int_eq(out.error, -EINVAL);
		ck_assert_uint_eq(out.unique, 5);
	}
	header.len = sizeof(header);
	for (size_t n = 0; n < sizeof(header); n++)
		ck_assert_uint_eq(mv_view_serve(guest.view, &guest.from, &header, n, 4096, &reply),
				  0);
	ck_assert_uint_eq(
		mv_view_serve(guest.view, &guest.from, &header, sizeof(header), 15, &reply), 0);
	ck_assert_uint_eq(
		mv_view_serve(guest.view, &guest.from, &header, sizeof(header), 16, &reply), 16);
}
END_TEST

START_TEST(a_structure_cut_short_is_refused)
{
	static const uint8_t zeroes[128];

	ck_assert_int_eq(guest_ask(&guest, FUSE_READ, 1, zeroes, sizeof(struct fuse_read_in) - 1),
			 -EINVAL);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, 1, zeroes, 3), -EINVAL);
	ck_assert_int_eq(guest_ask(&guest, FUSE_LOOKUP, 1, NULL, 0), -EINVAL);
	ck_assert_int_eq(guest_ask(&guest, FUSE_RENAME2, 1, zeroes, 15), -EINVAL);
	ck_assert_int_eq(guest_ask(&guest, FUSE_CREATE, 1, zeroes, sizeof(struct fuse_create_in)),
			 -EINVAL);
	guest.room = 20;
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, 1, zeroes, sizeof(struct fuse_getattr_in)),
			 -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fuse");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_file_is_read_at_any_place_within_the_room);
	tcase_add_test(t, attributes_are_the_tasks_and_read_only);
	tcase_add_test(t, a_number_survives_being_forgotten);
	tcase_add_loop_test(t, a_name_that_is_no_name_is_refused, 0,
			    sizeof(bad_names) / sizeof(bad_names[0]));
	tcase_add_test(t, a_name_without_an_end_or_too_long_is_refused);
	tcase_add_test(t, numbers_that_were_not_given_are_refused);
	tcase_add_test(t, forgetting_too_much_or_while_open_is_harmless);
	tcase_add_test(t, a_batch_that_claims_more_than_it_has_stops);
	tcase_add_test(t, handles_have_an_end);
	tcase_add_test(t, nodes_have_an_end);
	tcase_add_test(t, an_unknown_operation_is_enosys);
	tcase_add_test(t, init_answers_as_linux_expects);
	tcase_add_test(t, init_of_another_major_is_answered_with_ours);
	tcase_add_test(t, nothing_is_served_before_init_or_after_destroy);
	tcase_add_test(t, a_request_whose_length_lies_is_refused);
	tcase_add_test(t, a_structure_cut_short_is_refused);
	return suite_run("microvisor/fuse", t);
}
