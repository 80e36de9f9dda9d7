#include <errno.h>

#include "agent/agent/changes.h"
#include "tests/support/delta.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static struct agent_changes changes;
static const char *folder;
static int store;

static void setup(void)
{
	folder = fixture_folder();
	store = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < 3; i++) {
		static const char *const made[] = {"tree", "tree/home", "tree/home/u"};

		ck_assert_int_eq(mkdir(fixture_path(folder, made[i]), 0700), 0);
	}
}

static void teardown(void)
{
	agent_changes_release(&changes);
	close(store);
}

static void make(const char *name, const char *text)
{
	close(delta_make_new(fixture_path(folder, name), text));
}

static const struct agent_change *at(const char *path)
{
	const struct agent_changed *found = agent_changes_find(&changes, path);

	ck_assert_msg(found != NULL, "%s is not listed", path);
	return &found->what;
}

static void read_store(void)
{
	ck_assert_int_eq(agent_changes_read(&changes, store), 0);
}

START_TEST(an_empty_tree_has_no_changes)
{
	read_store();
	ck_assert_uint_eq(changes.count, 0);
	ck_assert_ptr_null(agent_changes_find(&changes, "/home/u/a"));
}
END_TEST

START_TEST(a_store_without_a_tree_has_no_changes)
{
	int other = open(fixture_path(folder, "tree/home/u"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(agent_changes_read(&changes, other), 0);
	ck_assert_uint_eq(changes.count, 0);
	close(other);
}
END_TEST

START_TEST(each_kind_of_change_is_told)
{
	struct mv_delta_header gone = {.magic = MV_DELTA_MAGIC, .original = {.ino = 1}};

	make("tree/home/u/new", "12345");
	close(delta_make_changed(fixture_path(folder, "tree/home/u/changed"), "123",
				 "/etc/passwd"));
	int fd = open(fixture_path(folder, "tree/home/u/gone"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	delta_put_header(fd, &gone);
	close(fd);
	ck_assert_int_eq(mkdir(fixture_path(folder, "tree/home/u/made"), 0700), 0);
	ck_assert_int_eq(chmod(fixture_path(folder, "tree/home/u/made"), 01750), 0);
	make("tree/home/u/made/inside", "");
	ck_assert_int_eq(symlink("/etc/passwd", fixture_path(folder, "tree/home/u/link")), 0);
	ck_assert_int_eq(mkfifo(fixture_path(folder, "tree/home/u/fifo"), 0600), 0);
	close(open(fixture_path(folder, "tree/home/u/spoilt"), O_WRONLY | O_CREAT | O_CLOEXEC,
		   0600));
	read_store();
	ck_assert_uint_eq(changes.count, 8);
	ck_assert(!changes.cut);
	ck_assert_uint_eq(at("/home/u/new")->kind, AGENT_CHANGE_NEW);
	ck_assert_uint_eq(at("/home/u/new")->bytes, 5);
	ck_assert_uint_eq(at("/home/u/changed")->kind, AGENT_CHANGE_CHANGED);
	ck_assert_uint_eq(at("/home/u/gone")->kind, AGENT_CHANGE_DELETED);
	ck_assert_uint_eq(at("/home/u/made")->kind, AGENT_CHANGE_FOLDER);
	ck_assert_uint_eq(at("/home/u/made/inside")->kind, AGENT_CHANGE_NEW);
	ck_assert_uint_eq(at("/home/u/link")->kind, AGENT_CHANGE_LINK);
	ck_assert_uint_eq(at("/home/u/fifo")->kind, AGENT_CHANGE_DAMAGED);
	ck_assert_uint_eq(at("/home/u/spoilt")->kind, AGENT_CHANGE_DAMAGED);
	ck_assert_uint_eq(agent_changes_find(&changes, "/home/u/made")->mode, 0750);
}
END_TEST

START_TEST(a_folder_comes_before_what_is_in_it)
{
	ck_assert_int_eq(mkdir(fixture_path(folder, "tree/home/u/b"), 0700), 0);
	ck_assert_int_eq(chmod(fixture_path(folder, "tree/home/u/b"), 01700), 0);
	make("tree/home/u/b/x", "");
	make("tree/home/u/a", "");
	read_store();
	ck_assert_uint_eq(changes.count, 3);
	ck_assert_str_eq(changes.list[0].what.path, "/home/u/a");
	ck_assert_str_eq(changes.list[1].what.path, "/home/u/b");
	ck_assert_str_eq(changes.list[2].what.path, "/home/u/b/x");
}
END_TEST

START_TEST(a_link_in_the_tree_leads_nowhere)
{
	ck_assert_int_eq(symlink("/home", fixture_path(folder, "tree/media")), 0);
	read_store();
	ck_assert_uint_eq(changes.count, 1);
	ck_assert_uint_eq(at("/media")->kind, AGENT_CHANGE_LINK);
	ck_assert_int_lt(agent_changes_open(store, "/media/u"), 0);
	ck_assert_int_lt(agent_changes_open(store, "/../secret"), 0);
}
END_TEST

START_TEST(a_tree_that_is_a_link_is_not_followed)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", fixture_path(folder, "tree"));
	ck_assert_int_eq(rename(path, fixture_path(folder, "was")), 0);
	ck_assert_int_eq(symlink("was", path), 0);
	ck_assert_int_eq(agent_changes_read(&changes, store), -ELOOP);
}
END_TEST

START_TEST(a_tree_without_a_bottom_is_cut)
{
	int at_fd = open(fixture_path(folder, "tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(mkdirat(at_fd, "d", 0700), 0);
		int next = openat(at_fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		close(at_fd);
		at_fd = next;
	}
	close(at_fd);
	read_store();
	ck_assert(changes.cut);
	ck_assert_uint_eq(changes.count, 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("changes");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_empty_tree_has_no_changes);
	tcase_add_test(t, a_store_without_a_tree_has_no_changes);
	tcase_add_test(t, each_kind_of_change_is_told);
	tcase_add_test(t, a_folder_comes_before_what_is_in_it);
	tcase_add_test(t, a_link_in_the_tree_leads_nowhere);
	tcase_add_test(t, a_tree_that_is_a_link_is_not_followed);
	tcase_add_test(t, a_tree_without_a_bottom_is_cut);
	return suite_run("agent/changes", t);
}
