#include <errno.h>

#include "agent/agent/identity.h"
#include "common/fd.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static struct agent_identity identity;
static const char *folder;
static struct err err;

static void setup(void)
{
	uint8_t secret[32];

	folder = fixture_folder();
	fixture_identity(&identity, secret);
}

START_TEST(an_identity_comes_back_as_it_was)
{
	struct agent_identity again;
	struct stat st;

	identity.counter = 7;
	ck_assert_int_eq(agent_identity_save(folder, &identity, &err), 0);
	ck_assert_int_eq(agent_identity_load(folder, &again, &err), 0);
	ck_assert_mem_eq(&again, &identity, sizeof(again));
	ck_assert(!agent_identity_is_enrolled(&again));
	ck_assert_int_eq(stat(fixture_path(folder, "identity.json"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(none_is_told_apart_from_a_damaged_one)
{
	const char *path = fixture_path(folder, "identity.json");

	ck_assert_int_eq(agent_identity_load(folder, &identity, &err), -ENOENT);
	ck_assert_int_eq(fd_replace_file(path, "{\"server\": \"", 12, 0600), 0);
	ck_assert_int_eq(agent_identity_load(folder, &identity, &err), -EINVAL);
	ck_assert_int_eq(fd_replace_file(path, "[]", 2, 0600), 0);
	ck_assert_int_eq(agent_identity_load(folder, &identity, &err), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("identity");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, an_identity_comes_back_as_it_was);
	tcase_add_test(t, none_is_told_apart_from_a_damaged_one);
	return suite_run("agent/identity", t);
}
