#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "microvisor/vm/control.h"
#include "tests/support/suite.h"

static struct mv_start start;
static struct mv_start received;
static int pair[2];
static int fds[MV_START_FDS_MAX];

static void setup(void)
{
	start = (struct mv_start){
		.type = MV_MSG_START,
		.version = MV_API_VERSION,
		.vcpus = 1,
		.memory_bytes = 256 << 20,
		.boot_limit_ms = 1000,
		.share_count = 1,
		.id = "vm-1",
		.shares = {{.kind = MV_SHARE_FILE, .path_bytes = 12, .path = "/home/user1/"}}};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void teardown(void)
{
	close(pair[0]);
	close(pair[1]);
}

/* Sends n bytes with count copies of one descriptor. */
static void send_with(const void *message, size_t n, unsigned count)
{
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int) * 64)] = {0};
	struct iovec v = {.iov_base = memcpy(malloc(n ? n : 1), message, n), .iov_len = n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	if (count) {
		m.msg_control = space;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		for (unsigned i = 0; i < count; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
	}
	ck_assert_int_eq(sendmsg(pair[0], &m, 0), (ssize_t)n);
	free(v.iov_base);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(a_start_message_comes_with_its_descriptors)
{
	send_with(&start, sizeof(start), MV_FD_FIXED + 1);
	ck_assert_int_eq(mv_control_receive_start(pair[1], &received, fds), MV_FD_FIXED + 1);
	ck_assert_mem_eq(&received, &start, sizeof(start));
	ck_assert_int_eq(fcntl(fds[MV_FD_FIXED], F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(a_start_with_a_wrong_number_of_descriptors_keeps_none)
{
	static const unsigned counts[] = {0, MV_FD_FIXED, MV_FD_FIXED + 2, MV_START_FDS_MAX + 1};
	unsigned before = open_descriptors();

	send_with(&start, sizeof(start), counts[_i]);
	ck_assert_int_eq(mv_control_receive_start(pair[1], &received, fds), -EBADMSG);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(a_template_has_descriptors_of_its_own_and_no_share)
{
	start.kind = MV_KIND_TEMPLATE;
	start.share_count = 0;
	ck_assert_int_eq(mv_start_check(&start, MV_FD_TEMPLATE_COUNT), 0);
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED), -EBADMSG);
	start.kind = MV_KIND_CLONE;
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED), 0);
	ck_assert_int_eq(mv_start_check(&start, MV_FD_TEMPLATE_COUNT), -EBADMSG);
}
END_TEST

START_TEST(a_shell_starts_without_a_task_and_is_launched_with_all_the_rest)
{
	start.kind = MV_KIND_SHELL;
	ck_assert_int_eq(mv_start_check(&start, MV_FD_SHELL_COUNT), -EBADMSG); /* a share */
	start.share_count = 0;
	ck_assert_int_eq(mv_start_check(&start, MV_FD_SHELL_COUNT), 0);
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED), -EBADMSG);
	start.type = MV_MSG_LAUNCH;
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED - MV_FD_LAUNCH_FIRST), -EBADMSG);
	start.kind = MV_KIND_CLONE;
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED - MV_FD_LAUNCH_FIRST), 0);
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED), -EBADMSG);
	start.share_count = 1;
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED - MV_FD_LAUNCH_FIRST + 1), 0);
	start.kind = MV_KIND_COLD;
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED - MV_FD_LAUNCH_FIRST + 1), -EBADMSG);
}
END_TEST

START_TEST(a_start_of_another_size_is_refused)
{
	unsigned before = open_descriptors();

	send_with(&start, sizeof(start) - 1, MV_FD_FIXED + 1);
	ck_assert_int_eq(mv_control_receive_start(pair[1], &received, fds), -EBADMSG);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(a_closed_socket_is_told_apart)
{
	struct mv_msg msg;
	int fd;

	close(pair[0]);
	ck_assert_int_eq(mv_control_receive_start(pair[1], &received, fds), -EPIPE);
	ck_assert_int_eq(mv_control_receive(pair[1], &msg, &fd), -EPIPE);
	ck_assert_int_eq(mv_control_send(pair[1], "x", 1), -EPIPE);
}
END_TEST

#define FAULT(name, change)    \
	static void name(void) \
	{                      \
		change;        \
	}
FAULT(wrong_type, start.type = MV_MSG_STOP)
FAULT(wrong_version, start.version = MV_API_VERSION + 1)
FAULT(no_cpu, start.vcpus = 0)
FAULT(two_cpus, start.vcpus = 2)
FAULT(unknown_kind, start.kind = MV_KIND_CLONE + 1)
FAULT(template_with_shares, start.kind = MV_KIND_TEMPLATE)
FAULT(little_memory, start.memory_bytes = 62 << 20)
FAULT(much_memory, start.memory_bytes = (3ull << 30) + (2 << 20))
FAULT(odd_memory, start.memory_bytes = (64 << 20) + 4096)
FAULT(no_boot_limit, start.boot_limit_ms = 0)
FAULT(endless_boot_limit, start.boot_limit_ms = UINT64_MAX)
FAULT(endless_lifetime, start.lifetime_ms = UINT64_MAX)
FAULT(many_shares, start.share_count = UINT32_MAX)
FAULT(no_id, start.id[0] = '\0')
FAULT(id_with_newline, start.id[2] = '\n')
FAULT(id_upper_case, start.id[0] = 'V')
FAULT(endless_id, memset(start.id, 'a', sizeof(start.id)))
FAULT(share_of_no_kind, start.shares[0].kind = 0)
FAULT(share_of_unknown_kind, start.shares[0].kind = 3)
FAULT(share_without_path, start.shares[0].path_bytes = 0)
FAULT(share_with_long_path, start.shares[0].path_bytes = MV_PATH_MAX)
FAULT(share_relative, start.shares[0].path[0] = 'h')
FAULT(share_with_nul, start.shares[0].path[3] = '\0')

static void (*const faults[])(void) = {wrong_type,
				       wrong_version,
				       no_cpu,
				       two_cpus,
				       unknown_kind,
				       template_with_shares,
				       little_memory,
				       much_memory,
				       odd_memory,
				       no_boot_limit,
				       endless_boot_limit,
				       endless_lifetime,
				       many_shares,
				       no_id,
				       id_with_newline,
				       id_upper_case,
				       endless_id,
				       share_of_no_kind,
				       share_of_unknown_kind,
				       share_without_path,
				       share_relative,
				       share_with_long_path,
				       share_with_nul};

START_TEST(each_wrong_field_is_refused)
{
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED + 1), 0);
	faults[_i]();
	ck_assert_int_eq(mv_start_check(&start, MV_FD_FIXED + 1), -EBADMSG);
}
END_TEST

START_TEST(a_policy_comes_with_one_descriptor)
{
	struct mv_msg msg = {.type = MV_MSG_POLICY};
	int fd;

	send_with(&msg, sizeof(msg), 1);
	ck_assert_int_eq(mv_control_receive(pair[1], &msg, &fd), 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

/* {type, bytes, descriptors} */
static const struct {
	uint32_t type;
	size_t n;
	unsigned fds;
} bad[] = {
	{MV_MSG_POLICY, sizeof(struct mv_msg), 0},   {MV_MSG_POLICY, sizeof(struct mv_msg), 2},
	{MV_MSG_STOP, sizeof(struct mv_msg), 1},     {MV_MSG_STOP, sizeof(struct mv_msg) - 1, 0},
	{MV_MSG_STOP, sizeof(struct mv_msg) + 1, 0}, {MV_MSG_SIGNAL, 0, 1},
	{MV_MSG_START, sizeof(struct mv_msg), 0},    {MV_MSG_STATE, sizeof(struct mv_msg), 0},
	{MV_MSG_APPLIED, sizeof(struct mv_msg), 0},  {0, sizeof(struct mv_msg), 0},
	{UINT32_MAX, sizeof(struct mv_msg), 0},
};

START_TEST(a_message_that_is_none_keeps_no_descriptor)
{
	struct {
		struct mv_msg msg;
		char more[8];
	} out = {.msg.type = bad[_i].type};
	struct mv_msg msg;
	unsigned before = open_descriptors();
	int fd = -1;

	send_with(&out, bad[_i].n, bad[_i].fds);
	ck_assert_int_eq(mv_control_receive(pair[1], &msg, &fd), -EBADMSG);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(a_small_file_is_read_whole)
{
	int fd = memfd_create("f", 0);
	void *bytes;
	size_t n;

	ck_assert_int_eq(write(fd, "abc", 3), 3);
	ck_assert_int_eq(mv_control_read_file(fd, 3, &bytes, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_mem_eq(bytes, "abc", 3);
	free(bytes);
	ck_assert_int_eq(mv_control_read_file(fd, 2, &bytes, &n), -EFBIG);
	ck_assert_int_eq(mv_control_read_file(pair[0], 2, &bytes, &n), -EFBIG);
	ck_assert_int_eq(mv_control_read_file(-1, 2, &bytes, &n), -EBADF);
	close(fd);
}
END_TEST

static TCase *fixture(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	return t;
}

int main(void)
{
	TCase *use = fixture("use");
	TCase *refusals = fixture("refusals");

	tcase_add_test(use, a_start_message_comes_with_its_descriptors);
	tcase_add_test(use, a_policy_comes_with_one_descriptor);
	tcase_add_test(use, a_small_file_is_read_whole);
	tcase_add_loop_test(refusals, a_start_with_a_wrong_number_of_descriptors_keeps_none, 0, 4);
	tcase_add_test(refusals, a_template_has_descriptors_of_its_own_and_no_share);
	tcase_add_test(refusals, a_shell_starts_without_a_task_and_is_launched_with_all_the_rest);
	tcase_add_test(refusals, a_start_of_another_size_is_refused);
	tcase_add_test(refusals, a_closed_socket_is_told_apart);
	tcase_add_loop_test(refusals, each_wrong_field_is_refused, 0,
			    sizeof(faults) / sizeof(faults[0]));
	tcase_add_loop_test(refusals, a_message_that_is_none_keeps_no_descriptor, 0,
			    sizeof(bad) / sizeof(bad[0]));
	return suite_run("microvisor/control", use, refusals);
}
