#include <check.h>
#include <errno.h>

#include "tests/support/fuse.h"
#include "tests/support/suite.h"

static const struct table_rule rules[] = {
	{.id = "keys", .verdict = MV_DENY, .subtree = "/home/u/.ssh", .severity = MV_HIGH},
	{.id = "secret", .verdict = MV_DENY, .subtree = "/home/u/docs/secret"},
	{.id = "key", .verdict = MV_DENY, .glob = "/home/u/docs/**.key"},
	{.id = "hush", .verdict = MV_HIDE, .exact = "/home/u/docs/.dot"},
	{.id = "ban", .verdict = MV_DENY, .exact = "/srv/x/ban"},
	{.id = "docs", .verdict = MV_ALLOW, .subtree = "/home/u/docs"},
	{.id = "one", .verdict = MV_COPY, .exact = "/home/u/one.txt"},
	{.id = "gone", .verdict = MV_ALLOW, .subtree = "/home/u/gone"},
	{0},
};

static const struct table_rule deny_docs[] = {
	{.id = "shut", .verdict = MV_DENY, .subtree = "/home/u/docs"},
	{.id = "stop", .verdict = MV_DENY, .exact = "/home/u/one.txt", .terminate = 1},
	{0},
};

static const struct table_rule globs[] = {
	{.id = "txt", .verdict = MV_ALLOW, .glob = "/home/u/docs/**/b.txt"},
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

static int walk(const char *path)
{
	uint64_t node;

	return guest_walk_to(&guest, path, &node);
}

static const struct {
	const char *path;
	int error;
	enum mv_verdict told; /* 0: nothing */
	const char *rule;
} walks[] = {
	{"/home", 0, 0, ""},
	{"/media", 0, 0, ""},
	{"/mnt", 0, 0, ""},
	{"/srv/x", 0, 0, ""},
	{"/home/u", 0, 0, ""},
	{"/home/u/docs", 0, 0, ""},
	{"/home/u/docs/a.txt", 0, 0, ""},
	{"/home/u/docs/sub/b.txt", 0, 0, ""},
	{"/home/u/one.txt", 0, 0, ""},
	{"/home/u/.ssh", 0, 0, ""},
	{"/home/u/docs/secret", 0, 0, ""},
	{"/home/u/docs/missing", -ENOENT, 0, ""},
	{"/home/u/gone", -ENOENT, 0, ""},
	{"/etc", -ENOENT, MV_HIDE, ""},
	{"/home/v", -ENOENT, MV_HIDE, ""},
	{"/home/u/diary.txt", -ENOENT, MV_HIDE, ""},
	{"/home/u/docs/.dot", -ENOENT, MV_HIDE, "hush"},
	{"/home/u/docs/link", -ENOENT, MV_HIDE, ""},
	{"/home/u/docs/fifo", -ENOENT, MV_HIDE, ""},
	{"/home/u/.ssh/id_rsa", -EACCES, MV_DENY, "keys"},
	{"/home/u/docs/secret/s.txt", -EACCES, MV_DENY, "secret"},
	{"/home/u/docs/secret/missing", -EACCES, MV_DENY, "secret"},
	{"/home/u/docs/sub/c.key", -EACCES, MV_DENY, "key"},
	{"/home/u/docs/missing.key", -EACCES, MV_DENY, "key"},
	{"/srv/x/ban", -EACCES, MV_DENY, "ban"},
	{"/home/u/docs/a.txt/x", -ENOTDIR, 0, ""},
};

START_TEST(each_path_is_shown_hidden_or_denied_and_told)
{
	ck_assert_int_eq(walk(walks[_i].path), walks[_i].error);
	const struct mv_event *event = guest_told(&guest, walks[_i].path);

	ck_assert_int_eq(event ? event->verdict : 0, walks[_i].told);
	ck_assert_str_eq(event ? event->rule : "", walks[_i].rule);
	ck_assert_uint_eq(guest.event_count, walks[_i].told ? 1 : 0);
	if (event) {
		ck_assert_uint_eq(event->op, MV_OP_LOOKUP);
		ck_assert_uint_eq(event->claimed_uid, 1000);
		ck_assert_uint_eq(event->claimed_pid, 42);
		ck_assert_uint_eq(event->exit_reason, 6);
	}
}
END_TEST

START_TEST(a_sealed_folder_is_not_listed)
{
	uint64_t fh;

	ck_assert_int_eq(guest_open(&guest, FUSE_OPENDIR, guest_walk(&guest, "/home/u/.ssh"), 0,
				    &fh),
			 -EACCES);
	const struct mv_event *event = guest_told(&guest, "/home/u/.ssh");

	ck_assert_ptr_nonnull(event);
	ck_assert_uint_eq(event->op, MV_OP_LIST);
	ck_assert_str_eq(event->rule, "keys");
}
END_TEST

START_TEST(a_new_policy_acts_on_what_is_open)
{
	uint64_t file_fh;
	uint64_t folder_fh;
	uint64_t file = guest_walk(&guest, "/home/u/docs/a.txt");
	uint64_t folder = guest_walk(&guest, "/home/u/docs");
	struct fuse_getattr_in in = {0};

	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, O_RDONLY, &file_fh), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPENDIR, folder, 0, &folder_fh), 0);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, file_fh, 0, 100), 0);
	ck_assert_uint_eq(guest.reply_bytes, 5);
	ck_assert_mem_eq(guest.reply, "hello", 5);
	guest_put_policy(&guest, deny_docs, 2);
	ck_assert_int_eq(guest_read(&guest, FUSE_READ, file, file_fh, 0, 100), -EACCES);
	ck_assert_int_eq(guest_read(&guest, FUSE_READDIR, folder, folder_fh, 0, 4096), -EACCES);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, file, &in, sizeof(in)), -EACCES);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, O_RDONLY, &file_fh), -EACCES);
	ck_assert_int_eq(walk("/home/u/docs/a.txt"), -EACCES);
	const struct mv_event *event = guest_told(&guest, "/home/u/docs/a.txt");

	ck_assert_str_eq(event->rule, "shut");
	ck_assert_uint_eq(event->serial, 2);
	ck_assert_uint_eq(event->op, MV_OP_READ);
}
END_TEST

START_TEST(a_terminate_is_remembered)
{
	guest_put_policy(&guest, deny_docs, 2);
	ck_assert_int_eq(walk("/home/u/one.txt"), -EACCES);
	ck_assert(mv_arbiter_is_terminated(guest.arbiter));
}
END_TEST

START_TEST(a_glob_shows_the_folders_on_the_way_to_its_matches)
{
	guest_put_policy(&guest, globs, 2);
	ck_assert_int_eq(walk("/home/u/docs/sub/b.txt"), 0);
	ck_assert_int_eq(walk("/home/u/docs/secret"), 0);
	ck_assert_int_eq(walk("/home/u/docs/a.txt"), -ENOENT);
	ck_assert_int_eq(walk("/home/u/docs/sub/c.key"), -ENOENT);
	ck_assert_int_eq(walk("/home/u/docs/link"), -ENOENT);
	ck_assert_int_eq(walk("/home/u/one.txt"), -ENOENT);
}
END_TEST

START_TEST(a_file_that_took_another_ones_name_is_another_node)
{
	uint64_t fh;
	uint64_t old = guest_walk(&guest, "/home/u/docs/a.txt");
	struct fuse_getattr_in in = {0};

	guest_write(&guest, "docs/new", "fresh");
	char from[256];

	snprintf(from, sizeof(from), "%s", guest_host(&guest, "docs/new"));
	ck_assert_int_eq(rename(from, guest_host(&guest, "docs/a.txt")), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, old, O_RDONLY, &fh), -ESTALE);
	ck_assert_int_eq(guest_ask(&guest, FUSE_GETATTR, old, &in, sizeof(in)), -ESTALE);
	uint64_t new = guest_walk(&guest, "/home/u/docs/a.txt");

	ck_assert_uint_ne(new, old);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, new, O_RDONLY, &fh), 0);
	ck_assert_uint_eq(guest_walk(&guest, "/home/u/docs/a.txt"), new);
}
END_TEST

START_TEST(a_link_or_fifo_raced_into_place_is_not_opened)
{
	uint64_t fh;
	uint64_t file = guest_walk(&guest, "/home/u/docs/a.txt");
	uint64_t deep = guest_walk(&guest, "/home/u/docs/sub/b.txt");

	ck_assert_int_eq(unlink(guest_host(&guest, "docs/a.txt")), 0);
	ck_assert_int_eq(mkfifo(guest_host(&guest, "docs/a.txt"), 0600), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, O_RDONLY, &fh), -ESTALE);
	ck_assert_int_eq(unlink(guest_host(&guest, "docs/a.txt")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", guest_host(&guest, "docs/a.txt")), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, file, O_RDONLY, &fh), -ESTALE);
	char from[256];

	snprintf(from, sizeof(from), "%s", guest_host(&guest, "docs/sub"));
	ck_assert_int_eq(rename(from, guest_host(&guest, "docs/moved")), 0);
	ck_assert_int_eq(symlink("/etc", guest_host(&guest, "docs/sub")), 0);
	ck_assert_int_eq(walk("/home/u/docs/sub/passwd"), -ENOENT);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, deep, O_RDONLY, &fh), 0);
}
END_TEST

START_TEST(more_folders_than_descriptors_are_found_again)
{
	enum {
		FOLDERS = 300
	};
	uint64_t nodes[FOLDERS];
	uint64_t fh;
	char name[64];

	for (int i = 0; i < FOLDERS; i++) {
		snprintf(name, sizeof(name), "docs/sub/d%d", i);
		ck_assert_int_eq(mkdir(guest_host(&guest, name), 0700), 0);
		snprintf(name, sizeof(name), "docs/sub/d%d/f", i);
		guest_write(&guest, name, "x");
		snprintf(name, sizeof(name), "/home/u/docs/sub/d%d/f", i);
		nodes[i] = guest_walk(&guest, name);
		ck_assert_uint_ne(nodes[i], 0);
	}
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, nodes[0], O_RDONLY, &fh), 0);
	snprintf(name, sizeof(name), "docs/sub/d%d/f", 1);
	ck_assert_int_eq(unlink(guest_host(&guest, name)), 0);
	ck_assert_int_eq(rmdir(guest_host(&guest, "docs/sub/d1")), 0);
	ck_assert_int_eq(guest_open(&guest, FUSE_OPEN, nodes[1], O_RDONLY, &fh), -ESTALE);
}
END_TEST

START_TEST(a_path_longer_than_the_limit_is_refused)
{
	char name[251];
	struct fuse_entry_out entry;
	uint64_t node = guest_walk(&guest, "/home/u/docs");
	char cwd[256];
	int error = 0;

	memset(name, 'd', 250);
	name[250] = '\0';
	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	ck_assert_int_eq(chdir(guest_host(&guest, "docs")), 0);
	for (int depth = 0; depth < 20 && error == 0; depth++) {
		ck_assert_int_eq(mkdir(name, 0700), 0);
		ck_assert_int_eq(chdir(name), 0);
		error = guest_lookup(&guest, node, name, &entry);
		node = entry.nodeid;
	}
	ck_assert_int_eq(chdir(cwd), 0);
	ck_assert_int_eq(error, -ENAMETOOLONG);
}
END_TEST

static int add(enum mv_share_kind kind, const char *path, const char *host, int flags)
{
	return mv_view_add(guest.view, kind, path, strlen(path),
			   open(guest_host(&guest, host), flags | O_CLOEXEC));
}

START_TEST(a_share_that_is_not_what_it_says_is_refused)
{
	int dev = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(add(MV_SHARE_FILE, "/etc/x", "one.txt", O_RDONLY), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home", "one.txt", O_RDONLY), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home/../etc/x", "one.txt", O_RDONLY), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home/x/", "one.txt", O_RDONLY), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home/x", "docs", O_RDONLY), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home/x", "one.txt", O_RDWR), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home/x", "one.txt", O_PATH), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home/x", "docs/fifo", O_RDONLY | O_NONBLOCK),
			 -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home/x", "docs/link", O_PATH | O_NOFOLLOW), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FOLDER, "/home/x", "one.txt", O_PATH), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FOLDER, "/home/x", "missing", O_PATH), -EBADF);
	ck_assert_int_eq(add(0, "/home/x", "one.txt", O_RDONLY), -EINVAL);
	ck_assert_int_eq(add(MV_SHARE_FILE, "/home/u/one.txt", "one.txt", O_RDONLY), -EEXIST);
	ck_assert_int_eq(mv_view_add(guest.view, MV_SHARE_FILE, "/home/x", 7, dev), -EINVAL);
	ck_assert_int_lt(fcntl(dev, F_GETFD), 0);
}
END_TEST

START_TEST(only_so_many_shares_fit)
{
	char path[64];

	for (int i = 2; i < MV_SHARES_MAX; i++) {
		snprintf(path, sizeof(path), "/srv/f%d", i);
		ck_assert_int_eq(add(MV_SHARE_FILE, path, "one.txt", O_RDONLY), 0);
	}
	ck_assert_int_eq(add(MV_SHARE_FILE, "/srv/more", "one.txt", O_RDONLY), -ENOSPC);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("view");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_path_is_shown_hidden_or_denied_and_told, 0,
			    sizeof(walks) / sizeof(walks[0]));
	tcase_add_test(t, a_sealed_folder_is_not_listed);
	tcase_add_test(t, a_new_policy_acts_on_what_is_open);
	tcase_add_test(t, a_terminate_is_remembered);
	tcase_add_test(t, a_glob_shows_the_folders_on_the_way_to_its_matches);
	tcase_add_test(t, a_file_that_took_another_ones_name_is_another_node);
	tcase_add_test(t, a_link_or_fifo_raced_into_place_is_not_opened);
	tcase_add_test(t, more_folders_than_descriptors_are_found_again);
	tcase_add_test(t, a_path_longer_than_the_limit_is_refused);
	tcase_add_test(t, a_share_that_is_not_what_it_says_is_refused);
	tcase_add_test(t, only_so_many_shares_fit);
	return suite_run("microvisor/view", t);
}
