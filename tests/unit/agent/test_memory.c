#include <errno.h>
#include <sys/stat.h>

#include "agent/agent/memory.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* Files as the kernel writes them, in a folder of the test's own; "v" stands for the cgroup. */

static const char *folder;
static char meminfo[128];
static char cgroup[128];
static struct err err;

static void put(const char *name, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void setup(void)
{
	folder = fixture_folder();
	(void)snprintf(meminfo, sizeof(meminfo), "%s/meminfo", folder);
	(void)snprintf(cgroup, sizeof(cgroup), "%s/v", folder);
	ck_assert_int_eq(mkdir(cgroup, 0700), 0);
	err = (struct err){0};
	put("meminfo", "MemTotal:        4194304 kB\nMemFree: 1 kB\nMemAvailable:    3000000 kB\n");
}

static void is_refused(const char *with)
{
	ck_assert_int_eq(agent_memory_admit(meminfo, cgroup, &err), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(err.text, "not enough memory for another micro-VM"));
	ck_assert_ptr_nonnull(strstr(err.text, with));
}

START_TEST(a_host_with_room_takes_another)
{
	ck_assert_int_eq(agent_memory_admit(meminfo, "", &err), 0);
	ck_assert_int_eq(agent_memory_admit(meminfo, cgroup, &err), 0);
}
END_TEST

START_TEST(a_host_that_is_nearly_full_is_refused)
{
	put("meminfo", "MemTotal: 4194304 kB\nMemAvailable: 320000 kB\n");
	is_refused("312 MiB left, 256 MiB are kept");
}
END_TEST

START_TEST(a_small_host_keeps_a_minimum)
{
	put("meminfo", "MemTotal: 262144 kB\nMemAvailable: 130000 kB\n");
	is_refused("64 MiB are kept");
}
END_TEST

START_TEST(a_full_cgroup_is_refused)
{
	put("v/memory.max", "1073741824\n");
	put("v/memory.current", "1073000000\n");
	is_refused("left in its cgroup");
}
END_TEST

START_TEST(the_cgroup_above_counts_too)
{
	put("v/memory.max", "max\n");
	put("v/memory.current", "1073000000\n");
	put("memory.max", "1073741824\n");
	put("memory.current", "1073000000\n");
	is_refused("left in its cgroup");
}
END_TEST

START_TEST(files_that_were_read_are_no_memory_in_use)
{
	put("v/memory.max", "1073741824\n");
	put("v/memory.current", "1073000000\n");
	put("v/memory.stat", "anon 1000\nfile_mapped 5\nfile 900000000\n");
	ck_assert_int_eq(agent_memory_admit(meminfo, cgroup, &err), 0);
}
END_TEST

START_TEST(what_cannot_be_read_limits_nothing)
{
	put("v/memory.max", "rubbish\n");
	put("meminfo", "rubbish\n");
	ck_assert_int_eq(agent_memory_admit(meminfo, cgroup, &err), 0);
	ck_assert_int_eq(agent_memory_admit("/nonexistent", "/nonexistent/x", &err), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("memory");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_host_with_room_takes_another);
	tcase_add_test(t, a_host_that_is_nearly_full_is_refused);
	tcase_add_test(t, a_small_host_keeps_a_minimum);
	tcase_add_test(t, a_full_cgroup_is_refused);
	tcase_add_test(t, the_cgroup_above_counts_too);
	tcase_add_test(t, files_that_were_read_are_no_memory_in_use);
	tcase_add_test(t, what_cannot_be_read_limits_nothing);
	return suite_run("agent/memory", t);
}
