#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/sealed.h"
#include "common/fd.h"
#include "tests/support/suite.h"

static struct buf out;

static void teardown(void)
{
	buf_release(&out);
}

START_TEST(sealed_bytes_are_read_whole)
{
	int fd = fd_sealed("x", "hello", 5);

	ck_assert_int_eq(agent_sealed_read(fd, 5, &out), 0);
	ck_assert_uint_eq(out.len, 5);
	close(fd);
}
END_TEST

START_TEST(more_than_the_limit_is_refused)
{
	int fd = fd_sealed("x", "hello", 5);

	ck_assert_int_eq(agent_sealed_read(fd, 4, &out), -EFBIG);
	close(fd);
}
END_TEST

START_TEST(a_memfd_without_seals_is_refused)
{
	int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(agent_sealed_read(fd, 4, &out), -EPERM);
	close(fd);
}
END_TEST

/* Reading a pipe would wait for its other end for ever. */
START_TEST(a_pipe_is_refused)
{
	int pair[2];

	ck_assert_int_eq(pipe(pair), 0);
	ck_assert_int_eq(agent_sealed_read(pair[0], 4, &out), -EPERM);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(no_descriptor_is_refused)
{
	ck_assert_int_eq(agent_sealed_read(-1, 4, &out), -EPERM);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("sealed");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, sealed_bytes_are_read_whole);
	tcase_add_test(t, more_than_the_limit_is_refused);
	tcase_add_test(t, a_memfd_without_seals_is_refused);
	tcase_add_test(t, a_pipe_is_refused);
	tcase_add_test(t, no_descriptor_is_refused);
	return suite_run("agent/sealed", t);
}
