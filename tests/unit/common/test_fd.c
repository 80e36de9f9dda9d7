#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/fd.h"
#include "tests/support/suite.h"

static int pair[2];

static void open_pair(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_pair(void)
{
	close(pair[0]);
	close(pair[1]);
}

static int lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

START_TEST(messages_keep_their_bounds)
{
	char bytes[64];

	ck_assert_int_eq(fd_send(pair[0], "one", 3, NULL, 0), 0);
	ck_assert_int_eq(fd_send(pair[0], "three", 5, NULL, 0), 0);
	ck_assert_int_eq(fd_recv(pair[1], bytes, sizeof(bytes), NULL, NULL), 3);
	ck_assert_int_eq(fd_recv(pair[1], bytes, sizeof(bytes), NULL, NULL), 5);
	close(pair[0]);
	ck_assert_int_eq(fd_recv(pair[1], bytes, sizeof(bytes), NULL, NULL), 0);
}
END_TEST

START_TEST(descriptors_come_close_on_exec)
{
	int fds[2] = {-1, -1};
	size_t n = 2;
	char byte;
	struct stat sent, got;

	ck_assert_int_eq(fd_send(pair[0], "x", 1, (int[]){STDIN_FILENO, pair[0]}, 2), 0);
	ck_assert_int_eq(fd_recv(pair[1], &byte, 1, fds, &n), 1);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fstat(pair[0], &sent), 0);
	ck_assert_int_eq(fstat(fds[1], &got), 0);
	ck_assert_uint_eq(sent.st_ino, got.st_ino);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(more_descriptors_than_room_are_refused_and_closed)
{
	int fds[1] = {-1}, free_before;
	size_t n = 1;
	char byte;

	ck_assert_int_eq(fd_send(pair[0], "x", 1, (int[]){0, 1, 2}, 3), 0);
	free_before = lowest_free_fd();
	ck_assert_int_eq(fd_recv(pair[1], &byte, 1, fds, &n), -EMSGSIZE);
	ck_assert_int_eq(lowest_free_fd(), free_before);
	ck_assert_int_eq(fd_send(pair[0], "x", 1, (int[]){0}, 1), 0);
	ck_assert_int_eq(fd_recv(pair[1], &byte, 1, NULL, NULL), -EMSGSIZE);
	ck_assert_int_eq(lowest_free_fd(), free_before);
}
END_TEST

START_TEST(a_message_over_the_room_is_refused)
{
	int fds[1] = {-1}, free_before = lowest_free_fd();
	size_t n = 1;
	char bytes[4];

	ck_assert_int_eq(fd_send(pair[0], "12345", 5, (int[]){0}, 1), 0);
	ck_assert_int_eq(fd_recv(pair[1], bytes, sizeof(bytes), fds, &n), -EMSGSIZE);
	ck_assert_int_eq(lowest_free_fd(), free_before);
}
END_TEST

START_TEST(the_most_descriptors_pass)
{
	int out[FD_PASS_MAX], in[FD_PASS_MAX];
	size_t n = FD_PASS_MAX;
	char byte;

	memset(out, 0, sizeof(out));
	ck_assert_int_eq(fd_send(pair[0], "x", 1, out, FD_PASS_MAX), 0);
	ck_assert_int_eq(fd_recv(pair[1], &byte, 1, in, &n), 1);
	ck_assert_uint_eq(n, FD_PASS_MAX);
	for (size_t i = 0; i < n; i++)
		close(in[i]);
}
END_TEST

START_TEST(a_peer_that_is_gone_is_an_error_not_a_signal)
{
	close(pair[1]);
	ck_assert_int_eq(fd_send(pair[0], "x", 1, NULL, 0), -EPIPE);
	pair[1] = dup(pair[0]);
}
END_TEST

START_TEST(whole_reads_end_early_with_epipe)
{
	int ends[2];
	char bytes[8];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(fd_write_all(ends[1], "12345678abc", 11), 0);
	close(ends[1]);
	ck_assert_int_eq(fd_read_all(ends[0], bytes, 8), 0);
	ck_assert_mem_eq(bytes, "12345678", 8);
	ck_assert_int_eq(fd_read_all(ends[0], bytes, 8), -EPIPE);
	close(ends[0]);
	ck_assert_int_eq(fd_read_all(-1, bytes, 1), -EBADF);
	ck_assert_int_eq(fd_write_all(-1, bytes, 1), -EBADF);
}
END_TEST

START_TEST(sealed_bytes_cannot_change)
{
	int fd = fd_sealed("test", "content", 7);
	char bytes[7];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_read_all(fd, bytes, 7), 0);
	ck_assert_mem_eq(bytes, "content", 7);
	ck_assert_int_eq(pwrite(fd, "X", 1, 0), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), -1);
	close(fd);
}
END_TEST

START_TEST(a_replaced_file_is_the_old_or_the_new)
{
	char folder[] = "/tmp/test_fd.XXXXXX", path[64], aside[64];
	struct buf b = {0};
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/f", folder);
	snprintf(aside, sizeof(aside), "%s/f.new", folder);
	ck_assert_int_eq(fd_replace_file(path, "old", 3, 0600), 0);
	ck_assert_int_eq(fd_replace_file(path, "newer", 5, 0600), 0);
	ck_assert_int_eq(buf_read_file(&b, path, 100), 0);
	ck_assert_mem_eq(b.data, "newer", 5);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* a link put in the way is not followed */
	ck_assert_int_eq(symlink("/dev/null", aside), 0);
	ck_assert_int_eq(fd_replace_file(path, "x", 1, 0600), -ELOOP);
	ck_assert_int_eq(unlink(aside), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(fd_replace_file(path, "x", 1, 0600), -ENOENT);
	buf_release(&b);
}
END_TEST

START_TEST(the_limit_of_descriptors_is_what_it_may_be)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(fd_raise_limit(), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, limit.rlim_max);
}
END_TEST

int main(void)
{
	TCase *passing = tcase_create("passing");
	TCase *whole = tcase_create("whole");

	tcase_add_checked_fixture(passing, open_pair, close_pair);
	tcase_add_test(passing, messages_keep_their_bounds);
	tcase_add_test(passing, descriptors_come_close_on_exec);
	tcase_add_test(passing, more_descriptors_than_room_are_refused_and_closed);
	tcase_add_test(passing, a_message_over_the_room_is_refused);
	tcase_add_test(passing, the_most_descriptors_pass);
	tcase_add_test(passing, a_peer_that_is_gone_is_an_error_not_a_signal);
	tcase_add_test(whole, whole_reads_end_early_with_epipe);
	tcase_add_test(whole, sealed_bytes_cannot_change);
	tcase_add_test(whole, a_replaced_file_is_the_old_or_the_new);
	tcase_add_test(whole, the_limit_of_descriptors_is_what_it_may_be);
	return suite_run("common/fd", passing, whole);
}
