#include <errno.h>

#include "tests/support/suite.h"
#include "tests/unit/agent/keep_fixture.h"

/* What is kept, listed, brought back and destroyed. */

static struct agent_req_restore request;

/* A micro-VM that was stopped: a.txt changed, new.txt made. */
static void setup(void)
{
	keep_setup();
	put_file(in_home("a.txt"), "before\n");
	wrote_over("a.txt", "after\n");
	wrote_new("new.txt", "new\n");
	vm->request->flags = 0;
	request = (struct agent_req_restore){
		.type = AGENT_REQ_RESTORE, .version = AGENT_SOCKET_VERSION, .id = "vm-1"};
}

static void stop_vm(void)
{
	vm->end = MV_END_STOPPED;
	end_vm();
	hear_end();
}

static void restore(const char *name, int fd)
{
	snprintf(request.path, sizeof(request.path), "%s", in_home(name));
	ck_assert_int_eq(fd_send(sock, &request, sizeof(request), &fd, fd >= 0 ? 1 : 0), 0);
}

static void is_refused(const char *part)
{
	ck_assert_uint_eq(hear(), AGENT_REP_REFUSED);
	ck_assert_msg(strstr(reply.rep.text, part) != NULL, "%s", reply.rep.text);
}

static void is_brought_back(const char *name)
{
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_uint_eq(listed(name).fate, AGENT_FATE_SAVED);
	ck_assert_uint_eq(hear(), AGENT_REP_END);
}

START_TEST(what_is_kept_is_listed)
{
	stop_vm();
	tell_agent(AGENT_REQ_KEPT, 0, "");
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_uint_eq(listed("a.txt").kind, AGENT_CHANGE_CHANGED);
	ck_assert_uint_eq(listed("new.txt").kind, AGENT_CHANGE_NEW);
	ck_assert_uint_eq(hear(), AGENT_REP_END);
}
END_TEST

START_TEST(a_running_one_is_reviewed_and_not_recovered)
{
	vm->state = MV_STATE_RUNNING;
	tell_agent(AGENT_REQ_REVIEW, 0, "vm-1");
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_uint_eq(listed("a.txt").fate, AGENT_FATE_SAVE);
	ck_assert_str_eq(listed("a.txt").rule, "back");
	ck_assert_uint_eq(listed("new.txt").fate, AGENT_FATE_ASK);
	ck_assert_uint_eq(hear(), AGENT_REP_END);
	tell_agent(AGENT_REQ_KEPT, 0, "vm-1");
	is_refused("has not ended");
	tell_agent(AGENT_REQ_DESTROY, 0, "vm-1");
	is_refused("has not ended");
	restore("a.txt", -1);
	is_refused("has not ended");
	tell_agent(AGENT_REQ_KEPT, 0, "");
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_str_eq(listed("a.txt").path, "");
	ck_assert_str_eq(text_at(in_home("a.txt")), "before\n");
}
END_TEST

START_TEST(a_file_is_brought_back_to_its_place)
{
	stop_vm();
	restore("a.txt", -1);
	is_brought_back("a.txt");
	ck_assert_uint_eq(listed("a.txt").before, 1);
	ck_assert_str_eq(text_at(in_home("a.txt")), "after\n");
	restore("new.txt", -1);
	is_brought_back("new.txt");
	ck_assert_str_eq(text_at(in_home("new.txt")), "new\n");
	restore("new.txt", -1);
	is_refused("no such file");
}
END_TEST

START_TEST(all_is_brought_back_at_once)
{
	stop_vm();
	request.flags = AGENT_RESTORE_ALL;
	ck_assert_int_eq(fd_send(sock, &request, sizeof(request), NULL, 0), 0);
	is_brought_back("a.txt");
	ck_assert_uint_eq(listed("new.txt").fate, AGENT_FATE_SAVED);
	ck_assert_str_eq(text_at(in_home("a.txt")), "after\n");
	ck_assert_str_eq(text_at(in_home("new.txt")), "new\n");
	ck_assert_int_eq(fd_send(sock, &request, sizeof(request), NULL, 0), 0);
	is_brought_back("a.txt"); /* nothing is left: the list has what was saved */
}
END_TEST

START_TEST(bringing_all_back_ends_with_its_client)
{
	for (int i = 0; i < 300; i++) {
		char name[64];

		snprintf(name, sizeof(name), "many-%03d", i);
		wrote_new(name, "many");
	}
	stop_vm();
	request.flags = AGENT_RESTORE_ALL;
	ck_assert_int_eq(fd_send(sock, &request, sizeof(request), NULL, 0), 0);
	while (!agent.saves || agent.saves->done < 10)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 20), 0);
	close(sock);
	for (int i = 0; i < 1000 && agent.saves; i++)
		ck_assert_int_eq(agent_loop_step(&agent.loop, 20), 0);
	ck_assert_ptr_null(agent.saves);
	ck_assert_int_eq(access(in_home("many-299"), F_OK), -1);
	ck_assert_int_eq(access(in_store("many-299"), F_OK), 0);
	sock = keep_connect();
}
END_TEST

START_TEST(the_version_before_is_put_back_and_forth)
{
	end_vm();
	hear_end();
	ck_assert_str_eq(text_at(in_home("a.txt")), "after\n");
	request.flags = AGENT_RESTORE_BEFORE;
	restore("a.txt", -1);
	is_brought_back("a.txt");
	ck_assert_str_eq(text_at(in_home("a.txt")), "before\n");
	restore("a.txt", -1);
	is_brought_back("a.txt");
	ck_assert_str_eq(text_at(in_home("a.txt")), "after\n");
	restore("new.txt", -1);
	is_refused("no version before");
}
END_TEST

START_TEST(a_file_is_written_elsewhere_and_stays_kept)
{
	ck_assert_int_eq(mkdir(in_home("else"), 0755), 0);
	int folder = open(in_home("else"), O_PATH | O_DIRECTORY | O_CLOEXEC);

	stop_vm();
	request.flags = AGENT_RESTORE_TO;
	snprintf(request.name, sizeof(request.name), "copy");
	restore("a.txt", folder);
	is_brought_back("a.txt");
	ck_assert_str_eq(text_at(in_home("else/copy")), "after\n");
	ck_assert_str_eq(text_at(in_home("a.txt")), "before\n");
	restore("a.txt", folder);
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_uint_eq(listed("a.txt").reason, AGENT_REASON_FAILED);
	ck_assert_uint_eq(listed("a.txt").error, EEXIST);
	ck_assert(is_kept());
	close(folder);
}
END_TEST

START_TEST(what_the_host_changed_since_stays)
{
	stop_vm();
	put_file(in_home("a.txt"), "the user's\n");
	restore("a.txt", -1);
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_uint_eq(listed("a.txt").fate, AGENT_FATE_BESIDE);
	ck_assert_str_eq(text_at(in_home("a.txt")), "the user's\n");
	ck_assert_str_eq(text_at(in_home("a.vm-1.txt")), "after\n");
}
END_TEST

static void no_end_of_path(void)
{
	memset(request.path, '/', sizeof(request.path));
}
static void no_end_of_name(void)
{
	memset(request.name, 'n', sizeof(request.name));
}
static void unknown_flag(void)
{
	request.flags = 8;
}
static void no_folder(void)
{
	request.flags = AGENT_RESTORE_TO;
	request.name[0] = 'n';
}
static void a_name_without_a_folder(void)
{
	request.name[0] = 'n';
}

static void all_of_one_path(void)
{
	request.flags = AGENT_RESTORE_ALL;
}

static void (*const spoil[])(void) = {no_end_of_path, no_end_of_name,          unknown_flag,
				      no_folder,      a_name_without_a_folder, all_of_one_path};

START_TEST(a_spoiled_request_is_refused)
{
	stop_vm();
	snprintf(request.path, sizeof(request.path), "%s", in_home("a.txt"));
	spoil[_i]();
	ck_assert_int_eq(fd_send(sock, &request, sizeof(request), NULL, 0), 0);
	is_refused("damaged");
	ck_assert_str_eq(text_at(in_home("a.txt")), "before\n");
}
END_TEST

static const char *const bad_names[] = {"a/b", "../x", ""};

START_TEST(a_target_that_is_no_name_is_refused)
{
	int folder = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);

	stop_vm();
	request.flags = AGENT_RESTORE_TO;
	snprintf(request.name, sizeof(request.name), "%s", bad_names[_i]);
	restore("a.txt", folder);
	is_refused("damaged");
	close(folder);
}
END_TEST

START_TEST(a_target_that_is_no_folder_is_refused)
{
	int file = open(in_home("a.txt"), O_RDONLY | O_CLOEXEC);

	stop_vm();
	request.flags = AGENT_RESTORE_TO;
	snprintf(request.name, sizeof(request.name), "n");
	restore("a.txt", file);
	is_refused("damaged");
	close(file);
}
END_TEST

START_TEST(a_place_that_no_policy_may_open_is_refused)
{
	stop_vm();
	snprintf(request.path, sizeof(request.path), "/etc/passwd");
	ck_assert_int_eq(fd_send(sock, &request, sizeof(request), NULL, 0), 0);
	is_refused("ever saved there");
}
END_TEST

static const char *const bad_ids[] = {"vm-2", "../0/vm-1", ".", "", "vm-1/store"};

START_TEST(an_id_is_no_path)
{
	stop_vm();
	snprintf(request.id, sizeof(request.id), "%s", bad_ids[_i]);
	restore("a.txt", -1);
	is_refused("such a micro-VM");
	tell_agent(AGENT_REQ_DESTROY, 0, bad_ids[_i]);
	is_refused("such a micro-VM");
	ck_assert(is_kept());
}
END_TEST

START_TEST(what_is_destroyed_is_gone)
{
	stop_vm();
	tell_agent(AGENT_REQ_DESTROY, 0, "vm-1");
	ck_assert_uint_eq(hear(), AGENT_REP_END);
	ck_assert(!is_kept());
	tell_agent(AGENT_REQ_KEPT, 0, "vm-1");
	is_refused("such a micro-VM");
}
END_TEST

START_TEST(another_user_has_none_of_it)
{
	stop_vm();
	agent.listener.sessions->uid = 65534;
	tell_agent(AGENT_REQ_KEPT, 0, "vm-1");
	is_refused("such a micro-VM");
	tell_agent(AGENT_REQ_DESTROY, 0, "vm-1");
	is_refused("such a micro-VM");
	restore("a.txt", -1);
	is_refused("such a micro-VM");
	tell_agent(AGENT_REQ_KEPT, 0, "");
	ck_assert_uint_eq(hear(), AGENT_REP_LISTING);
	ck_assert_str_eq(listed("a.txt").path, "");
	ck_assert(is_kept());
}
END_TEST

START_TEST(it_is_destroyed_when_the_grace_time_is_over)
{
	stop_vm();
	agent_deltas_expire(&agent.deltas, agent_wall_ns() + agent.deltas.grace_ns - 60000000000);
	ck_assert(is_kept());
	agent_deltas_expire(&agent.deltas, 1);
	ck_assert(is_kept());
	agent_deltas_expire(&agent.deltas, agent_wall_ns() + agent.deltas.grace_ns);
	ck_assert(!is_kept());
}
END_TEST

START_TEST(one_whose_agent_died_is_possibly_incomplete)
{
	struct agent_options options = agent.options;
	struct agent_delta_meta meta;

	agent_stop(&agent);
	ck_assert_int_eq(agent_start(&agent, &options, &err), 0);
	int folder = agent_deltas_open_one(&agent.deltas, 0, "vm-1");

	ck_assert_int_eq(agent_deltas_read_meta(folder, &meta), 0);
	ck_assert_uint_eq(meta.state, AGENT_KEPT_INCOMPLETE);
	close(folder);
	close(sock);
	sock = keep_connect();
	ck_assert_str_eq(text_at(in_home("a.txt")), "before\n");
	restore("a.txt", -1);
	is_brought_back("a.txt");
}
END_TEST

START_TEST(a_store_is_out_of_its_micro_vms_reach_when_it_has_ended)
{
	struct stat st;
	char path[512];

	snprintf(path, sizeof(path), "%s/0/vm-1/store", agent.deltas.folder);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, 2000000000);
	stop_vm();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("recover");

	if (getuid() != 0) {
		puts("needs root: the agent gives stores to their micro-VMs");
		return 77;
	}
	tcase_add_checked_fixture(t, setup, keep_teardown);
	tcase_add_test(t, what_is_kept_is_listed);
	tcase_add_test(t, a_running_one_is_reviewed_and_not_recovered);
	tcase_add_test(t, a_file_is_brought_back_to_its_place);
	tcase_add_test(t, all_is_brought_back_at_once);
	tcase_add_test(t, bringing_all_back_ends_with_its_client);
	tcase_add_test(t, the_version_before_is_put_back_and_forth);
	tcase_add_test(t, a_file_is_written_elsewhere_and_stays_kept);
	tcase_add_test(t, what_the_host_changed_since_stays);
	tcase_add_loop_test(t, a_spoiled_request_is_refused, 0, sizeof(spoil) / sizeof(spoil[0]));
	tcase_add_loop_test(t, a_target_that_is_no_name_is_refused, 0, 3);
	tcase_add_test(t, a_target_that_is_no_folder_is_refused);
	tcase_add_test(t, a_place_that_no_policy_may_open_is_refused);
	tcase_add_loop_test(t, an_id_is_no_path, 0, sizeof(bad_ids) / sizeof(bad_ids[0]));
	tcase_add_test(t, what_is_destroyed_is_gone);
	tcase_add_test(t, another_user_has_none_of_it);
	tcase_add_test(t, it_is_destroyed_when_the_grace_time_is_over);
	tcase_add_test(t, one_whose_agent_died_is_possibly_incomplete);
	tcase_add_test(t, a_store_is_out_of_its_micro_vms_reach_when_it_has_ended);
	return suite_run("agent/recover", t);
}
