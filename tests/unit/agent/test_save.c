#include <errno.h>
#include <sys/xattr.h>

#include "tests/support/suite.h"
#include "tests/unit/agent/save_fixture.h"

/* The saver, called as ampoule-helper calls it. */

START_TEST(a_changed_file_is_saved_and_the_version_before_kept)
{
	struct stat old;
	struct stat st;

	ck_assert_int_eq(stat(fixture_path(folder, "home/a.txt"), &old), 0);
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_uint_eq(reply.bytes, strlen(NEW_TEXT));
	ck_assert_str_eq(text_at("home/a.txt"), NEW_TEXT);
	ck_assert_uint_eq(reply.before, 1);
	ck_assert_str_eq(text_of(fds[2]), OLD_TEXT);
	ck_assert_int_eq(stat(fixture_path(folder, "home/a.txt"), &st), 0);
	ck_assert_uint_eq(st.st_mode, old.st_mode);
	ck_assert_uint_eq(st.st_uid, old.st_uid);
	ck_assert_uint_eq(st.st_nlink, 1);
}
END_TEST

START_TEST(times_and_user_attributes_are_kept)
{
	const char *path = fixture_path(folder, "home/a.txt");
	struct stat st;
	char value[8] = "";
	bool has_xattr = setxattr(path, "user.tag", "abc", 3, 0) == 0;

	note_original();
	ck_assert_int_eq(futimens(fds[1], (struct timespec[2]){{1000000000, 5}, {1000000000, 5}}),
			 0);
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_int_eq(stat(fixture_path(folder, "home/a.txt"), &st), 0);
	ck_assert_int_eq(st.st_mtim.tv_sec, 1000000000);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 5);
	if (has_xattr)
		ck_assert_int_eq(getxattr(fixture_path(folder, "home/a.txt"), "user.tag", value,
					  sizeof(value)),
				 3);
}
END_TEST

START_TEST(a_new_file_is_saved_without_bits_that_a_guest_may_not_give)
{
	struct mv_delta_header header = {.magic = MV_DELTA_MAGIC, .mode = S_IFREG | 06777};
	struct stat st;

	delta_put_header(fds[1], &header);
	snprintf(request.path, sizeof(request.path), "new.sh");
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_uint_eq(reply.before, 0);
	ck_assert_int_eq(stat(fixture_path(folder, "home/new.sh"), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
}
END_TEST

START_TEST(a_changed_file_keeps_no_setuid_bit)
{
	struct stat st;

	ck_assert_int_eq(chmod(fixture_path(folder, "home/a.txt"), 04755), 0);
	note_original();
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_int_eq(stat(fixture_path(folder, "home/a.txt"), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0755);
}
END_TEST

/* What the host may have done meanwhile. */
static void written(const char *path)
{
	(void)path;
	put("home/a.txt", "the user's own new words\n");
}
static void replaced(const char *path)
{
	put("home/other", "the user's own new words\n");
	ck_assert_int_eq(rename(fixture_path(folder, "home/other"), path), 0);
}
static void touched(const char *path)
{
	put("home/a.txt", "the user's own new words\n");
	ck_assert_int_eq(utimensat(AT_FDCWD, path, (struct timespec[2]){{1, 0}, {1, 0}}, 0), 0);
}

static void (*const meanwhile[])(const char *path) = {written, replaced, touched};

START_TEST(what_changed_on_the_host_stays_and_the_tasks_version_lies_beside)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", fixture_path(folder, "home/a.txt"));
	meanwhile[_i](path);
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED_BESIDE);
	ck_assert_uint_eq(reply.before, 0);
	ck_assert_str_eq(text_at("home/a.txt"), "the user's own new words\n");
	ck_assert_str_eq(text_at("home/a.vm-1.txt"), NEW_TEXT);
}
END_TEST

START_TEST(a_deleted_original_does_not_come_back_under_its_name)
{
	ck_assert_int_eq(unlink(fixture_path(folder, "home/a.txt")), 0);
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED_BESIDE);
	ck_assert_str_eq(text_at("home/a.txt"), "(none)");
	ck_assert_str_eq(text_at("home/a.vm-1.txt"), NEW_TEXT);
}
END_TEST

START_TEST(a_name_taken_meanwhile_is_not_overwritten)
{
	note_nothing();
	put("home/a.vm-1.txt", "taken too\n");
	is_refused(AGENT_SAVE_CHANGED, EEXIST);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
	ck_assert_str_eq(text_at("home/a.vm-1.txt"), "taken too\n");
}
END_TEST

START_TEST(without_another_name_nothing_is_saved)
{
	put("home/a.txt", "changed\n");
	request.beside[0] = '\0';
	is_refused(AGENT_SAVE_CHANGED, EEXIST);
	ck_assert_str_eq(text_at("home/a.txt"), "changed\n");
}
END_TEST

START_TEST(the_user_may_ask_for_it_to_be_replaced_all_the_same)
{
	put("home/a.txt", "changed\n");
	request.flags |= AGENT_SAVE_OVER;
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_str_eq(text_at("home/a.txt"), NEW_TEXT);
	ck_assert_str_eq(text_of(fds[2]), "changed\n");
}
END_TEST

static void a_symlink(const char *path)
{
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
}
static void a_fifo(const char *path)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}
static void a_folder(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void (*const no_file[])(const char *path) = {a_symlink, a_fifo, a_folder};

START_TEST(what_is_no_file_is_not_replaced)
{
	const char *path = fixture_path(folder, "home/a.txt");
	struct stat before;
	struct stat after;

	ck_assert_int_eq(unlink(path), 0);
	no_file[_i](path);
	ck_assert_int_eq(lstat(path, &before), 0);
	is_refused(AGENT_SAVE_TARGET, EPERM);
	ck_assert_int_eq(lstat(fixture_path(folder, "home/a.txt"), &after), 0);
	ck_assert_uint_eq(after.st_ino, before.st_ino);
}
END_TEST

START_TEST(a_parent_that_became_a_link_leads_nowhere)
{
	ck_assert_int_eq(mkdir(fixture_path(folder, "elsewhere"), 0755), 0);
	put("elsewhere/a.txt", "private\n");
	ck_assert_int_eq(symlink("../elsewhere", fixture_path(folder, "home/sub")), 0);
	snprintf(request.path, sizeof(request.path), "sub/a.txt");
	is_refused(AGENT_SAVE_PARENT, ELOOP);
	snprintf(request.path, sizeof(request.path), "sub/new.txt");
	note_nothing();
	is_refused(AGENT_SAVE_PARENT, ELOOP);
	ck_assert_str_eq(text_at("elsewhere/a.txt"), "private\n");
	ck_assert_str_eq(text_at("elsewhere/new.txt"), "(none)");
}
END_TEST

/* The descriptor was opened at the launch: where its old path leads now does not matter. */
START_TEST(a_base_that_was_swapped_for_a_link_gains_nothing)
{
	char home[256];
	char moved[256];

	snprintf(home, sizeof(home), "%s", fixture_path(folder, "home"));
	snprintf(moved, sizeof(moved), "%s", fixture_path(folder, "moved"));
	ck_assert_int_eq(rename(home, moved), 0);
	ck_assert_int_eq(mkdir(fixture_path(folder, "etc"), 0755), 0);
	ck_assert_int_eq(symlink("etc", home), 0);
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_str_eq(text_at("moved/a.txt"), NEW_TEXT);
	ck_assert_str_eq(text_at("etc/a.txt"), "(none)");
}
END_TEST

static const char *const bad_paths[] = {"",  "/a.txt",      "../a.txt", "./a.txt", "b/../a.txt",
					".", "home//a.txt", "a.txt/",   ".."};

START_TEST(a_path_that_is_not_canonical_is_refused)
{
	snprintf(request.path, sizeof(request.path), "%s", bad_paths[_i]);
	is_refused(AGENT_SAVE_PARENT, EINVAL);
}
END_TEST

START_TEST(a_path_without_an_end_is_refused)
{
	memset(request.path, 'a', sizeof(request.path));
	is_refused(AGENT_SAVE_REQUEST, EBADMSG);
}
END_TEST

START_TEST(another_name_that_is_a_path_is_refused)
{
	snprintf(request.beside, sizeof(request.beside), "../a");
	is_refused(AGENT_SAVE_REQUEST, EBADMSG);
}
END_TEST

START_TEST(a_delta_that_is_none_is_refused)
{
	ck_assert_int_eq(pwrite(fds[1], "x", 1, 5), 1);
	is_refused(AGENT_SAVE_REQUEST, EBADMSG);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
}
END_TEST

/* A delta that counts on the original for most of the file. */
static void lie_over_original(void)
{
	struct mv_delta_header header = {.magic = MV_DELTA_MAGIC,
					 .mode = S_IFREG | 0600,
					 .base_bytes = strlen(OLD_TEXT),
					 .original = original()};

	close(fds[1]);
	fds[1] = open(fixture_path(folder, "over"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fds[1], (off_t)(MV_DELTA_DATA_AT + strlen(OLD_TEXT) + 4)), 0);
	ck_assert_int_eq(pwrite(fds[1], "end\n", 4, (off_t)(MV_DELTA_DATA_AT + strlen(OLD_TEXT))),
			 4);
	delta_put_header(fds[1], &header);
}

START_TEST(a_delta_over_its_original_is_put_together)
{
	lie_over_original();
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT "end\n");
}
END_TEST

START_TEST(a_delta_over_an_original_that_changed_is_not_put_together)
{
	lie_over_original();
	put("home/a.txt", "WHAT WAS HERE?\n");
	is_refused(AGENT_SAVE_BASE, ESTALE);
	ck_assert_str_eq(text_at("home/a.txt"), "WHAT WAS HERE?\n");
	ck_assert_str_eq(text_at("home/a.vm-1.txt"), "(none)");
}
END_TEST

START_TEST(a_file_is_written_elsewhere_over_its_original)
{
	int three[3] = {fds[0], 0, fds[0]};

	lie_over_original();
	three[1] = fds[1];
	request.flags = AGENT_SAVE_ELSEWHERE;
	request.beside[0] = '\0';
	snprintf(request.path, sizeof(request.path), "b.txt");
	snprintf(request.origin, sizeof(request.origin), "a.txt");
	helper_save(&request, three, 3, &reply);
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_str_eq(text_at("home/b.txt"), OLD_TEXT "end\n");
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
	helper_save(&request, three, 3, &reply);
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED_NOT);
	ck_assert_uint_eq(reply.step, AGENT_SAVE_CHANGED);
}
END_TEST

START_TEST(a_deleted_name_deletes_nothing)
{
	struct mv_delta_header header = {.magic = MV_DELTA_MAGIC, .original = original()};

	ck_assert_int_eq(ftruncate(fds[1], sizeof(header)), 0);
	delta_put_header(fds[1], &header);
	is_refused(AGENT_SAVE_REQUEST, EBADMSG);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
}
END_TEST

START_TEST(the_version_before_is_put_back_as_it_was)
{
	struct stat st;

	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	int again[3] = {fds[0], fds[2],
			open(fixture_path(folder, "before2"), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};

	request.flags = AGENT_SAVE_BEFORE | AGENT_SAVE_PLAIN | AGENT_SAVE_OVER;
	request.mode = reply.before_mode;
	request.mtime_ns = reply.before_mtime_ns;
	helper_save(&request, again, 3, &reply);
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_str_eq(text_at("home/a.txt"), OLD_TEXT);
	ck_assert_str_eq(text_of(again[2]), NEW_TEXT);
	ck_assert_int_eq(stat(fixture_path(folder, "home/a.txt"), &st), 0);
	ck_assert_int_eq(st.st_mtim.tv_sec, request.mtime_ns / 1000000000);
	close(again[2]);
}
END_TEST

START_TEST(a_folder_is_made_once)
{
	struct stat st;

	request.flags = AGENT_SAVE_FOLDER;
	request.mode = 07755;
	snprintf(request.path, sizeof(request.path), "made");
	helper_save(&request, fds, 1, &reply);
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	helper_save(&request, fds, 1, &reply);
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_int_eq(stat(fixture_path(folder, "home/made"), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0755);
	snprintf(request.path, sizeof(request.path), "a.txt");
	helper_save(&request, fds, 1, &reply);
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED_NOT);
}
END_TEST

START_TEST(names_are_bytes)
{
	static const char *const names[] = {"\xff\xfe", "new\nline", "\033[2J", "a b"};
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	note_nothing();
	snprintf(request.path, sizeof(request.path), "%s", _i < 4 ? names[_i] : name);
	save();
	ck_assert_uint_eq(reply.outcome, AGENT_SAVED);
	ck_assert_int_eq(faccessat(fds[0], request.path, F_OK, 0), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("save");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_changed_file_is_saved_and_the_version_before_kept);
	tcase_add_test(t, times_and_user_attributes_are_kept);
	tcase_add_test(t, a_new_file_is_saved_without_bits_that_a_guest_may_not_give);
	tcase_add_test(t, a_changed_file_keeps_no_setuid_bit);
	tcase_add_loop_test(t, what_changed_on_the_host_stays_and_the_tasks_version_lies_beside, 0,
			    3);
	tcase_add_test(t, a_deleted_original_does_not_come_back_under_its_name);
	tcase_add_test(t, a_name_taken_meanwhile_is_not_overwritten);
	tcase_add_test(t, without_another_name_nothing_is_saved);
	tcase_add_test(t, the_user_may_ask_for_it_to_be_replaced_all_the_same);
	tcase_add_loop_test(t, what_is_no_file_is_not_replaced, 0, 3);
	tcase_add_test(t, a_parent_that_became_a_link_leads_nowhere);
	tcase_add_test(t, a_base_that_was_swapped_for_a_link_gains_nothing);
	tcase_add_loop_test(t, a_path_that_is_not_canonical_is_refused, 0,
			    sizeof(bad_paths) / sizeof(bad_paths[0]));
	tcase_add_test(t, a_path_without_an_end_is_refused);
	tcase_add_test(t, another_name_that_is_a_path_is_refused);
	tcase_add_test(t, a_delta_that_is_none_is_refused);
	tcase_add_test(t, a_delta_over_an_original_that_changed_is_not_put_together);
	tcase_add_test(t, a_file_is_written_elsewhere_over_its_original);
	tcase_add_test(t, a_deleted_name_deletes_nothing);
	tcase_add_test(t, a_delta_over_its_original_is_put_together);
	tcase_add_test(t, the_version_before_is_put_back_as_it_was);
	tcase_add_test(t, a_folder_is_made_once);
	tcase_add_loop_test(t, names_are_bytes, 0, 5);
	return suite_run("agent/save", t);
}
