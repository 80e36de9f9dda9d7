/* ampoulectl's client against the real listener, through a relay that breaks connections: a POST whose answer was
 * lost is sent again, and done once. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "server/ctl/client.h"
#include "tests/support/suite.h"
#include "tests/unit/server/access_table.h"

static int connect_to(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

/* Passes bytes on until one end closes. With `lose`, what the server says after the client's first encrypted
 * record is swallowed (the handshake of TLS 1.3 needs no more of it), and the client cut off when the server has
 * nothing to add. */
static void relay(int client, int server, bool lose)
{
	char bytes[16384];
	struct pollfd fds[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
	bool over = false;

	while (poll(fds, 2, lose && over ? 1000 : 20000) > 0) {
		bool up = fds[0].revents;
		ssize_t n = read(up ? client : server, bytes, sizeof(bytes));

		if (n <= 0)
			return;
		over |= up && (bytes[0] == 0x17 || (bytes[0] == 0x14 && n > 6 && bytes[6] == 0x17));
		if (!up && lose && over)
			continue;
		if (write(up ? server : client, bytes, (size_t)n) != n)
			return;
	}
}

/* A process that loses the answers of the first `broken` connections; its port. */
static uint16_t start_relay(unsigned broken, pid_t *ret_pid)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		for (unsigned i = 0;; i++) {
			int client = accept(fd, NULL, NULL),
			    server = connect_to(srv_rest_port(rest));

			relay(client, server, i < broken);
			close(client);
			close(server);
		}
	}
	close(fd);
	return ntohs(at.sin_port);
}

static struct ctl_client *open_client(uint16_t port)
{
	struct ctl_profile profile = {0};
	struct err err = {0};

	snprintf(profile.server, sizeof(profile.server), "https://127.0.0.1:%u", port);
	snprintf(profile.token, sizeof(profile.token), "%s", access_token("all-admin"));
	ck_assert_int_eq(buf_put(&profile.ca, identity.certificate, strlen(identity.certificate)),
			 0);
	struct ctl_client *client = ctl_client_new(&profile, &err);

	ck_assert_ptr_nonnull(client);
	return client;
}

/* _i: how many answers are lost. */
START_TEST(a_post_whose_answer_was_lost_is_done_once)
{
	pid_t pid;
	struct ctl_client *client = open_client(start_relay((unsigned)_i, &pid));
	struct ctl_answer answer = {0};
	struct err err = {0};
	char name[40], sql[120];

	snprintf(name, sizeof(name), "lost-%d", _i);
	int r = ctl_client_send(client, "POST", "/tokens",
				json_pack("{s:s, s:s, s:s}", "kind", "api", "role", "viewer",
					  "name", name),
				&answer, &err);

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM tokens WHERE name = '%s'", name);
	ck_assert_msg(r == (_i < 2 ? 0 : -EHOSTUNREACH), "%d %s", r, err.text);
	ck_assert_int_eq(access_number(sql), 1);
	if (_i < 2)
		ck_assert_int_eq(answer.status, 201);
	ctl_answer_release(&answer);
	ctl_client_close(client);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_change_after_a_look_is_of_what_was_seen)
{
	struct ctl_client *client = open_client(srv_rest_port(rest));
	struct ctl_answer answer = {0};
	struct err err = {0};

	ck_assert_int_eq(ctl_client_send(client, "GET", "/groups", NULL, &answer, &err), 0);
	ctl_answer_release(&answer);
	access_sql("INSERT INTO groups (name) VALUES ('meanwhile')");
	ctl_client_match_last(client);
	ck_assert_int_eq(ctl_client_send(client, "POST", "/groups",
					 json_pack("{s:s}", "name", "mine"), &answer, &err),
			 0);
	ck_assert_int_eq(answer.status, 412);
	ctl_answer_release(&answer);
	ck_assert_int_eq(ctl_client_send(client, "POST", "/groups",
					 json_pack("{s:s}", "name", "mine"), &answer, &err),
			 0);
	ck_assert_int_eq(answer.status, 200);
	ctl_answer_release(&answer);
	ctl_client_close(client);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("client");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_loop_test(t, a_post_whose_answer_was_lost_is_done_once, 0, 3);
	tcase_add_test(t, a_change_after_a_look_is_of_what_was_seen);
	return suite_run("server/ctl/client", t);
}
