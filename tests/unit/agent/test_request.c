#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "agent/agent/request.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static struct agent_req_run message;
static struct err err;
static int fds[AGENT_RUN_FDS + AGENT_FILES_MAX];
static size_t nfds;

static void put(const char *text)
{
	size_t n = strlen(text) + 1;

	memcpy(message.strings + message.string_bytes, text, n);
	message.string_bytes += (uint32_t)n;
}

/* "cat -n" with two variables, in /tmp, with stdio only. */
static void setup(void)
{
	message = (struct agent_req_run){
		.type = AGENT_REQ_RUN, .version = AGENT_SOCKET_VERSION, .argc = 2, .envc = 2};
	put("cat");
	put("-n");
	put("TERM=xterm");
	put("LD_PRELOAD=evil.so");
	put("/tmp");
	for (nfds = 0; nfds < AGENT_RUN_FDS; nfds++)
		fds[nfds] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int parse(struct agent_request **request)
{
	return agent_request_parse(&message, fds, nfds, getuid(), request, &err);
}

static int refused(void)
{
	struct agent_request *request = NULL;
	int first = fds[0];
	int r = parse(&request);

	ck_assert_ptr_null(request);
	ck_assert_int_eq(fcntl(first, F_GETFD), -1); /* the descriptors were taken all the same */
	return r;
}

START_TEST(a_good_request_is_taken_apart)
{
	struct agent_request *request = NULL;

	ck_assert_int_eq(parse(&request), 0);
	ck_assert_uint_eq(request->argc, 2);
	ck_assert_str_eq(request->argv[1], "-n");
	ck_assert_uint_eq(request->envc, 1); /* LD_PRELOAD stays outside */
	ck_assert_str_eq(request->env[0], "TERM=xterm");
	ck_assert_str_eq(request->cwd, "/tmp");
	agent_request_free(request);
}
END_TEST

START_TEST(another_version_is_refused)
{
	message.version++;
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

START_TEST(no_arguments_are_refused)
{
	message.argc = 0;
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

START_TEST(too_many_arguments_are_refused)
{
	message.argc = AGENT_ARGS_MAX + 1;
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

START_TEST(more_strings_than_bytes_are_refused)
{
	message.envc++;
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

START_TEST(bytes_behind_the_last_string_are_refused)
{
	message.string_bytes++;
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

START_TEST(a_length_beyond_the_message_is_refused)
{
	message.string_bytes = AGENT_STRINGS_MAX + 1;
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

START_TEST(an_empty_program_is_refused)
{
	message.strings[0] = '\0';
	message.argc = 4; /* "", "at", ... : the same bytes, cut elsewhere */
	message.envc = 1;
	ck_assert_int_lt(refused(), 0);
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
	message.flags = 16;
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

START_TEST(a_missing_descriptor_is_refused)
{
	message.file_count = 1;
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

START_TEST(a_file_for_an_argument_that_is_not_there_is_refused)
{
	message.file_count = 1;
	message.file_arg[0] = 2;
	fds[nfds++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(refused(), -EBADMSG);
}
END_TEST

/* Files are judged by descriptor alone; each of these must be refused. */
static int judge(int fd)
{
	char path[MV_PATH_MAX];
	int r = agent_request_file_path(fd, path, &err);

	close(fd);
	return r;
}

START_TEST(a_descriptor_without_reading_is_refused)
{
	ck_assert_int_eq(judge(open("/etc/passwd", O_PATH | O_CLOEXEC)), -EPERM);
}
END_TEST

START_TEST(a_descriptor_for_writing_is_refused)
{
	char path[] = "/tmp/ampoule-test-XXXXXX";

	ck_assert_int_eq(judge(mkstemp(path)), -EPERM);
	unlink(path);
}
END_TEST

START_TEST(a_device_is_refused)
{
	ck_assert_int_eq(judge(open("/dev/null", O_RDONLY | O_CLOEXEC)), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.text, "regular"));
}
END_TEST

START_TEST(a_folder_is_refused)
{
	ck_assert_int_eq(judge(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), -EPERM);
}
END_TEST

START_TEST(a_fifo_is_refused)
{
	const char *path = fixture_path(fixture_folder(), "fifo");

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(judge(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)), -EPERM);
}
END_TEST

START_TEST(a_deleted_file_is_refused)
{
	char path[] = "/tmp/ampoule-test-XXXXXX";

	close(mkstemp(path));
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	unlink(path);
	ck_assert_int_eq(judge(fd), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.text, "deleted"));
}
END_TEST

START_TEST(a_file_outside_the_view_is_refused)
{
	ck_assert_int_eq(judge(open("/etc/passwd", O_RDONLY | O_CLOEXEC)), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.text, "only files below"));
}
END_TEST

START_TEST(a_memfd_is_refused)
{
	int fd = memfd_create("x", MFD_CLOEXEC);
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(judge(open(link, O_RDONLY | O_CLOEXEC)), -EPERM);
	close(fd);
}
END_TEST

/* The caller's own mount namespace could give any file any path. */
START_TEST(a_file_on_a_mount_of_nowhere_is_refused)
{
	if (getuid() != 0)
		return;
	int tree = open_tree(AT_FDCWD, "/etc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0) /* inside a container that forbids mounts */
		return;
	int fd = openat(tree, "passwd", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(judge(fd), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.text, "mount"));
	close(tree);
}
END_TEST

int main(void)
{
	TCase *m = tcase_create("message");
	TCase *f = tcase_create("file");

	tcase_add_checked_fixture(m, setup, NULL);
	tcase_add_test(m, a_good_request_is_taken_apart);
	tcase_add_test(m, another_version_is_refused);
	tcase_add_test(m, no_arguments_are_refused);
	tcase_add_test(m, too_many_arguments_are_refused);
	tcase_add_test(m, more_strings_than_bytes_are_refused);
	tcase_add_test(m, bytes_behind_the_last_string_are_refused);
	tcase_add_test(m, a_length_beyond_the_message_is_refused);
	tcase_add_test(m, an_empty_program_is_refused);
	tcase_add_test(m, unknown_flags_are_refused);
	tcase_add_test(m, a_missing_descriptor_is_refused);
	tcase_add_test(m, a_file_for_an_argument_that_is_not_there_is_refused);
	tcase_add_test(f, a_descriptor_without_reading_is_refused);
	tcase_add_test(f, a_descriptor_for_writing_is_refused);
	tcase_add_test(f, a_device_is_refused);
	tcase_add_test(f, a_folder_is_refused);
	tcase_add_test(f, a_fifo_is_refused);
	tcase_add_test(f, a_deleted_file_is_refused);
	tcase_add_test(f, a_file_outside_the_view_is_refused);
	tcase_add_test(f, a_memfd_is_refused);
	tcase_add_test(f, a_file_on_a_mount_of_nowhere_is_refused);
	return suite_run("agent/request", m, f);
}
