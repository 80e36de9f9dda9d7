#include "microvisor/guest/frames.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

enum {
	ERRNO_MAX = 4095
};

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint32_t payload_bytes(const struct mv_frames *c)
{
	return get_u32(c->bytes + 4);
}

static void put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

/* Handlers of a whole frame, whose length is right. */

static int on_ready(struct mv_frames *c)
{
	c->is_dax = get_u32(c->bytes + MV_FRAME_HEADER_BYTES + 4);
	if (get_u32(c->bytes + MV_FRAME_HEADER_BYTES) != MV_GUEST_VERSION || c->is_dax > 1)
		return -EBADMSG;
	c->state = MV_FRAMES_READY;
	return 0;
}

static int on_started(struct mv_frames *c)
{
	c->state = MV_FRAMES_RUNNING;
	return 0;
}

/* The text is the guest's word: it will be printed, so only what cannot do harm is kept. */
static int on_failed(struct mv_frames *c)
{
	const uint8_t *text = c->bytes + MV_FRAME_HEADER_BYTES + 4;
	size_t n = payload_bytes(c) - 4;

	c->error = get_u32(c->bytes + MV_FRAME_HEADER_BYTES);
	if (c->error < 1 || c->error > ERRNO_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		c->failure[i] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
	c->failure[n] = 0;
	c->state = MV_FRAMES_OVER;
	return 0;
}

/* A wait status is an exit code or the signal that killed; no task is reported as stopped. */
static int on_end(struct mv_frames *c)
{
	uint32_t status = get_u32(c->bytes + MV_FRAME_HEADER_BYTES);
	uint32_t signo = status & 0x7f;

	if (status > 0xffff || signo == 0x7f || signo > (uint32_t)SIGRTMAX ||
	    (signo != 0 && status > 0xff) || (signo == 0 && (status & 0x80)))
		return -EBADMSG;
	c->wait_status = status;
	c->state = MV_FRAMES_OVER;
	return 0;
}

#define IN(state) (1u << (state))

/* Every frame a guest may send: when, and of which payload length. */
static const struct frame {
	enum mv_frame type;
	unsigned states;
	uint32_t bytes_min;
	uint32_t bytes_max;
	int (*take)(struct mv_frames *control);
} FRAMES[] = {
	{MV_FRAME_READY, IN(MV_FRAMES_BOOTING), 8, 8, on_ready},
	{MV_FRAME_STARTED, IN(MV_FRAMES_LAUNCHED), 0, 0, on_started},
	{MV_FRAME_FAILED, IN(MV_FRAMES_BOOTING) | IN(MV_FRAMES_READY) | IN(MV_FRAMES_LAUNCHED), 4,
	 4 + MV_FAILED_TEXT_MAX, on_failed},
	{MV_FRAME_EXIT, IN(MV_FRAMES_RUNNING), 4, 4, on_end},
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
	int r = f->take(c);

	return r < 0 ? r : (int)f->type;
}

void mv_frames_header(uint8_t *out, enum mv_frame type, uint32_t payload_bytes)
{
	put_u32(out, type);
	put_u32(out + 4, payload_bytes);
}

void mv_frames_signal(uint8_t *out, uint32_t signo)
{
	mv_frames_header(out, MV_FRAME_SIGNAL, 4);
	put_u32(out + MV_FRAME_HEADER_BYTES, signo);
}
