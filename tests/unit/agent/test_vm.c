#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "agent/agent/agent.h"
#include "agent/agent/vm.h"
#include "common/fd.h"
#include "common/log.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* The test is the microvm: a child that only waits stands for its process, its end of the socket is ours. */

static struct agent agent;
static struct agent_vm *vm;
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
	vm = calloc(1, sizeof(*vm));
	*vm = (struct agent_vm){.agent = &agent,
				.id = "vm-1",
				.task_id = "pdf",
				.control = -1,
				.wanted_serial = 5,
				.applied_serial = 4,
				.lifetime_ms = 1000000,
				.request = calloc(1, sizeof(struct agent_request))};
	memset(vm->request->stdio, 0xff, sizeof(vm->request->stdio));
	agent_vms_add(&agent.vms, vm);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	ck_assert_int_eq(agent_vm_attach(vm, pid, pair[0], &err), 0);
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

/* A process needs its time to die. */
static void until_ended(void)
{
	for (int i = 0; i < 200 && !vm->ended; i++)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 50), 0);
}

static bool is_told(const char *object, unsigned severity)
{
	const struct mv_event *event = agent_history_at(&vm->history, 0);

	return event && event->severity == severity && event->object_bytes == strlen(object) &&
	       memcmp(event->object, object, event->object_bytes) == 0;
}

static bool ended_by(const void *message, size_t n)
{
	ck_assert_int_eq(fd_send(sock, message, n, NULL, 0), 0);
	work();
	return vm->ended && vm->child.pid == 0;
}

static struct mv_event good_event(void)
{
	return (struct mv_event){.type = MV_MSG_EVENT,
				 .class = MV_CLASS_FILE,
				 .op = MV_OP_OPEN,
				 .verdict = MV_DENY,
				 .severity = MV_HIGH,
				 .count = 1,
				 .object_bytes = 5,
				 .object = "/home"};
}

START_TEST(an_event_is_kept_and_spooled)
{
	struct mv_event e = good_event();
	struct agent_spool_stats before;
	struct agent_spool_stats after;

	ck_assert_int_eq(agent_spool_commit(agent.spool), 0);
	agent_spool_stat(agent.spool, &before);
	ck_assert(!ended_by(&e, sizeof(e)));
	agent_spool_stat(agent.spool, &after);
	ck_assert_uint_eq(after.events, before.events + 1);
	ck_assert_uint_eq(vm->history.count, 1);
}
END_TEST

static void no_class(struct mv_event *e)
{
	e->class = 0;
}
static void big_class(struct mv_event *e)
{
	e->class = MV_CLASS_COUNT;
}
static void big_op(struct mv_event *e)
{
	e->op = MV_OP_COUNT;
}
static void big_verdict(struct mv_event *e)
{
	e->verdict = MV_VERDICT_COUNT;
}
static void no_count(struct mv_event *e)
{
	e->count = 0;
}
static void big_object(struct mv_event *e)
{
	e->object_bytes = MV_PATH_MAX + 1;
}
static void endless_rule(struct mv_event *e)
{
	memset(e->rule, 'a', sizeof(e->rule));
}
static void endless_policy(struct mv_event *e)
{
	memset(e->policy_id, 'a', sizeof(e->policy_id));
}
static void other_type(struct mv_event *e)
{
	e->type = MV_MSG_START;
}

static void (*const spoil[])(struct mv_event *e) = {no_class,     big_class,      big_op,
						    big_verdict,  no_count,       big_object,
						    endless_rule, endless_policy, other_type};

START_TEST(a_spoiled_event_ends_the_micro_vm)
{
	struct mv_event e = good_event();

	spoil[_i](&e);
	ck_assert(ended_by(&e, sizeof(e)));
	ck_assert_uint_eq(vm->history.count, 1);
	ck_assert(is_told("microvm-distrusted malformed message", MV_CRITICAL));
}
END_TEST

START_TEST(a_wrong_size_ends_the_micro_vm)
{
	struct mv_event e = good_event();

	ck_assert(ended_by(&e, sizeof(e) - 1));
}
END_TEST

START_TEST(an_impossible_state_ends_the_micro_vm)
{
	struct mv_msg msg = {.type = MV_MSG_STATE, .value = MV_STATE_RUNNING + 1};

	ck_assert(ended_by(&msg, sizeof(msg)));
}
END_TEST

START_TEST(an_impossible_end_ends_the_micro_vm)
{
	struct mv_msg msg = {.type = MV_MSG_EXIT, .value = MV_END_ERROR + 1};

	ck_assert(ended_by(&msg, sizeof(msg)));
	ck_assert_uint_eq(vm->end, MV_END_ERROR);
}
END_TEST

START_TEST(a_serial_that_was_not_sent_is_not_applied)
{
	struct mv_msg msg = {.type = MV_MSG_APPLIED, .serial = 6};

	ck_assert(!ended_by(&msg, sizeof(msg)));
	ck_assert_uint_eq(vm->applied_serial, 4);
	msg.serial = 5;
	ck_assert(!ended_by(&msg, sizeof(msg)));
	ck_assert_uint_eq(vm->applied_serial, 5);
}
END_TEST

START_TEST(the_end_is_what_it_said_last)
{
	struct mv_msg msg = {.type = MV_MSG_EXIT, .value = MV_END_TASK, .detail = 7 << 8};

	ck_assert_int_eq(fd_send(sock, &msg, sizeof(msg), NULL, 0), 0);
	kill(vm->child.pid, SIGKILL);
	until_ended();
	ck_assert(vm->ended);
	ck_assert_uint_eq(vm->end, MV_END_TASK);
	ck_assert_uint_eq(vm->detail, 7 << 8);
}
END_TEST

/* Whether the template of this clone is thrown away when it ends so. */
static bool is_distrusted_after(uint32_t state, uint32_t end)
{
	struct mv_msg running = {.type = MV_MSG_STATE, .value = state};
	struct mv_msg exit = {.type = MV_MSG_EXIT, .value = end, .detail = EBADMSG};

	agent.templates.agent = &agent;
	agent.templates.count = 1;
	agent.templates.list[0] = (struct agent_template){
		.key = {7}, .state = AGENT_TEMPLATE_READY, .memory_fd = -1, .state_fd = -1};
	vm->is_clone = true;
	vm->template_key[0] = 7;
	ck_assert(!ended_by(&running, sizeof(running)));
	ck_assert(!ended_by(&exit, sizeof(exit)));
	kill(vm->child.pid, SIGKILL);
	work();
	ck_assert(vm->ended);
	return agent.templates.list[0].state == AGENT_TEMPLATE_FAILED;
}

START_TEST(a_clone_that_is_refused_costs_its_template_the_trust)
{
	ck_assert(is_distrusted_after(MV_STATE_BOOTING, MV_END_ERROR));
}
END_TEST

START_TEST(a_clone_that_does_not_come_up_costs_its_template_the_trust)
{
	ck_assert(is_distrusted_after(MV_STATE_BOOTING, MV_END_BOOT));
}
END_TEST

START_TEST(a_clone_whose_task_ran_does_not)
{
	ck_assert(!is_distrusted_after(MV_STATE_RUNNING, MV_END_ERROR));
}
END_TEST

START_TEST(a_process_that_dies_without_a_word_is_an_error)
{
	kill(vm->child.pid, SIGKILL);
	until_ended();
	ck_assert(vm->ended);
	ck_assert_uint_eq(vm->end, MV_END_ERROR);
	ck_assert(is_told("microvm-killed signal 9", MV_HIGH));
}
END_TEST

START_TEST(a_process_that_its_jail_killed_is_a_critical_event)
{
	kill(vm->child.pid, SIGSYS);
	until_ended();
	ck_assert(vm->ended);
	ck_assert(is_told("microvm-killed-by-its-jail signal 31", MV_CRITICAL));
}
END_TEST

START_TEST(a_process_that_outlives_its_lifetime_is_killed)
{
	agent_timer_start(&vm->life_timer, &agent.loop, 0, vm->life_timer.on_time, vm);
	work();
	ck_assert(vm->ended);
	ck_assert_int_eq(vm->child.pid, 0);
	ck_assert_uint_eq(vm->end, MV_END_LIFETIME);
}
END_TEST

START_TEST(the_newest_goes_first_when_memory_ends)
{
	int first = agent_vms_oom_score(&agent.vms);

	vm->oom_score = first;
	ck_assert_int_gt(agent_vms_oom_score(&agent.vms), first);
	vm->oom_score = 1000;
	ck_assert_int_eq(agent_vms_oom_score(&agent.vms), 1000);
	vm->ended = true;
	ck_assert_int_eq(agent_vms_oom_score(&agent.vms), first);
	vm->ended = false;
}
END_TEST

START_TEST(who_came_first_is_the_first_to_start_when_there_is_room)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	static struct agent_vm others[AGENT_VMS_MAX / 4];

	ck_assert_ptr_null(agent_vms_next(&agent.vms));
	ck_assert(agent_vms_may_start(&agent.vms)); /* the fixture's own is one that starts */
	for (long i = 0; i <= cpus; i++) {
		others[i] = (struct agent_vm){.next = agent.vms.first, .is_waiting = true};
		agent.vms.first = &others[i];
	}
	ck_assert_ptr_eq(agent_vms_next(&agent.vms), &others[0]);
	others[0].ended = true; /* its user did not wait */
	ck_assert_ptr_eq(agent_vms_next(&agent.vms), &others[1]);
	for (long i = 1; i <= cpus; i++)
		others[i].child.pid = 1;
	ck_assert(!agent_vms_may_start(&agent.vms));
	others[1].state = MV_STATE_RUNNING;
	ck_assert(agent_vms_may_start(&agent.vms));
	agent.vms.first = vm;
}
END_TEST

START_TEST(a_user_has_so_many_and_the_machine_has)
{
	agent.vms.max = 2;
	agent.vms.per_user = 1;
	ck_assert_int_eq(agent_vms_admit(&agent.vms, 0, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.text, "you have 1 micro-VMs running"));
	ck_assert_int_eq(agent_vms_admit(&agent.vms, 1, &err), 1); /* vm has slot 0 */
	agent.vms.max = 1;
	ck_assert_int_eq(agent_vms_admit(&agent.vms, 1, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.text, "as many micro-VMs as it may"));
	vm->ended = true;
	ck_assert_int_eq(agent_vms_admit(&agent.vms, 0, &err), 0);
	vm->ended = false;
}
END_TEST

START_TEST(only_its_owner_finds_it)
{
	ck_assert_ptr_eq(agent_vms_find(&agent.vms, 0, "vm-1"), vm);
	ck_assert_ptr_null(agent_vms_find(&agent.vms, 1, "vm-1"));
	ck_assert_uint_eq(agent_vms_running(&agent.vms, 0), 1);
	ck_assert_uint_eq(agent_vms_running(&agent.vms, 1), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("vm");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_event_is_kept_and_spooled);
	tcase_add_loop_test(t, a_spoiled_event_ends_the_micro_vm, 0,
			    sizeof(spoil) / sizeof(spoil[0]));
	tcase_add_test(t, a_wrong_size_ends_the_micro_vm);
	tcase_add_test(t, an_impossible_state_ends_the_micro_vm);
	tcase_add_test(t, an_impossible_end_ends_the_micro_vm);
	tcase_add_test(t, a_serial_that_was_not_sent_is_not_applied);
	tcase_add_test(t, the_end_is_what_it_said_last);
	tcase_add_test(t, a_process_that_dies_without_a_word_is_an_error);
	tcase_add_test(t, a_clone_that_is_refused_costs_its_template_the_trust);
	tcase_add_test(t, a_clone_that_does_not_come_up_costs_its_template_the_trust);
	tcase_add_test(t, a_clone_whose_task_ran_does_not);
	tcase_add_test(t, a_user_has_so_many_and_the_machine_has);
	tcase_add_test(t, a_process_that_its_jail_killed_is_a_critical_event);
	tcase_add_test(t, a_process_that_outlives_its_lifetime_is_killed);
	tcase_add_test(t, the_newest_goes_first_when_memory_ends);
	tcase_add_test(t, who_came_first_is_the_first_to_start_when_there_is_room);
	tcase_add_test(t, only_its_owner_finds_it);
	return suite_run("agent/vm", t);
}
