#include <errno.h>
#include <sys/stat.h>

#include "agent/agent/cgroups.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* A plain folder stands for the machine's: the kernel's side is in tests/system/test_jail.sh. The files
 * that a cgroup has are not there, so that each limit can be refused. */

static struct agent_cgroups cgroups;
static struct err err;
static const struct agent_cgroup_limits limits = {.memory_bytes = 64 << 20, .cpus = 1};

static void setup(void)
{
	cgroups = (struct agent_cgroups){0};
	err = (struct err){0};
	(void)snprintf(cgroups.folder, sizeof(cgroups.folder), "%s", fixture_folder());
}

START_TEST(without_cgroups_there_is_nothing_to_join)
{
	char folder[PATH_MAX] = "x";

	cgroups.folder[0] = '\0';
	ck_assert_int_eq(agent_cgroups_make(&cgroups, "vm-1", &limits, folder, &err), 0);
	ck_assert_str_eq(folder, "");
	agent_cgroups_remove(&cgroups, "vm-1");
	agent_cgroups_close(&cgroups);
}
END_TEST

START_TEST(a_limit_that_cannot_be_set_is_an_error_and_leaves_nothing)
{
	char folder[PATH_MAX];

	ck_assert_int_eq(agent_cgroups_make(&cgroups, "vm-1", &limits, folder, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "cannot limit the micro-VM"));
	ck_assert_int_ne(access(folder, F_OK), 0);
}
END_TEST

START_TEST(a_cgroup_of_that_name_is_an_error)
{
	char folder[PATH_MAX];

	ck_assert_int_eq(mkdir(fixture_path(cgroups.folder, "vm-1"), 0700), 0);
	ck_assert_int_eq(agent_cgroups_make(&cgroups, "vm-1", &limits, folder, &err), -EEXIST);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
	char id[PATH_MAX];
	char folder[PATH_MAX];

	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	ck_assert_int_eq(agent_cgroups_make(&cgroups, id, &limits, folder, &err), -ENAMETOOLONG);
	agent_cgroups_remove(&cgroups, id);
}
END_TEST

START_TEST(a_micro_vm_that_never_had_an_id_takes_nothing_with_it)
{
	agent_cgroups_remove(&cgroups, "");
	ck_assert_int_eq(access(cgroups.folder, F_OK), 0);
}
END_TEST

START_TEST(a_state_folder_that_is_not_there_is_refused)
{
	ck_assert_int_lt(agent_cgroups_open(&cgroups, "/nonexistent", &err), 0);
	ck_assert_str_eq(cgroups.folder, "");
	ck_assert_str_ne(err.text, "");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cgroups");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, without_cgroups_there_is_nothing_to_join);
	tcase_add_test(t, a_limit_that_cannot_be_set_is_an_error_and_leaves_nothing);
	tcase_add_test(t, a_cgroup_of_that_name_is_an_error);
	tcase_add_test(t, a_path_that_is_too_long_is_refused);
	tcase_add_test(t, a_micro_vm_that_never_had_an_id_takes_nothing_with_it);
	tcase_add_test(t, a_state_folder_that_is_not_there_is_refused);
	return suite_run("agent/cgroups", t);
}
