#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/acpi.h"
#include "microvisor/layout.h"
#include "tests/support/suite.h"

enum {
	LOW_BYTES = 0x100000
};

static struct agent_ram ram;

static void setup(void)
{
	ram = (struct agent_ram){.bytes = calloc(1, LOW_BYTES), .n = LOW_BYTES};
}

static void teardown(void)
{
	free(ram.bytes);
}

static const uint8_t *at(uint64_t gpa)
{
	return ram.bytes + gpa;
}

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

/* The table that this one points to, after its signature, length and checksum were found right. */
static const uint8_t *table(uint64_t gpa, const char *signature)
{
	ck_assert_uint_lt(gpa, LOW_BYTES);
	const uint8_t *t = at(gpa);

	ck_assert_mem_eq(t, signature, 4);
	ck_assert_uint_lt(u32(t + 4), 0x1000);
	ck_assert_uint_eq(sum(t, u32(t + 4)), 0);
	return t;
}

static const uint8_t *xsdt(void)
{
	const uint8_t *rsdp = at(AGENT_GPA_ACPI);

	ck_assert_mem_eq(rsdp, "RSD PTR ", 8);
	ck_assert_uint_eq(sum(rsdp, 20), 0);
	ck_assert_uint_eq(sum(rsdp, 36), 0);
	return table(u64(rsdp + 24), "XSDT");
}

static const uint8_t *dsdt(void)
{
	return table(u64(table(u64(xsdt() + 36), "FACP") + 140), "DSDT");
}

/* How often word occurs in the table. */
static unsigned count(const uint8_t *t, const void *word, size_t n)
{
	unsigned found = 0;
	size_t bytes = u32(t + 4);

	for (size_t i = 0; i + n <= bytes; i++)
		found += memcmp(t + i, word, n) == 0;
	return found;
}

START_TEST(every_table_is_reached_and_sums_to_zero)
{
	ck_assert_int_eq(agent_acpi_write(&ram, MV_SLOT_COUNT), 0);
	ck_assert_uint_eq(u32(xsdt() + 4), 52);
	(void)table(u64(xsdt() + 44), "APIC");
	(void)dsdt();
}
END_TEST

START_TEST(the_machine_is_hardware_reduced_without_a_clock)
{
	ck_assert_int_eq(agent_acpi_write(&ram, MV_SLOT_COUNT), 0);
	const uint8_t *fadt = table(u64(xsdt() + 36), "FACP");

	ck_assert_uint_eq(u32(fadt + 4), 276);
	ck_assert_uint_eq(u32(fadt + 112) & 1 << 20, 1 << 20);
	ck_assert_uint_eq(fadt[109] & (1 << 2 | 1 << 5), 1 << 2 | 1 << 5);
}
END_TEST

START_TEST(the_interrupt_chips_are_where_kvm_has_them)
{
	ck_assert_int_eq(agent_acpi_write(&ram, MV_SLOT_COUNT), 0);
	const uint8_t *madt = table(u64(xsdt() + 44), "APIC");

	ck_assert_uint_eq(u32(madt + 4), 44 + 8 + 12);
	ck_assert_uint_eq(u32(madt + 36), 0xfee00000);
	ck_assert_uint_eq(madt[44], 0);     /* local APIC */
	ck_assert_uint_eq(madt[44 + 8], 1); /* IOAPIC */
	ck_assert_uint_eq(u32(madt + 44 + 8 + 4), 0xfec00000);
}
END_TEST

START_TEST(each_slot_is_a_device_with_its_window_and_interrupt)
{
	uint8_t window[12] = {0x86, 9, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0};
	uint8_t interrupt[9] = {0x89, 6, 0, 3, 1, 0, 0, 0, 0};
	uint32_t base = (uint32_t)MV_GPA_MMIO + 0x1000u * (uint32_t)_i;

	ck_assert_int_eq(agent_acpi_write(&ram, MV_SLOT_COUNT), 0);
	memcpy(window + 4, &base, sizeof(base));
	interrupt[5] = (uint8_t)(MV_GSI_FIRST + _i);
	ck_assert_uint_eq(count(dsdt(), "LNRO0005", 9), MV_SLOT_COUNT);
	ck_assert_uint_eq(count(dsdt(), window, sizeof(window)), 1);
	ck_assert_uint_eq(count(dsdt(), interrupt, sizeof(interrupt)), 1);
}
END_TEST

/* The bytes of one AML package, from its two-byte length on. */
static size_t package(const uint8_t *p)
{
	ck_assert_uint_eq(p[0] >> 4, 4);
	return (size_t)(p[0] & 15) | (size_t)p[1] << 4;
}

START_TEST(the_packages_fill_the_table)
{
	ck_assert_int_eq(agent_acpi_write(&ram, MV_SLOT_COUNT), 0);
	const uint8_t *t = dsdt();
	const uint8_t *end = t + u32(t + 4);

	ck_assert_uint_eq(t[36], 0x10); /* Scope (\_SB) */
	ck_assert_ptr_eq(t + 37 + package(t + 37), end);
	const uint8_t *device = t + 37 + 2 + 5;
	unsigned devices = 0;

	for (; device < end; devices++) {
		ck_assert_mem_eq(device, "\x5b\x82", 2);
		device += 2 + package(device + 2);
	}
	ck_assert_ptr_eq(device, end);
	ck_assert_uint_eq(devices, MV_SLOT_COUNT + 1);
}
END_TEST

START_TEST(too_many_devices_are_refused)
{
	ck_assert_int_eq(agent_acpi_write(&ram, 9), -EFBIG);
}
END_TEST

START_TEST(memory_that_ends_below_is_refused)
{
	ram.n = AGENT_GPA_ACPI + 0x800;
	ck_assert_int_eq(agent_acpi_write(&ram, MV_SLOT_COUNT), -EFBIG);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("tables");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_table_is_reached_and_sums_to_zero);
	tcase_add_test(t, the_machine_is_hardware_reduced_without_a_clock);
	tcase_add_test(t, the_interrupt_chips_are_where_kvm_has_them);
	tcase_add_loop_test(t, each_slot_is_a_device_with_its_window_and_interrupt, 0,
			    MV_SLOT_COUNT);
	tcase_add_test(t, the_packages_fill_the_table);
	tcase_add_test(t, too_many_devices_are_refused);
	tcase_add_test(t, memory_that_ends_below_is_refused);
	return suite_run("agent/acpi", t);
}
