#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "microvisor/layout.h"
#include "microvisor/vm/log.h"
#include "microvisor/vm/ports.h"
#include "tests/support/suite.h"

/* What the serial port did. */
static struct {
	uint64_t now_ns;
	unsigned lines;
	unsigned interrupts;
	char last[1024];
} seen;

static struct mv_serial serial;

static void line(void *context, const char *text)
{
	(void)context;
	seen.lines++;
	strncpy(seen.last, text, sizeof(seen.last) - 1);
}

static void interrupt(void *context)
{
	(void)context;
	seen.interrupts++;
}

static uint64_t now_ns(void *context)
{
	(void)context;
	return seen.now_ns;
}

static void setup(void)
{
	memset(&seen, 0, sizeof(seen));
	serial = (struct mv_serial){.line = line, .raise = interrupt, .now_ns = now_ns};
	mv_serial_init(&serial);
}

static enum mv_io out(uint16_t port, uint8_t value)
{
	return mv_ports_out(&serial, port, &value, 1);
}

static uint8_t in(uint16_t port)
{
	uint8_t value = 0x5a;

	(void)mv_ports_in(&serial, port, &value, 1);
	return value;
}

static void print(const char *text)
{
	for (; *text; text++)
		(void)out(MV_SERIAL_PORT, (uint8_t)*text);
}

START_TEST(a_line_is_logged_when_it_ends)
{
	print("hello\r");
	ck_assert_uint_eq(seen.lines, 0);
	print("\n");
	ck_assert_str_eq(seen.last, "hello");
	print("\n\r\n");
	ck_assert_uint_eq(seen.lines, 1);
}
END_TEST

START_TEST(control_bytes_are_quoted)
{
	print("\x1b[2Jx\\\xff\n");
	ck_assert_str_eq(seen.last, "\\x1b[2Jx\\x5c\\xff");
}
END_TEST

START_TEST(a_line_without_end_is_cut)
{
	for (unsigned i = 0; i < 10 * MV_SERIAL_LINE_MAX; i++)
		print("a");
	ck_assert_uint_eq(seen.lines, 9);
	ck_assert_uint_eq(strlen(seen.last), MV_SERIAL_LINE_MAX);
}
END_TEST

START_TEST(a_flood_is_cut_and_counted)
{
	for (unsigned i = 0; i < MV_SERIAL_BURST + 100; i++)
		print("x\n");
	ck_assert_uint_eq(seen.lines, MV_SERIAL_BURST);
	seen.now_ns += UINT64_C(1000000000);
	print("after\n");
	ck_assert_uint_eq(seen.lines, MV_SERIAL_BURST + 2);
	ck_assert_str_eq(seen.last, "after");
	for (unsigned i = 0; i < 100; i++)
		print("x\n");
	ck_assert_uint_eq(seen.lines, MV_SERIAL_BURST + 2 + MV_SERIAL_PER_SECOND - 1);
}
END_TEST

START_TEST(the_allowance_does_not_grow_without_end)
{
	seen.now_ns = UINT64_MAX / 2;
	for (unsigned i = 0; i < 2 * MV_SERIAL_BURST; i++)
		print("x\n");
	ck_assert_uint_eq(seen.lines, MV_SERIAL_BURST);
}
END_TEST

START_TEST(the_transmitter_interrupts_when_asked)
{
	ck_assert_uint_eq(in(MV_SERIAL_PORT + 2) & 1, 1); /* IIR: nothing pending */
	(void)out(MV_SERIAL_PORT + 1, 2);                 /* IER: transmitter empty */
	ck_assert_uint_eq(seen.interrupts, 1);
	print("a");
	ck_assert_uint_eq(seen.interrupts, 2);
	ck_assert_uint_eq(in(MV_SERIAL_PORT + 2), 2);
	ck_assert_uint_eq(in(MV_SERIAL_PORT + 5), 0x60); /* LSR: always empty */
}
END_TEST

START_TEST(the_divisor_is_no_output)
{
	(void)out(MV_SERIAL_PORT + 3, 0x80); /* LCR: divisor latch */
	(void)out(MV_SERIAL_PORT, 'x');
	(void)out(MV_SERIAL_PORT + 1, 2);
	ck_assert_uint_eq(seen.interrupts, 0);
	ck_assert_uint_eq(in(MV_SERIAL_PORT), 'x');
	(void)out(MV_SERIAL_PORT + 3, 3);
	print("\n");
	ck_assert_uint_eq(seen.lines, 0);
	ck_assert_uint_eq(in(MV_SERIAL_PORT), 0);
}
END_TEST

START_TEST(a_wide_access_to_the_serial_port_does_nothing)
{
	uint8_t bytes[4] = {'a', 'b', 'c', 'd'};

	ck_assert_int_eq(mv_ports_out(&serial, MV_SERIAL_PORT, bytes, 4), MV_IO_DONE);
	print("\n");
	ck_assert_uint_eq(seen.lines, 0);
	ck_assert_int_eq(mv_ports_in(&serial, MV_SERIAL_PORT + 5, bytes, 4), MV_IO_DONE);
	ck_assert_mem_eq(bytes, "\0\0\0\0", 4);
}
END_TEST

START_TEST(an_unknown_port_reads_as_ones)
{
	uint8_t bytes[4] = {0};

	ck_assert_int_eq(mv_ports_in(&serial, 0x1234, bytes, 4), MV_IO_UNKNOWN);
	ck_assert_mem_eq(bytes, "\xff\xff\xff\xff", 4);
	ck_assert_int_eq(mv_ports_out(&serial, 0xffff, bytes, 4), MV_IO_UNKNOWN);
}
END_TEST

START_TEST(the_clock_is_never_busy)
{
	ck_assert_int_eq(out(0x70, 0x0a), MV_IO_DONE);
	ck_assert_uint_eq(in(0x71), 0);
}
END_TEST

START_TEST(two_ports_reset)
{
	ck_assert_int_eq(out(0x64, 0xfe), MV_IO_RESET);
	ck_assert_int_eq(out(0x64, 0xd1), MV_IO_DONE);
	ck_assert_int_eq(out(0xcf9, 0x06), MV_IO_RESET);
	ck_assert_int_eq(out(0xcf9, 0x02), MV_IO_DONE);
}
END_TEST

START_TEST(quoting_cuts_at_whole_escapes)
{
	char out5[5];

	mv_log_quote(out5, sizeof(out5), "a\1b", 3);
	ck_assert_str_eq(out5, "a");
	mv_log_quote(out5, sizeof(out5), "\1b", 2);
	ck_assert_str_eq(out5, "\\x01");
	mv_log_quote(out5, sizeof(out5), "", 0);
	ck_assert_str_eq(out5, "");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("serial");
	TCase *ports = tcase_create("ports");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_checked_fixture(ports, setup, NULL);
	tcase_add_test(t, a_line_is_logged_when_it_ends);
	tcase_add_test(t, control_bytes_are_quoted);
	tcase_add_test(t, a_line_without_end_is_cut);
	tcase_add_test(t, a_flood_is_cut_and_counted);
	tcase_add_test(t, the_allowance_does_not_grow_without_end);
	tcase_add_test(t, the_transmitter_interrupts_when_asked);
	tcase_add_test(t, the_divisor_is_no_output);
	tcase_add_test(t, a_wide_access_to_the_serial_port_does_nothing);
	tcase_add_test(ports, an_unknown_port_reads_as_ones);
	tcase_add_test(ports, the_clock_is_never_busy);
	tcase_add_test(ports, two_ports_reset);
	tcase_add_test(ports, quoting_cuts_at_whole_escapes);
	return suite_run("microvisor/ports", t, ports);
}
