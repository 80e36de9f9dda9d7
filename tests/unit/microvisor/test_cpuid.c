#include <check.h>

#include "microvisor/vm/cpuid.h"
#include "tests/support/suite.h"

static struct mv_cpuid saved;
static struct mv_cpuid host;

static void setup(void)
{
	saved = (struct mv_cpuid){.count = 3,
				  .entries = {{.function = 0, .eax = 0x1f},
					      {.function = 1, .ebx = 7, .ecx = 6, .edx = 1},
					      {.function = 7, .index = 0, .ebx = 1 << 5}}};
	host = saved;
}

START_TEST(the_same_cpu_is_the_same)
{
	ck_assert(mv_cpuid_is_same(&saved, &host));
}
END_TEST

START_TEST(a_host_with_more_is_another)
{
	host.entries[1].ecx |= 1u << 31;
	ck_assert(!mv_cpuid_is_same(&saved, &host));
}
END_TEST

START_TEST(a_host_with_less_is_another)
{
	host.entries[1].ecx &= ~2u;
	ck_assert(!mv_cpuid_is_same(&saved, &host));
}
END_TEST

START_TEST(a_leaf_that_the_host_lacks_or_has_besides_is_told)
{
	host.count = 2;
	ck_assert(!mv_cpuid_is_same(&saved, &host));
	host.count = 4;
	ck_assert(!mv_cpuid_is_same(&saved, &host));
}
END_TEST

START_TEST(a_leaf_of_another_index_is_another_leaf)
{
	host.entries[2].index = 1;
	ck_assert(!mv_cpuid_is_same(&saved, &host));
}
END_TEST

int main(void)
{
	TCase *lack = tcase_create("lack");

	tcase_add_checked_fixture(lack, setup, NULL);
	tcase_add_test(lack, the_same_cpu_is_the_same);
	tcase_add_test(lack, a_host_with_more_is_another);
	tcase_add_test(lack, a_host_with_less_is_another);
	tcase_add_test(lack, a_leaf_that_the_host_lacks_or_has_besides_is_told);
	tcase_add_test(lack, a_leaf_of_another_index_is_another_leaf);
	return suite_run("microvisor/cpuid", lack);
}
