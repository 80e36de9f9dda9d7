/* Control frames (microvisor/guest.h) from the guest's side: encoding, and collecting what comes.
 * Pure: no descriptor is touched here. */
#ifndef MESSAGE_FRAME_H
#define MESSAGE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "golden-image/message/fault.h"
#include "microvisor/guest.h"

enum {
	FRAME_HEADER_BYTES = 8,
	FRAME_SENT_MAX = FRAME_HEADER_BYTES + 4 + FAULT_TEXT_MAX
};

/* Collects one frame at a time; open only because it lives in .bss. */
struct frame_reader {
	size_t have;
	/* One byte is spare: launch_parse() ends the last string there. */
	uint8_t bytes[FRAME_HEADER_BYTES + MV_FRAME_BYTES_MAX + 1];
};

struct frame {
	uint32_t type;
	uint32_t bytes;
	uint8_t *payload; /* borrowed from the reader until frame_done() */
};

/* Where the next bytes of the stream go; returns how many at most, never 0. */
size_t frame_want(struct frame_reader *reader, uint8_t **ret_at);
/* n bytes were put there: 1 and *out when a frame is whole, 0 when more is to come, -EBADMSG when its
 * length is over MV_FRAME_BYTES_MAX. */
int frame_got(struct frame_reader *reader, size_t n, struct frame *out)
	__attribute__((warn_unused_result));
/* The frame was used: collect the next one. */
void frame_done(struct frame_reader *reader);

/* Encoders; out has FRAME_SENT_MAX bytes, the length is returned. */
size_t frame_ready(uint8_t *out, uint32_t is_dax);
size_t frame_started(uint8_t *out);
size_t frame_failed(uint8_t *out, const struct fault *fault);
size_t frame_exit(uint8_t *out, uint32_t wait_status);

#endif
