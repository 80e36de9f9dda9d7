#include <errno.h>
#include <signal.h>

#include "tests/support/suite.h"
#include "tests/unit/agent/keep_fixture.h"

/* What becomes of what a task wrote, with the real helper. */

START_TEST(what_a_rule_saves_is_saved_and_told)
{
	put_file(in_home("a.txt"), "before\n");
	wrote_over("a.txt", "after\n");
	end_vm();
	hear_end();
	ck_assert_str_eq(text_at(in_home("a.txt")), "after\n");
	ck_assert_uint_eq(listed("a.txt").fate, AGENT_FATE_SAVED);
	ck_assert_uint_eq(listed("a.txt").before, 1);
	ck_assert_ptr_null(agent.saves);
	ck_assert_ptr_null(agent.listener.sessions->save);
	ck_assert(is_kept()); /* the version before is */
}
END_TEST

START_TEST(without_a_change_nothing_is_kept_or_told)
{
	end_vm();
	ck_assert_uint_eq(hear(), AGENT_REP_EXITED);
	ck_assert(!is_kept());
}
END_TEST

START_TEST(a_micro_vm_without_a_store_just_ends)
{
	vm->store_bytes = 0;
	end_vm();
	ck_assert_uint_eq(hear(), AGENT_REP_EXITED);
}
END_TEST

START_TEST(a_new_file_is_saved_with_the_new_folders_it_lies_in)
{
	struct stat st;

	ck_assert_int_eq(mkdir(in_store("out"), 0700), 0);
	ck_assert_int_eq(chmod(in_store("out"), 01755), 0);
	ck_assert_int_eq(mkdir(in_store("out/sub"), 0700), 0);
	ck_assert_int_eq(chmod(in_store("out/sub"), 01711), 0);
	wrote_new("out/sub/new.txt", "new\n");
	end_vm();
	hear_end();
	ck_assert_str_eq(text_at(in_home("out/sub/new.txt")), "new\n");
	ck_assert_int_eq(stat(in_home("out/sub"), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0711);
	ck_assert_uint_eq(listed("out").fate, AGENT_FATE_SAVED);
	ck_assert(!is_kept());
}
END_TEST

START_TEST(what_no_rule_saves_is_kept)
{
	ck_assert_int_eq(mkdir(in_store("never"), 0700), 0);
	wrote_new("never/x", "x");
	wrote_new(".hidden", "x");
	end_vm();
	hear_end();
	ck_assert_uint_eq(listed("never/x").reason, AGENT_REASON_RULE);
	ck_assert_str_eq(listed("never/x").rule, "never");
	ck_assert_uint_eq(listed(".hidden").reason, AGENT_REASON_NAME);
	ck_assert(is_kept());
	ck_assert_int_lt(access(in_home("never/x"), F_OK), 0);
	ck_assert_int_lt(access(in_home(".hidden"), F_OK), 0);
}
END_TEST

START_TEST(what_the_host_changed_meanwhile_stays_and_both_are_there)
{
	put_file(in_home("a.txt"), "before\n");
	wrote_over("a.txt", "after\n");
	put_file(in_home("a.txt"), "the user's\n");
	end_vm();
	hear_end();
	ck_assert_uint_eq(listed("a.txt").fate, AGENT_FATE_BESIDE);
	ck_assert_str_eq(text_at(in_home("a.txt")), "the user's\n");
	ck_assert_str_eq(text_at(in_home("a.vm-1.txt")), "after\n");
}
END_TEST

static const uint32_t bad_ends[] = {MV_END_STOPPED, MV_END_LIFETIME, MV_END_POLICY, MV_END_GUEST,
				    MV_END_ERROR};

START_TEST(what_did_not_end_by_itself_is_never_saved)
{
	put_file(in_home("a.txt"), "before\n");
	wrote_over("a.txt", "half");
	wrote_new("b.txt", "half");
	vm->end = bad_ends[_i];
	end_vm();
	hear_end();
	ck_assert_str_eq(text_at(in_home("a.txt")), "before\n");
	ck_assert_uint_eq(listed("a.txt").fate, AGENT_FATE_KEEP);
	ck_assert_uint_eq(listed("a.txt").reason, AGENT_REASON_INCOMPLETE);
	ck_assert_uint_eq(listed("b.txt").reason, AGENT_REASON_INCOMPLETE);
	ck_assert(is_kept());
}
END_TEST

START_TEST(without_a_policy_nothing_is_saved)
{
	wrote_new("a.txt", "x");
	snprintf(vm->task_id, sizeof(vm->task_id), "gone");
	end_vm();
	hear_end();
	ck_assert_uint_eq(listed("a.txt").fate, AGENT_FATE_KEEP);
	ck_assert_uint_eq(listed("a.txt").reason, AGENT_REASON_NO_RULE);
}
END_TEST

static void ask_about_two(void)
{
	wrote_new("b.txt", "b");
	wrote_new("c.txt", "c");
	end_vm();
	ck_assert_uint_eq(hear(), AGENT_REP_ASK);
	ck_assert_str_eq(reply.ask.path, in_home("b.txt"));
	ck_assert_str_eq(reply.ask.rule, "rest");
	ck_assert_uint_eq(reply.ask.kind, AGENT_CHANGE_NEW);
	ck_assert_uint_eq(reply.ask.bytes, 1);
}

START_TEST(the_user_decides_what_is_asked_about)
{
	ask_about_two();
	tell_agent(AGENT_REQ_ANSWER, AGENT_ANSWER_SAVE, "");
	ck_assert_uint_eq(hear(), AGENT_REP_ASK);
	ck_assert_str_eq(reply.ask.path, in_home("c.txt"));
	tell_agent(AGENT_REQ_ANSWER, AGENT_ANSWER_KEEP, "");
	hear_end();
	ck_assert_str_eq(text_at(in_home("b.txt")), "b");
	ck_assert_str_eq(text_at(in_home("c.txt")), "(none)");
	ck_assert_uint_eq(listed("b.txt").fate, AGENT_FATE_SAVED);
	ck_assert_uint_eq(listed("c.txt").reason, AGENT_REASON_USER);
}
END_TEST

START_TEST(one_answer_may_stand_for_all)
{
	bool save = _i == AGENT_ANSWER_SAVE_ALL;

	ask_about_two();
	tell_agent(AGENT_REQ_ANSWER, (uint32_t)_i, "");
	hear_end();
	ck_assert_str_eq(text_at(in_home("b.txt")), save ? "b" : "(none)");
	ck_assert_str_eq(text_at(in_home("c.txt")), save ? "c" : "(none)");
	ck_assert(is_kept() != save);
}
END_TEST

START_TEST(with_nobody_to_be_asked_it_is_kept)
{
	vm->request->flags = 0;
	wrote_new("b.txt", "b");
	end_vm();
	hear_end();
	ck_assert_uint_eq(listed("b.txt").reason, AGENT_REASON_NOBODY);
	ck_assert(is_kept());
}
END_TEST

START_TEST(a_signal_ends_the_asking)
{
	ask_about_two();
	tell_agent(AGENT_REQ_SIGNAL, SIGINT, "");
	hear_end();
	ck_assert_uint_eq(listed("b.txt").reason, AGENT_REASON_INTERRUPTED);
	ck_assert_uint_eq(listed("c.txt").reason, AGENT_REASON_INTERRUPTED);
}
END_TEST

START_TEST(a_client_that_goes_is_not_asked)
{
	ask_about_two();
	close(sock);
	for (int i = 0; i < 100 && agent.saves; i++)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 20), 0);
	ck_assert_ptr_null(agent.saves);
	ck_assert(is_kept());
	sock = keep_connect();
}
END_TEST

START_TEST(an_answer_to_nothing_changes_nothing)
{
	tell_agent(AGENT_REQ_ANSWER, AGENT_ANSWER_SAVE, "");
	tell_agent(AGENT_REQ_LS, 0, "");
	while (hear() == AGENT_REP_VM)
		continue;
	ck_assert_uint_eq(reply.type, AGENT_REP_END);
	ask_about_two();
	tell_agent(AGENT_REQ_ANSWER, 77, "");
	ck_assert_uint_eq(hear(), AGENT_REP_ASK);
	ck_assert_str_eq(reply.ask.path, in_home("c.txt"));
}
END_TEST

static void write_many(int n)
{
	ck_assert_int_eq(mkdir(in_store("out"), 0700), 0);
	ck_assert_int_eq(mkdir(in_home("out"), 0755), 0);
	for (int i = 0; i < n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "out/%05d", i);
		wrote_new(name, "many");
	}
}

static void count_many(int n, int *ret_saved, int *ret_kept)
{
	*ret_saved = 0;
	*ret_kept = 0;
	for (int i = 0; i < n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "out/%05d", i);
		*ret_saved += strcmp(text_at(in_home(name)), "many") == 0;
		*ret_kept += access(in_store(name), F_OK) == 0;
	}
}

START_TEST(an_interrupted_saving_loses_nothing)
{
	int saved;
	int kept;

	write_many(400);
	end_vm();
	while (agent.saves && agent.saves->done < 20)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 20), 0);
	tell_agent(AGENT_REQ_SIGNAL, SIGINT, "");
	hear_end();
	count_many(400, &saved, &kept);
	ck_assert_int_gt(saved, 0);
	ck_assert_int_gt(kept, 0);
	ck_assert_int_eq(saved + kept, 400);
	ck_assert_uint_eq(listed("out/00399").reason, AGENT_REASON_INTERRUPTED);
}
END_TEST

START_TEST(an_agent_that_ends_while_saving_loses_nothing)
{
	int saved;
	int kept;

	write_many(300);
	end_vm();
	while (agent.saves && agent.saves->done < 10)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 20), 0);
	struct agent_options options = agent.options;

	agent_stop(&agent);
	count_many(300, &saved, &kept);
	ck_assert_int_ge(saved, 10);
	/* One may have been saved without a word of it reaching the agent. */
	ck_assert_int_ge(saved + kept, 300);
	ck_assert_int_le(saved + kept, 301);
	ck_assert_int_eq(agent_start(&agent, &options, &err), 0);
	close(sock);
	sock = keep_connect();
	tell_agent(AGENT_REQ_KEPT, 0, "vm-1");
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_uint_eq(listed("out/00299").fate, AGENT_FATE_KEEP);
}
END_TEST

START_TEST(a_helper_that_cannot_be_started_loses_nothing)
{
	int saved;
	int kept;

	write_many(3000);
	snprintf(agent.options.bin_dir, sizeof(agent.options.bin_dir), "/nonexistent");
	end_vm();
	hear_end();
	count_many(3000, &saved, &kept);
	ck_assert_int_eq(saved, 0);
	ck_assert_int_eq(kept, 3000);
	ck_assert_uint_eq(listed("out/00000").reason, AGENT_REASON_FAILED);
}
END_TEST

START_TEST(a_helper_that_is_killed_costs_one_file_at_most)
{
	int saved;
	int kept;

	write_many(50);
	end_vm();
	ck_assert_int_gt(agent.saves->saving.saver.child.pid, 0);
	kill(agent.saves->saving.saver.child.pid, SIGKILL);
	hear_end();
	count_many(50, &saved, &kept);
	ck_assert_int_ge(saved, 49);
	ck_assert_int_ge(saved + kept, 50);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("keep");

	if (getuid() != 0) {
		puts("needs root: the agent gives stores to their micro-VMs");
		return 77;
	}
	tcase_add_checked_fixture(t, keep_setup, keep_teardown);
	tcase_set_timeout(t, 50);
	tcase_add_test(t, what_a_rule_saves_is_saved_and_told);
	tcase_add_test(t, without_a_change_nothing_is_kept_or_told);
	tcase_add_test(t, a_micro_vm_without_a_store_just_ends);
	tcase_add_test(t, a_new_file_is_saved_with_the_new_folders_it_lies_in);
	tcase_add_test(t, what_no_rule_saves_is_kept);
	tcase_add_test(t, what_the_host_changed_meanwhile_stays_and_both_are_there);
	tcase_add_loop_test(t, what_did_not_end_by_itself_is_never_saved, 0,
			    sizeof(bad_ends) / sizeof(bad_ends[0]));
	tcase_add_test(t, without_a_policy_nothing_is_saved);
	tcase_add_test(t, the_user_decides_what_is_asked_about);
	tcase_add_loop_test(t, one_answer_may_stand_for_all, AGENT_ANSWER_SAVE_ALL,
			    AGENT_ANSWER_KEEP_ALL + 1);
	tcase_add_test(t, with_nobody_to_be_asked_it_is_kept);
	tcase_add_test(t, a_signal_ends_the_asking);
	tcase_add_test(t, a_client_that_goes_is_not_asked);
	tcase_add_test(t, an_answer_to_nothing_changes_nothing);
	tcase_add_test(t, an_interrupted_saving_loses_nothing);
	tcase_add_test(t, an_agent_that_ends_while_saving_loses_nothing);
	tcase_add_test(t, a_helper_that_cannot_be_started_loses_nothing);
	tcase_add_test(t, a_helper_that_is_killed_costs_one_file_at_most);
	return suite_run("agent/keep", t);
}
