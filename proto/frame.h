/* Frames: {u32 big endian length, protobuf Frame}, and the one way protobuf from outside is unpacked.
 *
 * protobuf-c 1.4.1 turns small frames into large trees, decodes a string with a NUL inside as its front
 * part and accepts invalid UTF-8. wire_unpack() therefore walks the bytes first, by the message's
 * descriptor, and unpacks with an allocator that has a budget. Any thread; no state. */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"

enum {
	WIRE_FRAME_BYTES_MAX = 2 << 20, /* body of one frame */
	WIRE_BUDGET_BYTES = 8 << 20,    /* memory one unpacked frame may take */
	WIRE_DEPTH_MAX = 8
};

/* Unpacks n bytes as the described message. The tree is freed with wire_free().
 * -EBADMSG: not protobuf, wrong wire type, too deep; -EILSEQ: a string with NUL or invalid UTF-8;
 * -EFBIG: n above WIRE_FRAME_BYTES_MAX or the budget exceeded; -ENOMEM. */
int wire_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n,
		ProtobufCMessage **ret_message) must_check;
void wire_free(ProtobufCMessage *message);

/* Appends the message packed, with its length in front when framed. -EFBIG above the limit, -ENOMEM. */
int wire_put_frame(struct buf *out, const ProtobufCMessage *message) must_check;
int wire_put_message(struct buf *out, const ProtobufCMessage *message) must_check;

/* Looks at the front of a receive buffer: 1 and the body (borrowed) when a whole frame is there, with
 * *ret_used the bytes to consume afterwards; 0 when more is needed; -EFBIG for a length over the limit,
 * -EBADMSG for a length of 0. */
int wire_next_frame(const struct buf *in, const uint8_t **ret_body, size_t *ret_bytes,
		    size_t *ret_used) must_check;

#endif
