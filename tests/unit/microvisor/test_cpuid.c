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

START_TEST(the_same_cpu_lacks_nothing)
{
	ck_assert_ptr_null(mv_cpuid_find_lack(&saved, &host));
}
END_TEST

START_TEST(a_host_with_more_lacks_nothing)
{
	host.entries[1].ecx |= 1u << 31;
	host.entries[2].ecx = UINT32_MAX;
	host.entries[host.count++] = (struct kvm_cpuid_entry2){.function = 0x80000001, .ecx = 1};
	ck_assert_ptr_null(mv_cpuid_find_lack(&saved, &host));
}
END_TEST

START_TEST(registers_that_are_no_features_may_differ)
{
	host.entries[0].eax = 1;
	host.entries[1].ebx = 0;
	ck_assert_ptr_null(mv_cpuid_find_lack(&saved, &host));
}
END_TEST

START_TEST(a_feature_that_the_host_lacks_is_found)
{
	host.entries[1].ecx &= ~2u;
	ck_assert_ptr_eq(mv_cpuid_find_lack(&saved, &host), &saved.entries[1]);
}
END_TEST

START_TEST(a_leaf_that_the_host_lacks_is_found)
{
	host.count = 2;
	ck_assert_ptr_eq(mv_cpuid_find_lack(&saved, &host), &saved.entries[2]);
}
END_TEST

START_TEST(a_leaf_of_another_index_is_another_leaf)
{
	host.entries[2].index = 1;
	ck_assert_ptr_eq(mv_cpuid_find_lack(&saved, &host), &saved.entries[2]);
}
END_TEST

int main(void)
{
	TCase *lack = tcase_create("lack");

	tcase_add_checked_fixture(lack, setup, NULL);
	tcase_add_test(lack, the_same_cpu_lacks_nothing);
	tcase_add_test(lack, a_host_with_more_lacks_nothing);
	tcase_add_test(lack, registers_that_are_no_features_may_differ);
	tcase_add_test(lack, a_feature_that_the_host_lacks_is_found);
	tcase_add_test(lack, a_leaf_that_the_host_lacks_is_found);
	tcase_add_test(lack, a_leaf_of_another_index_is_another_leaf);
	return suite_run("microvisor/cpuid", lack);
}
