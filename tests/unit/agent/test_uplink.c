#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "agent/agent/agent.h"
#include "agent/agent/uplink.h"
#include "common/fd.h"
#include "common/log.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* The test is the link: its end of the socket is ours. */

static struct agent agent;
static uint8_t secret[32];
static struct err err;
static int sock;

static void setup(void)
{
	struct agent_options options;
	const char *folder = fixture_folder();
	int pair[2];

	log_set_level(LOG_LEVEL_ERROR - 1);
	ck_assert_int_eq(agent_options_init(&options, &err), 0);
	(void)snprintf(options.state_dir, sizeof(options.state_dir), "%s/state", folder);
	(void)snprintf(options.run_dir, sizeof(options.run_dir), "%s/run", folder);
	ck_assert_int_eq(agent_start(&agent, &options, &err), 0);
	fixture_identity(&agent.identity, secret);
	(void)snprintf(agent.identity.device_id, MV_NAME_MAX, "device-1");
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	ck_assert_int_eq(agent_uplink_adopt(&agent.uplink, &agent, pair[0]), 0);
	sock = pair[1];
}

static void teardown(void)
{
	close(sock);
	agent_stop(&agent);
}

static void work(void)
{
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 30), 0);
}

static bool ended(void)
{
	work();
	return agent.uplink.fd == -1;
}

static void say_up(void)
{
	struct agent_link_up up = {.type = AGENT_LINK_UP, .counter = 3, .device_id = "device-1"};

	ck_assert_int_eq(fd_send(sock, &up, sizeof(up), NULL, 0), 0);
	work();
}

/* The next message of this type that the agent sends. */
static bool next(uint32_t type, union agent_link_any *out, int *ret_fd)
{
	for (int i = 0; i < 20; i++) {
		size_t nfds = 1;
		ssize_t n = fd_recv(sock, out, sizeof(*out), ret_fd, &nfds);

		if (n == -EAGAIN)
			work();
		else if (n > 0 && out->type == type)
			return true;
	}
	return false;
}

START_TEST(a_welcome_is_believed_for_this_device_only)
{
	struct agent_link_up up = {.type = AGENT_LINK_UP, .device_id = "device-2"};

	ck_assert_int_eq(fd_send(sock, &up, sizeof(up), NULL, 0), 0);
	ck_assert(ended());
}
END_TEST

START_TEST(after_a_welcome_the_counter_is_kept)
{
	struct agent_identity stored;

	say_up();
	ck_assert(agent.uplink.connected);
	ck_assert_int_eq(agent_identity_load(agent.options.state_dir, &stored, &err), 0);
	ck_assert_uint_eq(stored.counter, 3);
}
END_TEST

START_TEST(a_server_that_wants_to_know_is_told_how_the_endpoint_is)
{
	struct agent_link_up up = {.type = AGENT_LINK_UP, .health_s = 300, .device_id = "device-1"};
	union agent_link_any out;
	int fd = -1;

	ck_assert_int_eq(fd_send(sock, &up, sizeof(up), NULL, 0), 0);
	ck_assert(next(AGENT_LINK_HEALTH, &out, &fd));
	ck_assert_uint_eq(out.health.isolation, agent.isolation);
	ck_assert_int_eq(out.health.isolation_reason[0] == '\0', agent.isolation);
	ck_assert_uint_eq(out.health.images, 0);
	ck_assert_uint_eq(out.health.running, 0);
	/* Nothing changes: nothing more is said. */
	ck_assert(!next(AGENT_LINK_HEALTH, &out, &fd));
}
END_TEST

START_TEST(a_policy_whose_image_is_missing_shows_in_the_health)
{
	struct agent_link_up up = {.type = AGENT_LINK_UP, .health_s = 300, .device_id = "device-1"};
	struct fixture_envelope what = {
		.group = "default", .serial = 1, .document = fixture_policy};
	cleanup_buf struct buf envelope = {0};
	union agent_link_any out;
	int fd = -1;

	fixture_sign(&envelope, secret, &what);
	ck_assert_int_eq(agent_apply_policy(&agent, envelope.data, envelope.len, &err), 0);
	ck_assert_int_eq(fd_send(sock, &up, sizeof(up), NULL, 0), 0);
	ck_assert(next(AGENT_LINK_HEALTH, &out, &fd));
	ck_assert_uint_eq(out.health.images, 1);
	ck_assert_uint_eq(out.health.images_ready, 0);
}
END_TEST

START_TEST(a_server_that_takes_no_health_gets_none)
{
	union agent_link_any out;
	int fd = -1;

	say_up();
	ck_assert(!next(AGENT_LINK_HEALTH, &out, &fd));
}
END_TEST

START_TEST(a_wrong_size_ends_the_link)
{
	struct agent_link_msg msg = {.type = (uint32_t)_i};

	ck_assert_int_eq(fd_send(sock, &msg, sizeof(msg) - 1, NULL, 0), 0);
	ck_assert(ended());
}
END_TEST

START_TEST(a_type_that_only_the_agent_sends_ends_the_link)
{
	struct agent_link_config config = {.type = AGENT_LINK_CONFIG};

	ck_assert_int_eq(fd_send(sock, &config, sizeof(config), NULL, 0), 0);
	ck_assert(ended());
}
END_TEST

START_TEST(a_text_without_end_ends_the_link)
{
	struct agent_link_msg msg = {.type = AGENT_LINK_DOWN};

	memset(msg.text, 'a', sizeof(msg.text));
	ck_assert_int_eq(fd_send(sock, &msg, sizeof(msg), NULL, 0), 0);
	ck_assert(ended());
}
END_TEST

START_TEST(a_blob_without_its_descriptor_ends_the_link)
{
	struct agent_link_msg msg = {.type = AGENT_LINK_BLOB};

	ck_assert_int_eq(fd_send(sock, &msg, sizeof(msg), NULL, 0), 0);
	ck_assert(ended());
}
END_TEST

START_TEST(a_blob_nobody_asked_for_is_left_alone)
{
	struct agent_link_msg msg = {.type = AGENT_LINK_BLOB, .total = 4};
	int fd = fd_sealed("part", "evil", 4);

	say_up();
	ck_assert_int_eq(fd_send(sock, &msg, sizeof(msg), &fd, 1), 0);
	ck_assert(!ended());
	ck_assert_uint_eq(agent_images_inbox_bytes(&agent.images, msg.digest), 0);
	close(fd);
}
END_TEST

static void send_policy(const struct buf *envelope)
{
	struct agent_link_policy msg = {.type = AGENT_LINK_POLICY, .serial = 1};
	int fd = fd_sealed("envelope", envelope->data, envelope->len);

	ck_assert_int_eq(fd_send(sock, &msg, sizeof(msg), &fd, 1), 0);
	close(fd);
}

START_TEST(a_good_policy_is_applied_and_told)
{
	union agent_link_any out;
	struct buf envelope = {0};
	int fd;

	say_up();
	fixture_sign(&envelope, secret,
		     &(struct fixture_envelope){"default", 1, 0, fixture_policy});
	send_policy(&envelope);
	ck_assert(next(AGENT_LINK_POLICY_STATE, &out, &fd));
	ck_assert_uint_eq(out.policy.phase, AGENT_POLICY_RECEIVED);
	ck_assert(next(AGENT_LINK_POLICY_STATE, &out, &fd));
	ck_assert_uint_eq(out.policy.phase, AGENT_POLICY_APPLIED);
	ck_assert_mem_eq(out.policy.digest, agent.policies.digest, DIGEST_BYTES);
	ck_assert(next(AGENT_LINK_MANIFEST_FETCH, &out, &fd)); /* the image it names is wanted */
	ck_assert_str_eq(out.msg.name, "debian-docs");
	buf_release(&envelope);
}
END_TEST

START_TEST(a_policy_of_another_group_is_told_as_failed)
{
	union agent_link_any out;
	struct buf envelope = {0};
	int fd;

	say_up();
	fixture_sign(&envelope, secret, &(struct fixture_envelope){"others", 1, 0, fixture_policy});
	send_policy(&envelope);
	ck_assert(next(AGENT_LINK_POLICY_STATE, &out, &fd));
	ck_assert_uint_eq(out.policy.phase, AGENT_POLICY_FAILED);
	ck_assert_ptr_null(agent.policies.policy);
	buf_release(&envelope);
}
END_TEST

START_TEST(events_are_deleted_by_their_acknowledgement_only)
{
	union agent_link_any out;
	struct agent_spool_stats stats;
	struct agent_link_msg ack = {.type = AGENT_LINK_EVENT_ACK};
	int fd;

	agent_record_incident(&agent, "test", MV_LOW);
	say_up();
	ck_assert(next(AGENT_LINK_EVENTS, &out, &fd));
	ck_assert_uint_ge(out.msg.value, 1);
	agent_spool_stat(agent.spool, &stats);
	ck_assert_uint_ge(stats.events, 1);
	memcpy(ack.digest, agent_spool_stream(agent.spool), AGENT_STREAM_BYTES);
	ack.number = agent.uplink.in_flight + 1; /* more than was sent */
	ck_assert_int_eq(fd_send(sock, &ack, sizeof(ack), NULL, 0), 0);
	work();
	agent_spool_stat(agent.spool, &stats);
	ck_assert_uint_ge(stats.events, 1);
	ack.number = agent.uplink.in_flight;
	ck_assert_int_eq(fd_send(sock, &ack, sizeof(ack), NULL, 0), 0);
	work();
	agent_spool_stat(agent.spool, &stats);
	ck_assert_uint_eq(stats.events, 0);
	close(fd);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("uplink");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_welcome_is_believed_for_this_device_only);
	tcase_add_test(t, after_a_welcome_the_counter_is_kept);
	tcase_add_test(t, a_server_that_wants_to_know_is_told_how_the_endpoint_is);
	tcase_add_test(t, a_policy_whose_image_is_missing_shows_in_the_health);
	tcase_add_test(t, a_server_that_takes_no_health_gets_none);
	tcase_add_loop_test(t, a_wrong_size_ends_the_link, 0, AGENT_LINK_ENROLLED + 2);
	tcase_add_test(t, a_type_that_only_the_agent_sends_ends_the_link);
	tcase_add_test(t, a_text_without_end_ends_the_link);
	tcase_add_test(t, a_blob_without_its_descriptor_ends_the_link);
	tcase_add_test(t, a_blob_nobody_asked_for_is_left_alone);
	tcase_add_test(t, a_good_policy_is_applied_and_told);
	tcase_add_test(t, a_policy_of_another_group_is_told_as_failed);
	tcase_add_test(t, events_are_deleted_by_their_acknowledgement_only);
	return suite_run("agent/uplink", t);
}
