#include <check.h>

#include "microvisor/virtio/mem.h"
#include "tests/support/suite.h"

static uint8_t ram[64];
static uint8_t root[64];

/* Two regions that touch each other, and one at the end of the address space. */
static const struct mv_mem mem = {
	.count = 3,
	.regions = {{.gpa = 0x1000, .bytes = sizeof(ram), .hva = ram, .writable = true},
		    {.gpa = 0x1040, .bytes = sizeof(root), .hva = root},
		    {.gpa = UINT64_MAX - 63, .bytes = 64, .hva = root}},
};

START_TEST(a_window_inside_a_region_is_its_host_address)
{
	ck_assert_ptr_eq(mv_mem_window(&mem, 0x1000, 64, true), ram);
	ck_assert_ptr_eq(mv_mem_window(&mem, 0x103f, 1, true), ram + 63);
	ck_assert_ptr_eq(mv_mem_window(&mem, 0x1048, 8, false), root + 8);
	ck_assert_ptr_eq(mv_mem_window(&mem, UINT64_MAX, 1, false), root + 63);
}
END_TEST

START_TEST(no_window_outside_memory)
{
	ck_assert_ptr_null(mv_mem_window(&mem, 0xfff, 1, false));
	ck_assert_ptr_null(mv_mem_window(&mem, 0x1080, 1, false));
	ck_assert_ptr_null(mv_mem_window(&mem, 0, 1, false));
}
END_TEST

START_TEST(no_window_across_two_regions)
{
	ck_assert_ptr_null(mv_mem_window(&mem, 0x1000, 65, false));
	ck_assert_ptr_null(mv_mem_window(&mem, 0x103f, 2, false));
}
END_TEST

START_TEST(a_length_that_wraps_is_refused)
{
	ck_assert_ptr_null(mv_mem_window(&mem, 0x1001, UINT64_MAX, false));
	ck_assert_ptr_null(mv_mem_window(&mem, UINT64_MAX, 2, false));
	ck_assert_ptr_null(mv_mem_window(&mem, UINT64_MAX - 63, UINT64_MAX, false));
}
END_TEST

START_TEST(a_read_only_region_is_never_written)
{
	ck_assert_ptr_null(mv_mem_window(&mem, 0x1040, 1, true));
	ck_assert_ptr_null(mv_mem_window(&mem, UINT64_MAX, 1, true));
}
END_TEST

START_TEST(an_empty_window_has_a_place)
{
	ck_assert_ptr_eq(mv_mem_window(&mem, 0x1000, 0, true), ram);
	ck_assert_ptr_null(mv_mem_window(&mem, 0x2000, 0, false));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("window");

	tcase_add_test(t, a_window_inside_a_region_is_its_host_address);
	tcase_add_test(t, no_window_outside_memory);
	tcase_add_test(t, no_window_across_two_regions);
	tcase_add_test(t, a_length_that_wraps_is_refused);
	tcase_add_test(t, a_read_only_region_is_never_written);
	tcase_add_test(t, an_empty_window_has_a_place);
	return suite_run("microvisor/mem", t);
}
