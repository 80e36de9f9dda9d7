#include <check.h>
#include <errno.h>
#include <string.h>

#include "golden-image/message/frame.h"
#include "tests/support/suite.h"

static struct frame_reader reader;

static void setup(void)
{
	memset(&reader, 0, sizeof(reader));
}

/* Feeds one byte at a time, as a stream may deliver them; the first result that is not 0. */
static int feed(const void *bytes, size_t n, struct frame *out)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++) {
		uint8_t *at;

		ck_assert_uint_ge(frame_want(&reader, &at), 1);
		*at = p[i];
		int r = frame_got(&reader, 1, out);

		if (r != 0)
			return r;
	}
	return 0;
}

START_TEST(a_frame_is_collected_byte_by_byte)
{
	struct frame f;

	ck_assert_int_eq(feed("\6\0\0\0\4\0\0\0\x0f\0\0\0", 12, &f), 1);
	ck_assert_uint_eq(f.type, MV_FRAME_SIGNAL);
	ck_assert_uint_eq(f.bytes, 4);
	ck_assert_uint_eq(f.payload[0], 15);
}
END_TEST

START_TEST(a_frame_without_payload_is_whole_at_its_header)
{
	struct frame f;

	ck_assert_int_eq(feed("\2\0\0\0\0\0\0\0", 8, &f), 1);
	ck_assert_uint_eq(f.bytes, 0);
}
END_TEST

START_TEST(the_next_frame_starts_after_done)
{
	struct frame f;

	ck_assert_int_eq(feed("\6\0\0\0\1\0\0\0a", 9, &f), 1);
	frame_done(&reader);
	ck_assert_int_eq(feed("\7\0\0\0\1\0\0\0b", 9, &f), 1);
	ck_assert_uint_eq(f.type, 7);
	ck_assert_uint_eq(f.payload[0], 'b');
}
END_TEST

START_TEST(the_reader_never_asks_past_the_frame)
{
	struct frame f;
	uint8_t *at;

	ck_assert_uint_eq(frame_want(&reader, &at), FRAME_HEADER_BYTES);
	ck_assert_int_eq(feed("\6\0\0\0\4\0\0\0\x0f", 9, &f), 0);
	ck_assert_uint_eq(frame_want(&reader, &at), 3);
}
END_TEST

START_TEST(a_frame_over_the_limit_is_refused_at_its_header)
{
	struct frame f;

	ck_assert_int_eq(feed("\2\0\0\0\1\0\4\0", 8, &f), -EBADMSG);
	setup();
	ck_assert_int_eq(feed("\2\0\0\0\xff\xff\xff\xff", 8, &f), -EBADMSG);
}
END_TEST

START_TEST(a_frame_at_the_limit_fits_with_a_spare_byte)
{
	struct frame f;
	uint8_t *at;

	ck_assert_int_eq(feed("\2\0\0\0\0\0\4\0", 8, &f), 0);
	ck_assert_uint_eq(frame_want(&reader, &at), MV_FRAME_BYTES_MAX);
	ck_assert_ptr_eq(at + MV_FRAME_BYTES_MAX, reader.bytes + sizeof(reader.bytes) - 1);
}
END_TEST

START_TEST(what_the_guest_sends_is_as_the_header_says)
{
	uint8_t out[FRAME_SENT_MAX];
	struct fault fault = {0};

	ck_assert_uint_eq(frame_ready(out, 1), 16);
	ck_assert_mem_eq(out, "\1\0\0\0\x8\0\0\0\2\0\0\0\1\0\0\0", 16);
	ck_assert_uint_eq(frame_started(out), 8);
	ck_assert_mem_eq(out, "\3\0\0\0\0\0\0\0", 8);
	ck_assert_uint_eq(frame_exit(out, 0x8b), 12);
	ck_assert_mem_eq(out, "\5\0\0\0\4\0\0\0\x8b\0\0\0", 12);
	ck_assert_int_eq(fault_set(&fault, ENOENT, "execute %s", "/x"), -ENOENT);
	size_t n = frame_failed(out, &fault);

	ck_assert_mem_eq(out, "\4\0\0\0", 4);
	ck_assert_uint_eq(out[4] + 8u, n);
	ck_assert_uint_eq(out[8], ENOENT);
	ck_assert_mem_eq(out + 12, "execute /x: ", 12);
}
END_TEST

START_TEST(a_long_reason_is_cut_to_the_frame)
{
	uint8_t out[FRAME_SENT_MAX];
	struct fault fault = {0};

	(void)fault_set(&fault, EIO, "%0400d", 1);
	ck_assert_uint_eq(frame_failed(out, &fault), FRAME_SENT_MAX);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("frame");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_frame_is_collected_byte_by_byte);
	tcase_add_test(t, a_frame_without_payload_is_whole_at_its_header);
	tcase_add_test(t, the_next_frame_starts_after_done);
	tcase_add_test(t, the_reader_never_asks_past_the_frame);
	tcase_add_test(t, a_frame_over_the_limit_is_refused_at_its_header);
	tcase_add_test(t, a_frame_at_the_limit_fits_with_a_spare_byte);
	tcase_add_test(t, what_the_guest_sends_is_as_the_header_says);
	tcase_add_test(t, a_long_reason_is_cut_to_the_frame);
	return suite_run("golden-image/frame", t);
}
