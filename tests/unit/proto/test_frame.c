#include <check.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "proto/fleet.pb-c.h"
#include "proto/frame.h"
#include "tests/support/suite.h"

static int unpack_as(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n)
{
	ProtobufCMessage *message = NULL;
	int r = wire_unpack(type, bytes, n, &message);

	ck_assert((r == 0) == (message != NULL));
	wire_free(message);
	return r;
}

#define REFUSAL(bytes) unpack_as(&ampoule__refusal__descriptor, bytes, sizeof(bytes) - 1)
#define PING(bytes)    unpack_as(&ampoule__ping__descriptor, bytes, sizeof(bytes) - 1)

/* A Hello frame with every kind of field in it. */
static void put_hello(struct buf *out)
{
	uint8_t stream[16] = "0123456789abcde";
	Ampoule__Hello hello = AMPOULE__HELLO__INIT;
	Ampoule__Frame frame = AMPOULE__FRAME__INIT;
	char hostname[] = "caf\xc3\xa9-\xe2\x82\xac-\xf0\x9f\x98\x80";

	hello.protocol = 1;
	hello.hostname = hostname;
	hello.event_stream = (ProtobufCBinaryData){.data = stream, .len = sizeof(stream)};
	hello.applied_serial = UINT64_MAX;
	hello.isolation = 1;
	frame.kind_case = AMPOULE__FRAME__KIND_HELLO;
	frame.hello = &hello;
	ck_assert_int_eq(wire_put_frame(out, &frame.base), 0);
}

START_TEST(a_frame_comes_back_as_it_was_put)
{
	struct buf b = {0};
	const uint8_t *body;
	size_t n, used;
	ProtobufCMessage *message = NULL;

	put_hello(&b);
	ck_assert_int_eq(wire_next_frame(&b, &body, &n, &used), 1);
	ck_assert_uint_eq(used, b.len);
	ck_assert_uint_eq(n, b.len - 4);
	ck_assert_int_eq(wire_unpack(&ampoule__frame__descriptor, body, n, &message), 0);
	const Ampoule__Frame *frame = (const Ampoule__Frame *)message;

	ck_assert_int_eq(frame->kind_case, AMPOULE__FRAME__KIND_HELLO);
	ck_assert_str_eq(frame->hello->hostname, "caf\xc3\xa9-\xe2\x82\xac-\xf0\x9f\x98\x80");
	ck_assert(frame->hello->applied_serial == UINT64_MAX);
	ck_assert_uint_eq(frame->hello->event_stream.len, 16);
	wire_free(message);
	buf_release(&b);
}
END_TEST

START_TEST(two_frames_in_one_buffer_come_one_by_one)
{
	struct buf b = {0};
	const uint8_t *body;
	size_t n, used;

	put_hello(&b);
	size_t first = b.len;

	put_hello(&b);
	ck_assert_int_eq(wire_next_frame(&b, &body, &n, &used), 1);
	ck_assert_uint_eq(used, first);
	buf_consume(&b, used);
	ck_assert_int_eq(wire_next_frame(&b, &body, &n, &used), 1);
	buf_consume(&b, used);
	ck_assert_int_eq(wire_next_frame(&b, &body, &n, &used), 0);
	buf_release(&b);
}
END_TEST

START_TEST(a_part_of_a_frame_waits_for_more)
{
	struct buf b = {0};
	const uint8_t *body;
	size_t n, used;

	put_hello(&b);
	for (size_t cut = 0; cut < b.len; cut++) {
		struct buf part = {.data = b.data, .len = cut};

		ck_assert_int_eq(wire_next_frame(&part, &body, &n, &used), 0);
	}
	buf_release(&b);
}
END_TEST

START_TEST(a_length_over_the_limit_is_refused_at_once)
{
	uint8_t over[4] = {0x00, 0x20, 0x00, 0x01}, most[4] = {0x00, 0x20, 0x00, 0x00};
	struct buf b = {.data = over, .len = 4};
	const uint8_t *body;
	size_t n, used;

	ck_assert_int_eq(wire_next_frame(&b, &body, &n, &used), -EFBIG);
	b.data = most;
	ck_assert_int_eq(wire_next_frame(&b, &body, &n, &used), 0);
}
END_TEST

START_TEST(a_length_of_zero_is_refused)
{
	uint8_t zero[4] = {0};
	struct buf b = {.data = zero, .len = 4};
	const uint8_t *body;
	size_t n, used;

	ck_assert_int_eq(wire_next_frame(&b, &body, &n, &used), -EBADMSG);
}
END_TEST

START_TEST(a_message_over_the_limit_is_neither_put_nor_unpacked)
{
	static uint8_t bytes[WIRE_FRAME_BYTES_MAX + 1];
	Ampoule__BlobChunk chunk = AMPOULE__BLOB_CHUNK__INIT;
	struct buf b = {0};

	chunk.data = (ProtobufCBinaryData){.data = bytes, .len = WIRE_FRAME_BYTES_MAX};
	ck_assert_int_eq(wire_put_frame(&b, &chunk.base), -EFBIG);
	ck_assert_int_eq(wire_put_message(&b, &chunk.base), -EFBIG);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_int_eq(unpack_as(&ampoule__ping__descriptor, bytes, sizeof(bytes)), -EFBIG);
}
END_TEST

START_TEST(every_truncation_of_a_frame_is_refused)
{
	struct buf b = {0};

	put_hello(&b);
	ck_assert_int_eq(unpack_as(&ampoule__frame__descriptor, b.data + 4, b.len - 4), 0);
	/* The whole is one submessage: cut anywhere, its length points past the end. */
	for (size_t n = 1; n < b.len - 4; n++)
		ck_assert_int_eq(unpack_as(&ampoule__frame__descriptor, b.data + 4, n), -EBADMSG);
	buf_release(&b);
}
END_TEST

START_TEST(a_megabyte_of_empty_submessages_is_over_the_budget)
{
	const size_t n = 1 << 20;
	uint8_t *bytes = malloc(n);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < n; i += 2) {
		bytes[i] = 2 << 3 | 2; /* EventBatch.events, length 0 */
		bytes[i + 1] = 0;
	}
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;

	ck_assert_int_eq(unpack_as(&ampoule__event_batch__descriptor, bytes, n), -EFBIG);
	/* all of it was given back */
	ck_assert_uint_le(mallinfo2().uordblks + mallinfo2().hblkhd, before + 4096);
	free(bytes);
}
END_TEST

START_TEST(a_full_batch_of_events_is_within_the_budget)
{
	struct buf b = {0};

	for (int i = 0; i < 512; i++)
		ck_assert_int_eq(buf_put(&b, "\x12\x0d\x08\x01\x1a\x02vm\x42\x05/home", 15), 0);
	ck_assert_int_eq(unpack_as(&ampoule__event_batch__descriptor, b.data, b.len), 0);
	buf_release(&b);
}
END_TEST

START_TEST(a_string_with_a_nul_is_refused)
{
	ck_assert_int_eq(REFUSAL("\x0a\x05/a/.."), 0);
	ck_assert_int_eq(REFUSAL("\x0a\x07/a\0../b"), -EILSEQ);
	ck_assert_int_eq(REFUSAL("\x0a\x01\0"), -EILSEQ);
}
END_TEST

static const struct {
	const char *bytes;
	size_t n;
	int result;
} texts[] = {
	{"plain", 5, 0},
	{"\xc2\x80", 2, 0},
	{"\xdf\xbf", 2, 0},
	{"\xe0\xa0\x80", 3, 0},
	{"\xed\x9f\xbf", 3, 0},
	{"\xef\xbf\xbf", 3, 0},
	{"\xf0\x90\x80\x80", 4, 0},
	{"\xf4\x8f\xbf\xbf", 4, 0},
	{"\x80", 1, -EILSEQ},             /* a lone continuation byte */
	{"\xc0\xaf", 2, -EILSEQ},         /* overlong "/" */
	{"\xc1\xbf", 2, -EILSEQ},         /* overlong */
	{"\xc3", 1, -EILSEQ},             /* cut */
	{"\xc3(", 2, -EILSEQ},            /* no continuation */
	{"\xe0\x80\xaf", 3, -EILSEQ},     /* overlong "/" */
	{"\xe2\x82", 2, -EILSEQ},         /* cut */
	{"\xed\xa0\x80", 3, -EILSEQ},     /* a surrogate */
	{"\xf0\x80\x80\xaf", 4, -EILSEQ}, /* overlong "/" */
	{"\xf0\x9f\x98", 3, -EILSEQ},     /* cut */
	{"\xf4\x90\x80\x80", 4, -EILSEQ}, /* above U+10FFFF */
	{"\xf5\x80\x80\x80", 4, -EILSEQ},
	{"\xff", 1, -EILSEQ},
};

START_TEST(strings_are_strict_utf8)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_put_u8(&b, 0x0a), 0);
	ck_assert_int_eq(buf_put_u8(&b, (uint8_t)texts[_i].n), 0);
	ck_assert_int_eq(buf_put(&b, texts[_i].bytes, texts[_i].n), 0);
	ck_assert_int_eq(unpack_as(&ampoule__refusal__descriptor, b.data, b.len), texts[_i].result);
	buf_release(&b);
}
END_TEST

START_TEST(bytes_may_hold_anything)
{
	/* PolicyAnnounce.digest */
	ck_assert_int_eq(unpack_as(&ampoule__policy_announce__descriptor, "\x1a\x03\0\xff\x80", 5),
			 0);
}
END_TEST

START_TEST(a_bad_string_deep_inside_is_found)
{
	/* Frame.event_batch { events { vm: "\xff" } } */
	ck_assert_int_eq(unpack_as(&ampoule__frame__descriptor, "\x2a\x05\x12\x03\x1a\x01\xff", 7),
			 -EILSEQ);
}
END_TEST

START_TEST(wrong_wire_types_are_refused)
{
	ck_assert_int_eq(PING("\x08\x05"), 0);
	ck_assert_int_eq(PING("\x09\0\0\0\0\0\0\0\0"), -EBADMSG); /* fixed64 for a varint */
	ck_assert_int_eq(PING("\x0a\x01\x05"), -EBADMSG);         /* packed for a singular field */
	ck_assert_int_eq(PING("\x0d\0\0\0\0"), -EBADMSG);         /* fixed32 */
	ck_assert_int_eq(PING("\x0b\x0c"), -EBADMSG);             /* a group */
	ck_assert_int_eq(PING("\x0c"), -EBADMSG);
	ck_assert_int_eq(PING("\x0e\0"), -EBADMSG); /* wire types 6 and 7 do not exist */
	ck_assert_int_eq(PING("\x0f\0"), -EBADMSG);
	ck_assert_int_eq(REFUSAL("\x08\x05"), -EBADMSG); /* a varint for a string */
}
END_TEST

START_TEST(bad_tags_and_varints_are_refused)
{
	ck_assert_int_eq(PING("\x00\x05"), -EBADMSG);                     /* field 0 */
	ck_assert_int_eq(PING("\x88"), -EBADMSG);                         /* a cut tag */
	ck_assert_int_eq(PING("\x88\x80\x80\x80\x80\x00\x05"), -EBADMSG); /* six bytes of tag */
	ck_assert_int_eq(PING("\xf8\xff\xff\xff\x7f\x05"), -EBADMSG);     /* over 32 bits */
	ck_assert_int_eq(PING("\x08"), -EBADMSG);
	ck_assert_int_eq(PING("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0);
	ck_assert_int_eq(PING("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), -EBADMSG);
	ck_assert_int_eq(PING("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), -EBADMSG);
	ck_assert_int_eq(REFUSAL("\x0a\x80\x80\x80\x80\x80\x00"),
			 -EBADMSG);                                      /* six bytes of length */
	ck_assert_int_eq(REFUSAL("\x0a\xff\xff\xff\xff\x0f"), -EBADMSG); /* over INT_MAX */
}
END_TEST

START_TEST(unknown_fields_are_skipped_and_counted)
{
	struct buf b = {0};

	ck_assert_int_eq(PING("\x08\x05\x52\x02\xff\x00\x59"
			      "12345678"
			      "\x5d"
			      "1234"),
			 0);
	ck_assert_int_eq(PING("\x53\x54"), -EBADMSG);     /* an unknown group */
	ck_assert_int_eq(PING("\x52\x03\xff"), -EBADMSG); /* cut */
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(buf_put(&b, "\x50\x01", 2), 0);
	ck_assert_int_eq(unpack_as(&ampoule__ping__descriptor, b.data, b.len), 0);
	ck_assert_int_eq(buf_put(&b, "\x50\x01", 2), 0);
	ck_assert_int_eq(unpack_as(&ampoule__ping__descriptor, b.data, b.len), -EBADMSG);
	buf_release(&b);
}
END_TEST

START_TEST(a_singular_field_comes_once)
{
	ck_assert_int_eq(PING("\x08\x05\x08\x06"), -EBADMSG);
	/* Frame: ping and pong are one oneof, so is ping twice */
	ck_assert_int_eq(unpack_as(&ampoule__frame__descriptor, "\x82\x04\0\x8a\x04\0", 6),
			 -EBADMSG);
	ck_assert_int_eq(unpack_as(&ampoule__frame__descriptor, "\x82\x04\0\x82\x04\0", 6),
			 -EBADMSG);
	ck_assert_int_eq(unpack_as(&ampoule__frame__descriptor, "\x82\x04\0", 3), 0);
}
END_TEST

/* A type of the test's own: messages of ours are neither recursive nor packed, a newer one could be. */
struct nest {
	ProtobufCMessage base;
	struct nest *inner;
	size_t n_numbers;
	uint32_t *numbers;
	size_t n_fixed;
	uint64_t *fixed;
};

extern const ProtobufCMessageDescriptor nest_descriptor;

static const ProtobufCFieldDescriptor nest_fields[] = {
	{.name = "inner",
	 .id = 1,
	 .label = PROTOBUF_C_LABEL_NONE,
	 .type = PROTOBUF_C_TYPE_MESSAGE,
	 .offset = offsetof(struct nest, inner),
	 .descriptor = &nest_descriptor},
	{.name = "numbers",
	 .id = 2,
	 .label = PROTOBUF_C_LABEL_REPEATED,
	 .type = PROTOBUF_C_TYPE_UINT32,
	 .quantifier_offset = offsetof(struct nest, n_numbers),
	 .offset = offsetof(struct nest, numbers)},
	{.name = "fixed",
	 .id = 3,
	 .label = PROTOBUF_C_LABEL_REPEATED,
	 .type = PROTOBUF_C_TYPE_FIXED64,
	 .quantifier_offset = offsetof(struct nest, n_fixed),
	 .offset = offsetof(struct nest, fixed)},
};

static const ProtobufCIntRange nest_ranges[] = {{1, 0}, {0, 3}};

const ProtobufCMessageDescriptor nest_descriptor = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "nest",
	.sizeof_message = sizeof(struct nest),
	.n_fields = 3,
	.fields = nest_fields,
	.n_field_ranges = 1,
	.field_ranges = nest_ranges,
};

START_TEST(nesting_over_the_limit_is_refused)
{
	struct buf b = {0};

	for (unsigned level = 1; level <= 64; level++) {
		cleanup_buf struct buf outer = {0};

		int want = level <= WIRE_DEPTH_MAX ? 0 : -EBADMSG;

		ck_assert_int_eq(unpack_as(&nest_descriptor, b.data, b.len), want);
		ck_assert_int_eq(buf_put_u8(&outer, 0x0a), 0);
		ck_assert_int_eq(buf_put_u8(&outer, (uint8_t)b.len), 0);
		ck_assert_int_eq(buf_put(&outer, b.data, b.len), 0);
		if (outer.len > 127)
			break;
		buf_clear(&b);
		ck_assert_int_eq(buf_put(&b, outer.data, outer.len), 0);
	}
	buf_release(&b);
}
END_TEST

START_TEST(packed_scalars_are_walked_to_their_end)
{
	ProtobufCMessage *message = NULL;

	ck_assert_int_eq(wire_unpack(&nest_descriptor, "\x12\x03\x01\x80\x01", 5, &message), 0);
	const struct nest *nest = (const struct nest *)message;

	ck_assert_uint_eq(nest->n_numbers, 2);
	ck_assert_uint_eq(nest->numbers[1], 128);
	wire_free(message);
	ck_assert_int_eq(unpack_as(&nest_descriptor, "\x10\x01\x10\x02", 4), 0); /* not packed */
	ck_assert_int_eq(unpack_as(&nest_descriptor, "\x12\x02\x01\x80", 4), -EBADMSG);
	ck_assert_int_eq(unpack_as(&nest_descriptor, "\x1a\x08xxxxxxxx", 10), 0);
	ck_assert_int_eq(unpack_as(&nest_descriptor, "\x1a\x07xxxxxxx", 9), -EBADMSG);
}
END_TEST

int main(void)
{
	TCase *framing = tcase_create("framing");
	TCase *limits = tcase_create("limits");
	TCase *walk = tcase_create("walk");

	tcase_add_test(framing, a_frame_comes_back_as_it_was_put);
	tcase_add_test(framing, two_frames_in_one_buffer_come_one_by_one);
	tcase_add_test(framing, a_part_of_a_frame_waits_for_more);
	tcase_add_test(framing, a_length_over_the_limit_is_refused_at_once);
	tcase_add_test(framing, a_length_of_zero_is_refused);
	tcase_add_test(limits, a_message_over_the_limit_is_neither_put_nor_unpacked);
	tcase_add_test(limits, a_megabyte_of_empty_submessages_is_over_the_budget);
	tcase_add_test(limits, a_full_batch_of_events_is_within_the_budget);
	tcase_add_test(limits, nesting_over_the_limit_is_refused);
	tcase_add_test(walk, every_truncation_of_a_frame_is_refused);
	tcase_add_test(walk, a_string_with_a_nul_is_refused);
	tcase_add_loop_test(walk, strings_are_strict_utf8, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(walk, bytes_may_hold_anything);
	tcase_add_test(walk, a_bad_string_deep_inside_is_found);
	tcase_add_test(walk, wrong_wire_types_are_refused);
	tcase_add_test(walk, bad_tags_and_varints_are_refused);
	tcase_add_test(walk, unknown_fields_are_skipped_and_counted);
	tcase_add_test(walk, a_singular_field_comes_once);
	tcase_add_test(walk, packed_scalars_are_walked_to_their_end);
	return suite_run("proto/frame", framing, limits, walk);
}
