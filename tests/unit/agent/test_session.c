#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/agent/agent.h"
#include "agent/agent/session.h"
#include "agent/socket.h"
#include "common/fd.h"
#include "common/log.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static struct agent agent;
static struct err err;
static union agent_any_rep reply;
static int sock;

static int connect_client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/%s",
		       agent.options.run_dir, AGENT_SOCKET_NAME);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* A whole agent without a policy or a server, and one client. */
static void setup(void)
{
	struct agent_options options;
	const char *folder = fixture_folder();

	log_set_level(LOG_LEVEL_ERROR - 1);
	ck_assert_int_eq(agent_options_init(&options, &err), 0);
	(void)snprintf(options.state_dir, sizeof(options.state_dir), "%s/state", folder);
	(void)snprintf(options.run_dir, sizeof(options.run_dir), "%s/run", folder);
	ck_assert_int_eq(agent_start(&agent, &options, &err), 0);
	sock = connect_client();
}

static void teardown(void)
{
	close(sock);
	agent_stop(&agent);
}

/* Lets the agent work until the client can read: the length of its message, 0 when it was closed. */
static ssize_t answer(int fd)
{
	for (int i = 0; i < 100; i++) {
		ssize_t n = fd_recv(fd, &reply, sizeof(reply), NULL, NULL);

		if (n != -EAGAIN)
			return n == -ECONNRESET ? 0 : n;
		ck_assert_int_eq(agent_loop_step(&agent.loop, 20), 0);
	}
	return -EAGAIN;
}

static void ask(uint32_t type, const char *id)
{
	struct agent_req req = {.type = type, .version = AGENT_SOCKET_VERSION};

	(void)snprintf(req.id, sizeof(req.id), "%s", id);
	ck_assert_int_eq(fd_send(sock, &req, sizeof(req), NULL, 0), 0);
}

START_TEST(an_empty_list_has_an_end)
{
	ask(AGENT_REQ_LS, "");
	ck_assert_int_eq(answer(sock), sizeof(struct agent_rep));
	ck_assert_uint_eq(reply.type, AGENT_REP_END);
	ck_assert_uint_eq(reply.rep.value, 0);
}
END_TEST

START_TEST(a_micro_vm_that_is_not_there_is_refused)
{
	static const uint32_t types[] = {AGENT_REQ_STOP, AGENT_REQ_EXPLAIN, AGENT_REQ_REVIEW,
					 AGENT_REQ_KEPT, AGENT_REQ_DESTROY};

	ask(types[_i], "vm-0");
	ck_assert_int_eq(answer(sock), sizeof(struct agent_rep));
	ck_assert_uint_eq(reply.type, AGENT_REP_REFUSED);
	ck_assert_ptr_nonnull(strstr(reply.rep.text, "such"));
}
END_TEST

START_TEST(a_wrong_size_ends_the_connection)
{
	struct agent_req req = {.type = (uint32_t)_i, .version = AGENT_SOCKET_VERSION};

	ck_assert_int_eq(fd_send(sock, &req, sizeof(req) - 1, NULL, 0), 0);
	ck_assert_int_eq(answer(sock), 0);
	ck_assert_ptr_null(agent.listener.sessions);
}
END_TEST

START_TEST(one_byte_ends_the_connection)
{
	ck_assert_int_eq(fd_send(sock, "", 1, NULL, 0), 0);
	ck_assert_int_eq(answer(sock), 0);
}
END_TEST

START_TEST(an_unknown_type_ends_the_connection)
{
	struct agent_req req = {.type = AGENT_REQ_COUNT, .version = AGENT_SOCKET_VERSION};

	ck_assert_int_eq(fd_send(sock, &req, sizeof(req), NULL, 0), 0);
	ck_assert_int_eq(answer(sock), 0);
}
END_TEST

START_TEST(another_version_ends_the_connection)
{
	struct agent_req req = {.type = AGENT_REQ_LS, .version = AGENT_SOCKET_VERSION + 1};

	ck_assert_int_eq(fd_send(sock, &req, sizeof(req), NULL, 0), 0);
	ck_assert_int_eq(answer(sock), 0);
}
END_TEST

START_TEST(an_id_without_end_ends_the_connection)
{
	struct agent_req req = {.type = AGENT_REQ_STOP, .version = AGENT_SOCKET_VERSION};

	memset(req.id, 'a', sizeof(req.id));
	ck_assert_int_eq(fd_send(sock, &req, sizeof(req), NULL, 0), 0);
	ck_assert_int_eq(answer(sock), 0);
}
END_TEST

START_TEST(more_descriptors_than_any_request_has_end_the_connection)
{
	struct agent_req req = {.type = AGENT_REQ_LS, .version = AGENT_SOCKET_VERSION};
	int fds[AGENT_RUN_FDS + AGENT_FILES_MAX + 1];

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		fds[i] = STDERR_FILENO;
	ck_assert_int_eq(fd_send(sock, &req, sizeof(req), fds, sizeof(fds) / sizeof(fds[0])), 0);
	ck_assert_int_eq(answer(sock), 0);
}
END_TEST

START_TEST(descriptors_nobody_asked_for_are_closed)
{
	struct agent_req req = {.type = AGENT_REQ_LS, .version = AGENT_SOCKET_VERSION};
	int pair[2];
	char byte;

	ck_assert_int_eq(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(fd_send(sock, &req, sizeof(req), &pair[1], 1), 0);
	ck_assert_int_eq(answer(sock), sizeof(struct agent_rep));
	close(pair[1]);
	ck_assert_int_eq(read(pair[0], &byte, 1), 0); /* the end: nobody else holds it */
	close(pair[0]);
}
END_TEST

START_TEST(a_damaged_run_is_refused_and_told)
{
	struct agent_req_run *run = calloc(1, sizeof(*run));
	int fds[AGENT_RUN_FDS] = {STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};

	run->type = AGENT_REQ_RUN;
	ck_assert_int_eq(fd_send(sock, run, sizeof(*run), fds, AGENT_RUN_FDS), 0);
	ck_assert_int_eq(answer(sock), sizeof(struct agent_rep));
	ck_assert_uint_eq(reply.type, AGENT_REP_REFUSED);
	ck_assert_uint_eq(reply.rep.value, 125);
	free(run);
}
END_TEST

START_TEST(a_policy_that_is_no_memfd_is_refused)
{
	struct agent_req req = {.type = AGENT_REQ_POLICY, .version = AGENT_SOCKET_VERSION};
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (getuid() != 0)
		return;
	ck_assert_int_eq(fd_send(sock, &req, sizeof(req), &fd, 1), 0);
	ck_assert_int_eq(answer(sock), sizeof(struct agent_rep));
	ck_assert_uint_eq(reply.type, AGENT_REP_REFUSED);
	close(fd);
}
END_TEST

START_TEST(a_second_agent_on_the_same_state_is_refused)
{
	static struct agent other;

	ck_assert_int_eq(agent_start(&other, &agent.options, &err), -EBUSY);
	agent_stop(&other);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("session");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_empty_list_has_an_end);
	tcase_add_loop_test(t, a_micro_vm_that_is_not_there_is_refused, 0, 5);
	tcase_add_loop_test(t, a_wrong_size_ends_the_connection, AGENT_REQ_RUN, AGENT_REQ_COUNT);
	tcase_add_test(t, one_byte_ends_the_connection);
	tcase_add_test(t, an_unknown_type_ends_the_connection);
	tcase_add_test(t, another_version_ends_the_connection);
	tcase_add_test(t, an_id_without_end_ends_the_connection);
	tcase_add_test(t, more_descriptors_than_any_request_has_end_the_connection);
	tcase_add_test(t, descriptors_nobody_asked_for_are_closed);
	tcase_add_test(t, a_damaged_run_is_refused_and_told);
	tcase_add_test(t, a_policy_that_is_no_memfd_is_refused);
	tcase_add_test(t, a_second_agent_on_the_same_state_is_refused);
	return suite_run("agent/session", t);
}
