#include <errno.h>
#include <unistd.h>

#include "agent/agent/kvm.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

/* Where there is no /dev/kvm at all, that is the reason for each file, and the same refusal. */

static bool has_device(void)
{
	return access("/dev/kvm", R_OK | W_OK) == 0;
}

static int open_with(const char *text, struct err *err)
{
	const char *path = fixture_path(fixture_folder(), "cpuinfo");
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	return agent_kvm_open(path, err);
}

static void is_refused(const char *text)
{
	struct err err = {0};

	ck_assert_int_eq(open_with(text, &err), -ENODEV);
	ck_assert_ptr_nonnull(strstr(err.text, "isolation unavailable"));
	if (has_device())
		ck_assert_ptr_nonnull(strstr(err.text, "no hardware virtualisation"));
}

START_TEST(a_processor_without_either_flag_is_refused)
{
	is_refused("processor\t: 0\nflags\t\t: fpu vme de pse hypervisor\nbugs\t\t: none\n");
}
END_TEST

START_TEST(a_flag_that_only_holds_the_word_is_none)
{
	is_refused("flags\t\t: fpu svmx vmx_unrestricted svm_lock\n");
}
END_TEST

START_TEST(the_word_on_another_line_is_none)
{
	is_refused("model name\t: vmx svm\nvmx flags\t: vnmi\nflags\t\t: fpu\n");
}
END_TEST

START_TEST(an_empty_file_is_refused)
{
	is_refused("");
}
END_TEST

START_TEST(a_file_that_is_not_there_is_refused)
{
	struct err err = {0};

	ck_assert_int_eq(agent_kvm_open("/nonexistent/cpuinfo", &err), -ENODEV);
}
END_TEST

static const char *const good[] = {
	"flags\t\t: fpu vmx de\n",
	"processor\t: 0\nflags\t\t: fpu de svm\n",
};

START_TEST(either_flag_opens_the_device)
{
	struct err err = {0};
	int fd = open_with(good[_i], &err);

	ck_assert_int_eq(fd >= 0, has_device());
	if (fd >= 0)
		close(fd);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("kvm");

	tcase_add_test(t, a_processor_without_either_flag_is_refused);
	tcase_add_test(t, a_flag_that_only_holds_the_word_is_none);
	tcase_add_test(t, the_word_on_another_line_is_none);
	tcase_add_test(t, an_empty_file_is_refused);
	tcase_add_test(t, a_file_that_is_not_there_is_refused);
	tcase_add_loop_test(t, either_flag_opens_the_device, 0, 2);
	return suite_run("agent/kvm", t);
}
