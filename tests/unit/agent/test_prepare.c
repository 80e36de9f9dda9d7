#include <errno.h>

#include "agent/agent/prepare.h"
#include "common/fd.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static struct err err;

static void put(const char *folder, const char *name)
{
	ck_assert_int_eq(fd_replace_file(fixture_path(folder, name), "x", 1, 0600), 0);
}

static bool has(const char *folder, const char *name)
{
	return access(fixture_path(folder, name), F_OK) == 0;
}

START_TEST(who_an_endpoint_is_goes_and_its_images_stay)
{
	static const char *const own[] = {"link/key.pem",    "link/cert.pem", "identity.json",
					  "policy.envelope", "spool.db",      "spool.db-wal"};
	const char *folder = fixture_folder();

	ck_assert_int_eq(mkdir(fixture_path(folder, "link"), 0700), 0);
	ck_assert_int_eq(mkdir(fixture_path(folder, "images"), 0700), 0);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		put(folder, own[i]);
	put(folder, "images/debian-docs.json");
	ck_assert_int_eq(agent_prepare_image(folder, &err), 0);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		ck_assert_msg(!has(folder, own[i]), "%s is still there", own[i]);
	ck_assert(has(folder, "images/debian-docs.json"));
	ck_assert_int_eq(agent_prepare_image(folder, &err), 0);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_told)
{
	ck_assert_int_eq(agent_prepare_image("/nowhere/at/all", &err), -ENOENT);
}
END_TEST

START_TEST(what_cannot_be_removed_is_told)
{
	const char *folder = fixture_folder();

	ck_assert_int_eq(mkdir(fixture_path(folder, "identity.json"), 0700), 0);
	ck_assert_int_eq(agent_prepare_image(folder, &err), -EISDIR);
	ck_assert_ptr_nonnull(strstr(err.text, "identity.json"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("prepare");

	tcase_add_test(t, who_an_endpoint_is_goes_and_its_images_stay);
	tcase_add_test(t, a_folder_that_is_not_there_is_told);
	tcase_add_test(t, what_cannot_be_removed_is_told);
	return suite_run("agent/prepare", t);
}
