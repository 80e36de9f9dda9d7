#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "agent/agent/spool.h"
#include "common/fd.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static char path[256];
static struct agent_spool *spool;
static struct agent_event out[8];
static struct err err;

static void open_spool(uint64_t max)
{
	ck_assert_int_eq(agent_spool_open(path, max, &spool, &err), 0);
}

static void setup(void)
{
	(void)snprintf(path, sizeof(path), "%s", fixture_path(fixture_folder(), "spool.db"));
	open_spool(100);
}

static void teardown(void)
{
	agent_spool_close(spool);
}

static struct agent_event event_of(const char *object)
{
	struct agent_event e = {.wall_clock_ns = 7,
				.guest_rip = UINT64_MAX,
				.count = 1,
				.class = MV_CLASS_FILE,
				.op = MV_OP_OPEN,
				.verdict = MV_DENY,
				.rule = "no-keys"};

	e.object_bytes = (uint32_t)strlen(object);
	memcpy(e.object, object, e.object_bytes);
	return e;
}

static void put(const char *object)
{
	struct agent_event e = event_of(object);

	ck_assert_int_gt(agent_spool_put(spool, &e), 0);
}

START_TEST(events_come_back_as_they_were_in_order)
{
	put("/a");
	put("/b");
	ck_assert_int_eq(agent_spool_commit(spool), 0);
	ck_assert_int_eq(agent_spool_read(spool, 0, out, 8), 2);
	ck_assert_uint_eq(out[1].sequence, out[0].sequence + 1);
	ck_assert_uint_eq(out[0].guest_rip, UINT64_MAX);
	ck_assert_str_eq(out[0].rule, "no-keys");
	ck_assert_uint_eq(out[1].object_bytes, 2);
	ck_assert_mem_eq(out[1].object, "/b", 2);
}
END_TEST

START_TEST(an_acknowledged_event_is_gone_and_its_number_is_not_used_again)
{
	put("/a");
	ck_assert_int_eq(agent_spool_commit(spool), 0);
	ck_assert_int_eq(agent_spool_read(spool, 0, out, 8), 1);
	uint64_t first = out[0].sequence;

	ck_assert_int_eq(agent_spool_ack(spool, first), 0);
	ck_assert_int_eq(agent_spool_read(spool, 0, out, 8), 0);
	put("/b");
	ck_assert_int_eq(agent_spool_commit(spool), 0);
	ck_assert_int_eq(agent_spool_read(spool, 0, out, 8), 1);
	ck_assert_uint_eq(out[0].sequence, first + 1);
}
END_TEST

START_TEST(the_stream_and_the_events_outlive_the_process)
{
	uint8_t stream[AGENT_STREAM_BYTES];
	struct agent_spool_stats stats;

	memcpy(stream, agent_spool_stream(spool), sizeof(stream));
	put("/a");
	agent_spool_close(spool);
	open_spool(100);
	ck_assert_mem_eq(agent_spool_stream(spool), stream, sizeof(stream));
	agent_spool_stat(spool, &stats);
	ck_assert_uint_eq(stats.events, 1);
	ck_assert_uint_eq(stats.oldest_ns, 7);
}
END_TEST

START_TEST(what_was_committed_survives_a_kill)
{
	agent_spool_close(spool);
	pid_t pid = fork();

	if (pid == 0) {
		struct agent_event e = event_of("/kept");

		if (agent_spool_open(path, 100, &spool, &err) < 0 ||
		    agent_spool_put(spool, &e) < 1 || agent_spool_commit(spool) < 0)
			_exit(1);
		e = event_of("/open");
		if (agent_spool_put(spool, &e) < 1)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	int status = 0;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	open_spool(100);
	ck_assert_int_eq(agent_spool_read(spool, 0, out, 8), 1);
	ck_assert_mem_eq(out[0].object, "/kept", 5);
}
END_TEST

START_TEST(a_full_spool_counts_what_it_drops_and_says_so_later)
{
	agent_spool_close(spool);
	open_spool(4);
	struct agent_event more = event_of("/more");

	put("/1");
	put("/2");
	put("/3");
	more.count = 5;
	ck_assert_int_eq(agent_spool_put(spool, &more), 0);
	ck_assert_int_eq(agent_spool_put(spool, &more), 0);
	ck_assert_int_eq(agent_spool_commit(spool), 0);
	ck_assert_int_eq(agent_spool_read(spool, 0, out, 8), 3);
	ck_assert_int_eq(agent_spool_ack(spool, out[2].sequence), 0);
	put("/4");
	ck_assert_int_eq(agent_spool_commit(spool), 0);
	ck_assert_int_eq(agent_spool_read(spool, 0, out, 8), 2);
	ck_assert_uint_eq(out[0].dropped, 10);
	ck_assert_mem_eq(out[0].object, "spool-full", 10);
	ck_assert_mem_eq(out[1].object, "/4", 2);
}
END_TEST

START_TEST(a_damaged_database_is_set_aside)
{
	uint8_t stream[AGENT_STREAM_BYTES];
	char bad[300];

	memcpy(stream, agent_spool_stream(spool), sizeof(stream));
	agent_spool_close(spool);
	ck_assert_int_eq(fd_replace_file(path, "this is no database, at all", 27, 0600), 0);
	open_spool(100);
	ck_assert_mem_ne(agent_spool_stream(spool), stream, sizeof(stream));
	(void)snprintf(bad, sizeof(bad), "%s.bad", path);
	ck_assert_int_eq(access(bad, F_OK), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("spool");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, events_come_back_as_they_were_in_order);
	tcase_add_test(t, an_acknowledged_event_is_gone_and_its_number_is_not_used_again);
	tcase_add_test(t, the_stream_and_the_events_outlive_the_process);
	tcase_add_test(t, what_was_committed_survives_a_kill);
	tcase_add_test(t, a_full_spool_counts_what_it_drops_and_says_so_later);
	tcase_add_test(t, a_damaged_database_is_set_aside);
	return suite_run("agent/spool", t);
}
