#include <errno.h>
#include <fcntl.h>

#include "agent/agent/sweep.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* Trees as a guest may make them. */

static const char *folder;
static int fd;

static void setup(void)
{
	folder = fixture_folder();
	ck_assert_int_eq(mkdir(fixture_path(folder, "trash"), 0700), 0);
	fd = open(fixture_path(folder, "trash"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void teardown(void)
{
	close(fd);
}

static void make_deep(int depth)
{
	int at = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	for (int i = 0; i < depth; i++) {
		ck_assert_int_eq(mkdirat(at, "d", 0700), 0);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		close(openat(at, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		close(at);
		at = next;
	}
	close(at);
}

static void is_empty(void)
{
	ck_assert_int_eq(rmdir(fixture_path(folder, "trash")), 0);
	ck_assert_int_eq(mkdir(fixture_path(folder, "trash"), 0700), 0);
}

START_TEST(a_tree_of_any_depth_is_removed)
{
	make_deep(_i);
	ck_assert_int_eq(agent_sweep_empty(fd), 0);
	is_empty();
}
END_TEST

START_TEST(a_link_is_removed_and_not_followed)
{
	ck_assert_int_eq(mkdir(fixture_path(folder, "other"), 0700), 0);
	ck_assert_int_eq(mkdir(fixture_path(folder, "other/stays"), 0700), 0);
	ck_assert_int_eq(symlink("../other", fixture_path(folder, "trash/link")), 0);
	ck_assert_int_eq(mkfifo(fixture_path(folder, "trash/fifo"), 0600), 0);
	ck_assert_int_eq(agent_sweep_empty(fd), 0);
	is_empty();
	ck_assert_int_eq(access(fixture_path(folder, "other/stays"), F_OK), 0);
}
END_TEST

static int status = -1;

static void on_swept(void *context, int result)
{
	(void)context;
	status = result;
}

START_TEST(a_child_does_it)
{
	struct agent_loop loop;
	struct agent_child child = {0};

	make_deep(50);
	ck_assert_int_eq(agent_loop_init(&loop), 0);
	ck_assert_int_eq(agent_sweep_start(&child, &loop, folder, on_swept, NULL), 0);
	for (int i = 0; i < 100 && status < 0; i++)
		ck_assert_int_eq(agent_loop_step(&loop, 100), 0);
	ck_assert_int_eq(status, 0);
	is_empty();
	agent_loop_release(&loop);
}
END_TEST

START_TEST(what_lies_in_a_tree_is_measured)
{
	char bytes[8192] = {1};
	int file = open(fixture_path(folder, "trash/f"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(pwrite(file, bytes, sizeof(bytes), 1 << 27), sizeof(bytes));
	close(file);
	uint64_t n = agent_sweep_measure(fixture_path(folder, "trash"), 100);

	ck_assert_uint_ge(n, sizeof(bytes));
	ck_assert_uint_lt(n, 1 << 20); /* a hole takes no room */
}
END_TEST

START_TEST(too_many_or_too_deep_counts_as_full)
{
	make_deep(20);
	ck_assert_uint_lt(agent_sweep_measure(fixture_path(folder, "trash"), 41), UINT64_MAX);
	ck_assert_uint_eq(agent_sweep_measure(fixture_path(folder, "trash"), 40), UINT64_MAX);
	make_deep(0);
	ck_assert_int_eq(agent_sweep_empty(fd), 0);
	make_deep(200);
	ck_assert_uint_eq(agent_sweep_measure(fixture_path(folder, "trash"), 4000), UINT64_MAX);
}
END_TEST

int main(void)
{
	static const int depths[] = {0, 1, 31, 32, 33, 34, 1000};
	TCase *t = tcase_create("sweep");

	tcase_add_checked_fixture(t, setup, teardown);
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++)
		tcase_add_loop_test(t, a_tree_of_any_depth_is_removed, depths[i], depths[i] + 1);
	tcase_add_test(t, a_link_is_removed_and_not_followed);
	tcase_add_test(t, a_child_does_it);
	tcase_add_test(t, what_lies_in_a_tree_is_measured);
	tcase_add_test(t, too_many_or_too_deep_counts_as_full);
	return suite_run("agent/sweep", t);
}
