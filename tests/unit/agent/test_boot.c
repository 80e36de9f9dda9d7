#include <asm/bootparam.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/boot.h"
#include "microvisor/layout.h"
#include "tests/support/suite.h"

enum {
	RAM_BYTES = 64 << 20,
	SETUP_SECTS = 3,
	SETUP_BYTES = (SETUP_SECTS + 1) * 512,
	BODY_BYTES = 0x3000,
	INITRD_BYTES = 0x1234
};

static struct agent_ram ram;
static struct setup_header header;
static int kernel;
static int initrd;

/* A file that looks like a small bzImage: setup sectors with the header, then a body of 0xcc. */
static int make_kernel(const struct setup_header *h, size_t bytes)
{
	static uint8_t file[SETUP_BYTES + BODY_BYTES];
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	memset(file, 0xcc, sizeof(file));
	memcpy(file + 0x1f1, h, sizeof(*h));
	file[0x201] = 0x6a; /* the header is valid to 0x202 + 0x6a */
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, file, bytes), (ssize_t)bytes);
	return fd;
}

static void setup(void)
{
	static const uint8_t bytes[INITRD_BYTES] = {1, 2, 3};

	ram = (struct agent_ram){.bytes = calloc(1, RAM_BYTES), .n = RAM_BYTES};
	header = (struct setup_header){.setup_sects = SETUP_SECTS,
				       .header = 0x53726448,
				       .version = 0x020f,
				       .loadflags = LOADED_HIGH,
				       .xloadflags = XLF_KERNEL_64,
				       .initrd_addr_max = 0x7fffffff,
				       .cmdline_size = 2047,
				       .pref_address = 0x1000000,
				       .init_size = 0x2000000};
	kernel = -1;
	initrd = memfd_create("initrd", MFD_CLOEXEC);
	ck_assert_int_eq(write(initrd, bytes, sizeof(bytes)), sizeof(bytes));
}

static void teardown(void)
{
	free(ram.bytes);
	close(initrd);
	if (kernel >= 0)
		close(kernel);
}

static int load_with(const char *cmdline)
{
	if (kernel < 0)
		kernel = make_kernel(&header, SETUP_BYTES + BODY_BYTES);
	return agent_boot_load(&ram, kernel, initrd, cmdline);
}

static int load(void)
{
	return load_with("quiet");
}

static const struct boot_params *params(void)
{
	return (const void *)(ram.bytes + AGENT_GPA_ZEROPAGE);
}

START_TEST(the_kernel_lies_at_1_mib_and_starts_64_bit)
{
	ck_assert_int_eq(load(), 0);
	/* mov $0x100200, %eax; jmp *%rax */
	ck_assert_mem_eq(ram.bytes + MV_GPA_START + 112, "\xb8\x00\x02\x10\x00\xff\xe0", 7);
	ck_assert_uint_eq(ram.bytes[0x100000], 0xcc);
	ck_assert_uint_eq(ram.bytes[0x100000 + BODY_BYTES - 1], 0xcc);
	ck_assert_uint_eq(ram.bytes[0x100000 + BODY_BYTES], 0);
}
END_TEST

START_TEST(the_zero_page_tells_all)
{
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(params()->hdr.header, 0x53726448);
	ck_assert_uint_eq(params()->hdr.type_of_loader, 0xff);
	ck_assert_uint_eq(params()->acpi_rsdp_addr, AGENT_GPA_ACPI);
	ck_assert_str_eq((char *)ram.bytes + params()->hdr.cmd_line_ptr, "quiet");
	ck_assert_uint_eq(params()->e820_entries, 3);
	ck_assert_uint_eq(params()->e820_table[1].type, 2);
	ck_assert_uint_eq(params()->e820_table[2].addr + params()->e820_table[2].size, RAM_BYTES);
}
END_TEST

START_TEST(the_initramfs_lies_at_the_top)
{
	ck_assert_int_eq(load(), 0);
	uint32_t gpa = params()->hdr.ramdisk_image;

	ck_assert_uint_eq(params()->hdr.ramdisk_size, INITRD_BYTES);
	ck_assert_uint_eq(gpa % 0x1000, 0);
	ck_assert_uint_le(gpa + INITRD_BYTES, RAM_BYTES);
	ck_assert_uint_gt(gpa + INITRD_BYTES + 0x1000, RAM_BYTES);
	ck_assert_mem_eq(ram.bytes + gpa, "\1\2\3", 3);
}
END_TEST

START_TEST(the_initramfs_stays_below_what_the_kernel_reaches)
{
	header.initrd_addr_max = 0x37fffff;
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_le(params()->hdr.ramdisk_image + INITRD_BYTES, 0x3800000);
}
END_TEST

static void not_a_kernel(void)
{
	header.header = 0x53726449;
}

static void too_old(void)
{
	header.version = 0x020b;
}

static void not_64_bit(void)
{
	header.xloadflags = 0;
}

static void not_high(void)
{
	header.loadflags = 0;
}

static void only_setup(void)
{
	kernel = make_kernel(&header, SETUP_BYTES);
}

static void shorter_than_its_header(void)
{
	kernel = make_kernel(&header, 0x200);
}

static void empty(void)
{
	kernel = make_kernel(&header, 0);
}

static void more_setup_than_file(void)
{
	header.setup_sects = 255;
}

static void a_pipe(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	close(fds[1]);
	kernel = fds[0];
}

static void (*const not_executable[])(void) = {not_a_kernel, too_old,    not_64_bit,
					       not_high,     only_setup, shorter_than_its_header,
					       empty,        a_pipe,     more_setup_than_file};

START_TEST(a_file_that_is_no_kernel_is_refused)
{
	not_executable[_i]();
	ck_assert_int_eq(load(), -ENOEXEC);
}
END_TEST

static void needs_more_memory(void)
{
	header.init_size = RAM_BYTES;
}

static void needs_all_memory(void)
{
	header.init_size = UINT32_MAX;
}

static void unpacks_at_the_end(void)
{
	header.pref_address = UINT64_MAX - 0x100;
}

static void initrd_nowhere(void)
{
	header.initrd_addr_max = 0x1000;
}

static void initrd_into_the_kernel(void)
{
	header.initrd_addr_max = 0x3000fff;
	ck_assert_int_eq(ftruncate(initrd, 0x2000), 0);
}

static void big_initrd(void)
{
	ck_assert_int_eq(ftruncate(initrd, RAM_BYTES), 0);
}

static void short_cmdline(void)
{
	header.cmdline_size = 4;
}

static void (*const too_big[])(void) = {needs_more_memory, needs_all_memory, unpacks_at_the_end,
					initrd_nowhere,    big_initrd,       initrd_into_the_kernel,
					short_cmdline};

START_TEST(what_does_not_fit_is_refused)
{
	too_big[_i]();
	ck_assert_int_eq(load(), -EFBIG);
}
END_TEST

START_TEST(memory_smaller_than_said_is_refused)
{
	ram.n = 0x101000;
	ck_assert_int_eq(load(), -EFBIG);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("load");
	TCase *refusals = tcase_create("refusals");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_checked_fixture(refusals, setup, teardown);
	tcase_add_test(t, the_kernel_lies_at_1_mib_and_starts_64_bit);
	tcase_add_test(t, the_zero_page_tells_all);
	tcase_add_test(t, the_initramfs_lies_at_the_top);
	tcase_add_test(t, the_initramfs_stays_below_what_the_kernel_reaches);
	tcase_add_loop_test(refusals, a_file_that_is_no_kernel_is_refused, 0,
			    sizeof(not_executable) / sizeof(not_executable[0]));
	tcase_add_loop_test(refusals, what_does_not_fit_is_refused, 0,
			    sizeof(too_big) / sizeof(too_big[0]));
	tcase_add_test(refusals, memory_smaller_than_said_is_refused);
	return suite_run("agent/boot", t, refusals);
}
