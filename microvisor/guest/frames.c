#include "microvisor/guest/frames.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

enum {
	ERRNO_MAX = 4095
};

/* Guests are little endian, as we are. */
static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t payload_bytes(const struct mv_frames *c)
{
	return get_u32(c->bytes + 4);
}

/* The text is the guest's word: it will be printed, so only what cannot do harm is kept. */
static void keep_failure(struct mv_frames *c)
{
	const uint8_t *text = c->bytes + MV_FRAME_HEADER_BYTES + 4;
	size_t n = payload_bytes(c) - 4;

	for (size_t i = 0; i < n; i++)
		c->failure[i] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
	c->failure[n] = 0;
}

/* A wait status is an exit code or the signal that killed; no task is reported as stopped. */
static bool is_end(uint32_t status)
{
	uint32_t signo = status & 0x7f;

	return status <= 0xffff && signo != 0x7f && signo <= (uint32_t)SIGRTMAX &&
	       (signo == 0 ? !(status & 0x80) : status <= 0xff);
}

/* A whole frame, whose length is right. Whether what is in it is. */
static bool take(struct mv_frames *c, uint32_t type)
{
	uint32_t first = get_u32(c->bytes + MV_FRAME_HEADER_BYTES);

	c->state = MV_FRAMES_OVER;
	switch (type) {
	case MV_FRAME_READY:
		c->state = MV_FRAMES_READY;
		c->is_dax = get_u32(c->bytes + MV_FRAME_HEADER_BYTES + 4);
		return first == MV_GUEST_VERSION && c->is_dax <= 1;
	case MV_FRAME_STARTED:
		c->state = MV_FRAMES_RUNNING;
		return true;
	case MV_FRAME_FAILED:
		c->error = first;
		keep_failure(c);
		return first >= 1 && first <= ERRNO_MAX;
	default: /* EXIT: expected() lets no other through */
		c->wait_status = first;
		return is_end(first);
	}
}

#define IN(state) (1u << (state))

/* Every frame a guest may send: when, and of which payload length. */
static const struct frame {
	enum mv_frame type;
	unsigned states;
	uint32_t bytes_min;
	uint32_t bytes_max;
} FRAMES[] = {
	{MV_FRAME_READY, IN(MV_FRAMES_BOOTING), 8, 8},
	{MV_FRAME_STARTED, IN(MV_FRAMES_LAUNCHED), 0, 0},
	{MV_FRAME_FAILED, IN(MV_FRAMES_BOOTING) | IN(MV_FRAMES_READY) | IN(MV_FRAMES_LAUNCHED), 4,
	 4 + MV_FAILED_TEXT_MAX},
	{MV_FRAME_EXIT, IN(MV_FRAMES_RUNNING), 4, 4},
};

/* The row for the collected header, or NULL when such a frame may not come now. */
static const struct frame *expected(const struct mv_frames *c)
{
	for (size_t i = 0; i < sizeof(FRAMES) / sizeof(FRAMES[0]); i++) {
		const struct frame *f = &FRAMES[i];

		if (get_u32(c->bytes) == (uint32_t)f->type && (f->states & IN(c->state)) &&
		    payload_bytes(c) >= f->bytes_min && payload_bytes(c) <= f->bytes_max)
			return f;
	}
	return NULL;
}

uint8_t *mv_frames_room(struct mv_frames *c, size_t *ret_n)
{
	size_t until = MV_FRAME_HEADER_BYTES;

	if (c->have >= until)
		until += payload_bytes(c); /* checked when the header was complete */
	*ret_n = until - c->have;
	return c->bytes + c->have;
}

int mv_frames_added(struct mv_frames *c, size_t n)
{
	c->have += n;
	/* A byte in the wrong state is already too much. */
	if (c->have < MV_FRAME_HEADER_BYTES)
		return c->state == MV_FRAMES_OVER && n > 0 ? -EBADMSG : 0;
	const struct frame *f = expected(c);

	if (!f)
		return -EBADMSG;
	if (c->have < MV_FRAME_HEADER_BYTES + payload_bytes(c))
		return 0;
	c->have = 0;
	return take(c, (uint32_t)f->type) ? (int)f->type : -EBADMSG;
}
