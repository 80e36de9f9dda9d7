#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "agent/agent/opener.h"
#include "agent/agent/options.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* The real ampoule-helper, run as ourselves. */

static struct agent_loop loop;
static struct agent_opener opener;
static struct agent_account account;
static struct err err;
static const char *folder;
static bool done;

static void on_done(void *context)
{
	(void)context;
	done = true;
}

static void setup(void)
{
	folder = fixture_folder();
	ck_assert_int_eq(agent_loop_init(&loop), 0);
	account = (struct agent_account){
		.uid = getuid(), .gid = getgid(), .group_count = 1, .groups = {getgid()}};
	close(open(fixture_path(folder, "file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(mkdir(fixture_path(folder, "sub"), 0700), 0);
	ck_assert_int_eq(mkfifo(fixture_path(folder, "fifo"), 0600), 0);
	ck_assert_int_eq(symlink("/etc", fixture_path(folder, "link")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", fixture_path(folder, "filelink")), 0);
	ck_assert_int_eq(mknod(fixture_path(folder, "device"), S_IFCHR | 0600, makedev(1, 3)), 0);
}

static void teardown(void)
{
	agent_opener_release(&opener);
	agent_loop_release(&loop);
}

/* The errno with which one place is answered; 0 with its descriptor in the opener. */
static int open_place(const char *name, bool is_folder)
{
	struct agent_options options;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(agent_options_init(&options, &err), 0);
	/* This test lies in build/V/tests/unit/agent, the helper in build/V/bin. */
	(void)snprintf(strstr(options.bin_dir, "/tests/"), 5, "/bin");
	ck_assert_int_eq(agent_opener_add(&opener, path, is_folder), 0);
	ck_assert_int_eq(agent_opener_start(&opener, &loop, options.bin_dir, &account, on_done,
					    NULL, &err),
			 0);
	for (int i = 0; i < 500 && !done; i++)
		ck_assert_int_eq(agent_loop_step(&loop, 20), 0);
	ck_assert(done);
	return opener.places[0].error;
}

static void need_root(void)
{
	if (getuid() != 0) {
		puts("only root can start the helper with another identity");
		exit(77);
	}
}

START_TEST(a_file_is_opened_for_reading_only)
{
	ck_assert_int_eq(open_place("file", false), 0);
	ck_assert_int_eq(fcntl(opener.places[0].fd, F_GETFL) & O_ACCMODE, O_RDONLY);
}
END_TEST

START_TEST(a_folder_is_opened_as_a_place)
{
	ck_assert_int_eq(open_place("sub", true), 0);
	ck_assert_int_ne(fcntl(opener.places[0].fd, F_GETFL) & O_PATH, 0);
}
END_TEST

static const struct {
	const char *name;
	bool folder;
	int error;
} refusals[] = {
	{"missing", false, ENOENT},      {"missing", true, ENOENT},
	{"link", true, ENOTDIR},         {"filelink", false, ELOOP},
	{"link/passwd", false, ENOTDIR}, {"fifo", false, EPERM},
	{"fifo", true, ENOTDIR},         {"file", true, ENOTDIR},
	{"sub", false, EPERM},           {"sub/../file", false, EINVAL},
	{"./file", false, EINVAL},       {"../../../dev/null", false, EINVAL},
	{"device", false, EPERM},        {"device", true, ENOTDIR},
};

START_TEST(what_is_no_plain_place_is_refused)
{
	ck_assert_int_eq(open_place(refusals[_i].name, refusals[_i].folder), refusals[_i].error);
	ck_assert_int_eq(opener.places[0].fd, -1);
}
END_TEST

START_TEST(more_places_than_a_view_has_are_refused)
{
	for (int i = 0; i < AGENT_HELPER_PLACES_MAX; i++)
		ck_assert_int_eq(agent_opener_add(&opener, "/home/x", true), 0);
	ck_assert_int_eq(agent_opener_add(&opener, "/home/x", true), -ENOSPC);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("opener");

	need_root();
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_file_is_opened_for_reading_only);
	tcase_add_test(t, a_folder_is_opened_as_a_place);
	tcase_add_loop_test(t, what_is_no_plain_place_is_refused, 0,
			    sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(t, more_places_than_a_view_has_are_refused);
	return suite_run("agent/opener", t);
}
