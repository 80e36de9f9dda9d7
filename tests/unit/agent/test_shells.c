#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/agent/agent.h"
#include "common/fd.h"
#include "common/log.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* A child that only waits stands for a shell's process, its end of the control socket is ours. The program that the
 * pool itself starts cannot be executed, so that every making fails; what a made one is good for is
 * tests/system/test_run.sh's. */

static struct agent agent;
static struct agent_shells *const pool = &agent.shells;
static struct agent_template *const template = &agent.templates.list[0];
static struct agent_shell_taken taken;
static struct err err;
static int socks[4];

static void setup(void)
{
	struct agent_options options;
	const char *folder = fixture_folder();

	log_set_level(LOG_LEVEL_ERROR - 1);
	ck_assert_int_eq(agent_options_init(&options, &err), 0);
	(void)snprintf(options.state_dir, sizeof(options.state_dir), "%s/state", folder);
	(void)snprintf(options.run_dir, sizeof(options.run_dir), "%s/run", folder);
	(void)snprintf(options.bin_dir, sizeof(options.bin_dir), "%s", folder);
	options.shells = 3;
	ck_assert_int_eq(fd_replace_file(fixture_path(folder, "ampoule-microvm"), "none", 4, 0755),
			 0);
	ck_assert_int_eq(agent_start(&agent, &options, &err), 0);
	agent_templates_stop(&agent.templates); /* whether or not this machine has /dev/kvm */
	agent_shells_stop(pool);
	agent.templates.agent = &agent;
	agent.templates.count = 2;
	for (int i = 0; i < 2; i++)
		agent.templates.list[i] = (struct agent_template){.key = {(uint8_t)(i + 1)},
								  .memory_bytes = 256 << 20,
								  .cpus = 1,
								  .state = AGENT_TEMPLATE_READY,
								  .memory_fd = -1,
								  .state_fd = -1};
	agent_shells_start(pool, &agent);
	agent_timer_stop(&pool->timer);
}

static void teardown(void)
{
	agent_stop(&agent);
	for (int i = 0; i < 4; i++)
		if (socks[i] > 0)
			close(socks[i]);
	memset(socks, 0, sizeof(socks));
}

/* The pool's i-th shell, of the template with this key: its process, which never ends by itself. */
static pid_t add(int i, uint8_t key)
{
	struct agent_shell *shell = &pool->list[i];
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	*shell = (struct agent_shell){
		.pool = pool, .uid_slot = 10000u + (unsigned)i, .key = {key}, .control = pair[0]};
	(void)snprintf(shell->id, sizeof(shell->id), "vm-%d", i);
	ck_assert_int_eq(agent_shells_watch(shell, pid, &err), 0);
	socks[i] = pair[1];
	return pid;
}

static void say(int i, uint32_t state)
{
	struct mv_msg msg = {.type = MV_MSG_STATE, .value = state};

	ck_assert_int_eq(fd_send(socks[i], &msg, sizeof(msg), NULL, 0), 0);
	ck_assert_int_eq(agent_loop_step(&agent.loop, 100), 0);
}

static pid_t add_ready(int i, uint8_t key)
{
	pid_t pid = add(i, key);

	say(i, MV_STATE_BOOTING);
	say(i, MV_STATE_READY);
	return pid;
}

/* Its end was reaped, too. */
static bool is_gone(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static void end_taken(void)
{
	kill(taken.pid, SIGKILL);
	ck_assert_int_eq(waitpid(taken.pid, NULL, 0), taken.pid);
	close(taken.control);
}

START_TEST(a_ready_shell_is_taken_once_with_all_that_is_its_own)
{
	pid_t pid = add_ready(0, 1);

	ck_assert(agent_shells_take(pool, template, &taken));
	ck_assert_int_eq(taken.pid, pid);
	ck_assert_uint_eq(taken.uid_slot, 10000);
	ck_assert_str_eq(taken.id, "vm-0");
	ck_assert_uint_eq(agent_shells_count(pool, false), 0);
	ck_assert(!agent_shells_take(pool, template, &(struct agent_shell_taken){0}));
	end_taken();
}
END_TEST

START_TEST(one_that_still_rehearses_is_not_taken)
{
	add(0, 1);
	say(0, MV_STATE_BOOTING);
	ck_assert_uint_eq(agent_shells_count(pool, false), 1);
	ck_assert(!agent_shells_take(pool, template, &taken));
}
END_TEST

START_TEST(one_of_another_template_is_not_taken)
{
	add_ready(0, 2);
	ck_assert(!agent_shells_take(pool, template, &taken));
	ck_assert_uint_eq(agent_shells_count(pool, true), 1);
}
END_TEST

START_TEST(one_that_died_before_it_was_used_is_passed_over)
{
	pid_t dead = add_ready(0, 1);
	pid_t pid = add_ready(1, 1);

	kill(dead, SIGKILL); /* the loop has not been told yet */
	ck_assert_int_eq(waitid(P_PID, (id_t)dead, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	ck_assert(agent_shells_take(pool, template, &taken));
	ck_assert_int_eq(taken.pid, pid);
	ck_assert(is_gone(dead));
	end_taken();
}
END_TEST

START_TEST(one_whose_process_ends_leaves_the_pool)
{
	pid_t pid = add_ready(0, 1);

	kill(pid, SIGKILL);
	for (int i = 0; i < 20 && agent_shells_count(pool, false) > 0; i++)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 100), 0);
	ck_assert_uint_eq(agent_shells_count(pool, false), 0);
	ck_assert(is_gone(pid));
	ck_assert_uint_eq(pool->failures, 1);
}
END_TEST

static void big_state(struct mv_msg *msg)
{
	msg->value = MV_STATE_RUNNING;
}
static void no_state(struct mv_msg *msg)
{
	msg->value = 0;
}
static void other_type(struct mv_msg *msg)
{
	msg->type = MV_MSG_EXIT;
}
static void second_ready(struct mv_msg *msg)
{
	say(0, MV_STATE_READY);
	msg->value = MV_STATE_READY;
}
static void (*const spoil[])(struct mv_msg *msg) = {big_state, no_state, other_type, second_ready};

START_TEST(one_that_breaks_the_protocol_is_killed)
{
	struct mv_msg msg = {.type = MV_MSG_STATE, .value = MV_STATE_BOOTING};
	pid_t pid = add(0, 1);

	spoil[_i](&msg);
	ck_assert_int_eq(fd_send(socks[0], &msg, sizeof(msg), NULL, 0), 0);
	ck_assert_int_eq(agent_loop_step(&agent.loop, 100), 0);
	ck_assert(is_gone(pid));
	ck_assert_uint_eq(agent_shells_count(pool, false), 0);
}
END_TEST

START_TEST(shells_of_a_template_that_was_replaced_are_killed)
{
	pid_t old = add_ready(0, 1);

	add_ready(1, 2);
	template->key[0] = 3; /* the image changed */
	agent_shells_refill(pool);
	ck_assert(is_gone(old));
	ck_assert_uint_eq(agent_shells_count(pool, true), 1);
	ck_assert(!agent_shells_take(pool, template, &taken));
}
END_TEST

START_TEST(a_template_that_fails_takes_its_shells_with_it)
{
	pid_t pid = add_ready(0, 1);

	agent_templates_distrust(&agent.templates, template->key);
	ck_assert(is_gone(pid));
}
END_TEST

START_TEST(no_more_are_made_than_the_option_says)
{
	for (int i = 0; i < 3; i++)
		add_ready(i, 1);
	agent_timer_start(&pool->timer, &agent.loop, 0, pool->timer.on_time, pool);
	ck_assert_int_eq(agent_loop_step(&agent.loop, 10), 0);
	ck_assert_uint_eq(agent_shells_count(pool, false), 3);
	ck_assert_uint_eq(pool->failures, 0); /* a making would have failed */
}
END_TEST

START_TEST(what_was_taken_is_made_again_and_a_failure_is_tried_later_each_time)
{
	add_ready(0, 1);
	ck_assert(agent_shells_take(pool, template, &taken));
	ck_assert_ptr_nonnull(pool->timer.loop);
	end_taken();
	for (unsigned n = 1; n <= 2; n++) {
		agent_timer_start(&pool->timer, &agent.loop, 0, pool->timer.on_time, pool);
		ck_assert_int_eq(agent_loop_step(&agent.loop, 10), 0);
		ck_assert_uint_eq(pool->failures, n);
		ck_assert_uint_eq(agent_shells_count(pool, false), 0);
		ck_assert_uint_gt(pool->timer.due_ms - agent_now_ms(),
				  n * AGENT_SHELLS_RETRY_MS - 1000);
	}
}
END_TEST

START_TEST(one_that_rehearses_keeps_others_from_being_made)
{
	add(0, 1);
	agent_timer_start(&pool->timer, &agent.loop, 0, pool->timer.on_time, pool);
	ck_assert_int_eq(agent_loop_step(&agent.loop, 10), 0);
	ck_assert_uint_eq(pool->failures, 0);
}
END_TEST

START_TEST(short_memory_takes_all_and_they_come_back_later)
{
	pid_t one = add_ready(0, 1);
	pid_t two = add(1, 2);

	ck_assert_uint_eq(agent_shells_drop(pool), 2);
	ck_assert(is_gone(one) && is_gone(two));
	ck_assert_ptr_nonnull(pool->timer.loop);
	ck_assert_uint_eq(agent_shells_drop(pool), 0);
}
END_TEST

START_TEST(shells_end_with_their_agent)
{
	pid_t one = add_ready(0, 1);
	pid_t two = add(1, 1);

	agent_shells_stop(pool);
	ck_assert(is_gone(one) && is_gone(two));
	agent_shells_refill(pool);
	ck_assert_ptr_null(pool->timer.loop);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pool");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_ready_shell_is_taken_once_with_all_that_is_its_own);
	tcase_add_test(t, one_that_still_rehearses_is_not_taken);
	tcase_add_test(t, one_of_another_template_is_not_taken);
	tcase_add_test(t, one_that_died_before_it_was_used_is_passed_over);
	tcase_add_test(t, one_whose_process_ends_leaves_the_pool);
	tcase_add_loop_test(t, one_that_breaks_the_protocol_is_killed, 0,
			    sizeof(spoil) / sizeof(spoil[0]));
	tcase_add_test(t, shells_of_a_template_that_was_replaced_are_killed);
	tcase_add_test(t, a_template_that_fails_takes_its_shells_with_it);
	tcase_add_test(t, no_more_are_made_than_the_option_says);
	tcase_add_test(t, what_was_taken_is_made_again_and_a_failure_is_tried_later_each_time);
	tcase_add_test(t, one_that_rehearses_keeps_others_from_being_made);
	tcase_add_test(t, short_memory_takes_all_and_they_come_back_later);
	tcase_add_test(t, shells_end_with_their_agent);
	return suite_run("agent/shells", t);
}
