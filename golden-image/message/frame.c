#include "golden-image/message/frame.h"

#include <errno.h>
#include <string.h>

#include "common/rd.h"

static uint32_t payload_bytes(const struct frame_reader *r)
{
	struct rd rd = rd_of(r->bytes + 4, 4);

	return rd_u32le(&rd);
}

/* Never past the frame's end: what follows it belongs to the next one. */
size_t frame_want(struct frame_reader *r, uint8_t **ret_at)
{
	size_t whole = FRAME_HEADER_BYTES;

	if (r->have >= FRAME_HEADER_BYTES)
		whole += payload_bytes(r);
	*ret_at = r->bytes + r->have;
	return whole - r->have;
}

int frame_got(struct frame_reader *r, size_t n, struct frame *out)
{
	r->have += n;
	if (r->have < FRAME_HEADER_BYTES)
		return 0;
	uint32_t bytes = payload_bytes(r);

	if (bytes > MV_FRAME_BYTES_MAX)
		return -EBADMSG;
	if (r->have < FRAME_HEADER_BYTES + bytes)
		return 0;
	struct rd rd = rd_of(r->bytes, 4);

	*out = (struct frame){
		.type = rd_u32le(&rd),
		.bytes = bytes,
		.payload = r->bytes + FRAME_HEADER_BYTES,
	};
	return 1;
}

void frame_done(struct frame_reader *r)
{
	r->have = 0;
}

static size_t put_u32(uint8_t *out, size_t at, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		out[at + i] = (uint8_t)(v >> (8 * i));
	return at + 4;
}

static size_t put_header(uint8_t *out, uint32_t type, size_t bytes)
{
	return put_u32(out, put_u32(out, 0, type), (uint32_t)bytes);
}

size_t frame_ready(uint8_t *out, uint32_t is_dax)
{
	size_t at = put_header(out, MV_FRAME_READY, 8);

	return put_u32(out, put_u32(out, at, MV_GUEST_VERSION), is_dax);
}

size_t frame_started(uint8_t *out)
{
	return put_header(out, MV_FRAME_STARTED, 0);
}

size_t frame_failed(uint8_t *out, const struct fault *fault)
{
	size_t n = strnlen(fault->text, FAULT_TEXT_MAX);
	size_t at = put_header(out, MV_FRAME_FAILED, 4 + n);

	at = put_u32(out, at, (uint32_t)-fault->code);
	memcpy(out + at, fault->text, n);
	return at + n;
}

size_t frame_exit(uint8_t *out, uint32_t wait_status)
{
	return put_u32(out, put_header(out, MV_FRAME_EXIT, 4), wait_status);
}
