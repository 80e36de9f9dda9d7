#include "proto/frame.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>

#include "common/rd.h"

/* Nothing reaches protobuf-c before walk() has agreed to every byte of it: the walk knows the descriptor,
 * so it refuses what protobuf-c would silently repair (a string cut at a NUL, the second value of a
 * singular field winning, groups). What is left to the library is memory, and that has a budget. */

enum {
	FRAME_HEADER_BYTES = 4,
	FIELDS_MAX = 64,  /* of one message type of ours: they are tracked in a 64-bit set */
	UNKNOWN_MAX = 64, /* fields of a newer peer in one frame; protobuf-c keeps a copy of each */
	VARINT_MAX = 10,  /* Protocol Buffers, "Encoding": a varint has at most ten bytes */
	SHORT_VARINT_MAX = 5, /* tags and lengths: protobuf-c reads no more */
	ALLOCATION_BYTES = 16 /* what malloc keeps beside each block */
};

/* Protocol Buffers, "Encoding", section "Message Structure". */
enum {
	WIRETYPE_VARINT = 0,
	WIRETYPE_I64 = 1,
	WIRETYPE_LEN = 2,
	WIRETYPE_I32 = 5
};

struct budget {
	size_t left_bytes;
	int error; /* of the allocation that failed, 0 when none did */
};

struct walk {
	unsigned depth;
	unsigned unknown;
};

static int walk(struct walk *w, const ProtobufCMessageDescriptor *type, struct rd r);

static void *budget_alloc(void *data, size_t n)
{
	struct budget *b = data;

	if (n > b->left_bytes) {
		b->error = -EFBIG;
		return NULL;
	}
	void *p = malloc(n);

	if (!p) {
		b->error = -ENOMEM;
		return NULL;
	}
	size_t taken = malloc_usable_size(p) + ALLOCATION_BYTES;

	b->left_bytes -= taken < b->left_bytes ? taken : b->left_bytes;
	return p;
}

static void budget_free(void *data, void *p)
{
	struct budget *b = data;

	if (p)
		b->left_bytes += malloc_usable_size(p) + ALLOCATION_BYTES;
	free(p);
}

/* A varint of at most max bytes; sets r->bad when it is longer, cut, or over 64 bits. */
static uint64_t read_varint(struct rd *r, unsigned max)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < max; i++) {
		uint8_t byte = rd_u8(r);

		if (r->bad)
			return 0;
		if (i == VARINT_MAX - 1 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80))
			return value;
	}
	r->bad = true;
	return 0;
}

static struct rd read_chunk(struct rd *r)
{
	uint64_t n = read_varint(r, SHORT_VARINT_MAX);
	const uint8_t *p = n <= INT_MAX ? rd_bytes(r, (size_t)n) : NULL;

	if (!p) {
		r->bad = true;
		return rd_of("", 0);
	}
	return rd_of(p, (size_t)n);
}

/* The length of the UTF-8 sequence at the front of r, 0 when it is none (RFC 3629, section 4). */
static size_t utf8_sequence(struct rd r)
{
	size_t left = rd_left(&r);
	const uint8_t *p = r.ptr;

	if (p[0] < 0x80)
		return p[0] ? 1 : 0;
	if (left < 2 || (p[1] & 0xc0) != 0x80)
		return 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return 2;
	if (left < 3 || (p[2] & 0xc0) != 0x80)
		return 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
		bool surrogate = p[0] == 0xed && p[1] > 0x9f;

		return overlong || surrogate ? 0 : 3;
	}
	if (left < 4 || (p[3] & 0xc0) != 0x80 || p[0] < 0xf0 || p[0] > 0xf4)
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

static int check_string(struct rd r)
{
	while (rd_left(&r)) {
		size_t n = utf8_sequence(r);

		if (!n)
			return -EILSEQ;
		(void)rd_bytes(&r, n); /* n bytes are there: utf8_sequence() looked at them */
	}
	return 0;
}

static unsigned wiretype_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRETYPE_I32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRETYPE_I64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRETYPE_LEN;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
		break;
	}
	return WIRETYPE_VARINT;
}

static void skip_scalar(struct rd *r, unsigned wiretype)
{
	if (wiretype == WIRETYPE_VARINT)
		(void)read_varint(r, VARINT_MAX); /* only its length matters */
	else if (wiretype == WIRETYPE_I64)
		(void)rd_bytes(r, 8); /* a short read shows in r->bad */
	else if (wiretype == WIRETYPE_I32)
		(void)rd_bytes(r, 4);
	else
		r->bad = true;
}

static int check_packed(struct rd r, unsigned wiretype)
{
	while (rd_left(&r))
		skip_scalar(&r, wiretype);
	return r.bad ? -EBADMSG : 0;
}

static int walk_unknown(struct walk *w, struct rd *r, unsigned wiretype)
{
	if (++w->unknown > UNKNOWN_MAX)
		return -EBADMSG;
	if (wiretype == WIRETYPE_LEN)
		(void)read_chunk(r); /* a cut one shows in r->bad */
	else
		skip_scalar(r, wiretype);
	return r->bad ? -EBADMSG : 0;
}

static int walk_known(struct walk *w, const ProtobufCFieldDescriptor *field, struct rd *r,
		      unsigned wiretype)
{
	unsigned wanted = wiretype_of(field->type);

	if (wiretype == WIRETYPE_LEN) {
		struct rd chunk = read_chunk(r);

		if (r->bad)
			return -EBADMSG;
		if (field->type == PROTOBUF_C_TYPE_STRING)
			return check_string(chunk);
		if (field->type == PROTOBUF_C_TYPE_BYTES)
			return 0;
		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			return walk(w, field->descriptor, chunk);
		if (field->label != PROTOBUF_C_LABEL_REPEATED)
			return -EBADMSG;
		return check_packed(chunk, wanted);
	}
	if (wiretype != wanted)
		return -EBADMSG;
	skip_scalar(r, wiretype);
	return r->bad ? -EBADMSG : 0;
}

/* The set of fields that may not come again once this one came: itself, or its whole oneof. */
static uint64_t rivals_of(const ProtobufCMessageDescriptor *type,
			  const ProtobufCFieldDescriptor *field)
{
	uint64_t set = 0;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return 0;
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *other = &type->fields[i];
		bool same_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
				  (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
				  other->quantifier_offset == field->quantifier_offset;

		if (other == field || same_oneof)
			set |= UINT64_C(1) << i;
	}
	return set;
}

static int walk_fields(struct walk *w, const ProtobufCMessageDescriptor *type, struct rd r)
{
	uint64_t closed = 0;

	while (rd_left(&r)) {
		uint64_t tag = read_varint(&r, SHORT_VARINT_MAX);

		if (r.bad || tag > UINT32_MAX || tag >> 3 == 0)
			return -EBADMSG;
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
		int e;

		if (field) {
			if (closed & UINT64_C(1) << (field - type->fields))
				return -EBADMSG;
			closed |= rivals_of(type, field);
			e = walk_known(w, field, &r, tag & 7);
		} else {
			e = walk_unknown(w, &r, tag & 7);
		}
		if (e < 0)
			return e;
	}
	return 0;
}

static int walk(struct walk *w, const ProtobufCMessageDescriptor *type, struct rd r)
{
	assert(type->n_fields <= FIELDS_MAX);
	if (w->depth == WIRE_DEPTH_MAX)
		return -EBADMSG;
	w->depth++;
	int e = walk_fields(w, type, r);

	w->depth--;
	return e;
}

int wire_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n,
		ProtobufCMessage **ret_message)
{
	if (n > WIRE_FRAME_BYTES_MAX)
		return -EFBIG;
	struct walk w = {0};
	int r = walk(&w, type, rd_of(bytes, n));

	if (r < 0)
		return r;
	struct budget budget = {.left_bytes = WIRE_BUDGET_BYTES};
	ProtobufCAllocator allocator = {
		.alloc = budget_alloc, .free = budget_free, .allocator_data = &budget};
	ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, n, bytes);

	if (!message)
		return budget.error ? budget.error : -EBADMSG;
	*ret_message = message;
	return 0;
}

void wire_free(ProtobufCMessage *message)
{
	/* The budget's memory is malloc's, which is what protobuf-c frees without an allocator. */
	if (message)
		protobuf_c_message_free_unpacked(message, NULL);
}

struct sink {
	ProtobufCBuffer base; /* first: protobuf-c hands back a pointer to it */
	struct buf *out;      /* borrowed */
	int error;
};

static void sink_append(ProtobufCBuffer *base, size_t n, const uint8_t *bytes)
{
	struct sink *sink = (struct sink *)base;

	if (sink->error == 0)
		sink->error = buf_put(sink->out, bytes, n);
}

int wire_put_message(struct buf *out, const ProtobufCMessage *message)
{
	struct sink sink = {.base = {.append = sink_append}, .out = out};
	size_t before = out->len;

	if (protobuf_c_message_get_packed_size(message) > WIRE_FRAME_BYTES_MAX)
		return -EFBIG;
	(void)protobuf_c_message_pack_to_buffer(message, &sink.base); /* its size is known */
	if (sink.error < 0)
		out->len = before;
	return sink.error;
}

int wire_put_frame(struct buf *out, const ProtobufCMessage *message)
{
	size_t before = out->len;
	size_t n = protobuf_c_message_get_packed_size(message);

	if (n > WIRE_FRAME_BYTES_MAX)
		return -EFBIG;
	int r = buf_put_u32le(out, __builtin_bswap32((uint32_t)n));

	if (r == 0)
		r = wire_put_message(out, message);
	if (r < 0)
		out->len = before;
	return r;
}

int wire_next_frame(const struct buf *in, const uint8_t **ret_body, size_t *ret_bytes,
		    size_t *ret_used)
{
	struct rd r = rd_of(in->data, in->len);
	uint32_t n = rd_u32be(&r);

	if (r.bad)
		return 0;
	if (n == 0)
		return -EBADMSG;
	if (n > WIRE_FRAME_BYTES_MAX)
		return -EFBIG;
	const uint8_t *body = rd_bytes(&r, n);

	if (!body)
		return 0;
	*ret_body = body;
	*ret_bytes = n;
	*ret_used = FRAME_HEADER_BYTES + (size_t)n;
	return 1;
}
