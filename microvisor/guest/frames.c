#include "microvisor/guest/frames.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
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

static void put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static int on_ready(struct mv_frames *c, const uint8_t *payload, size_t n)
{
	(void)n;
	c->is_dax = get_u32(payload + 4);
	if (get_u32(payload) != MV_GUEST_VERSION || c->is_dax > 1)
		return -EBADMSG;
	c->state = MV_FRAMES_READY;
	return 0;
}

static int on_started(struct mv_frames *c, const uint8_t *payload, size_t n)
{
	(void)payload;
	(void)n;
	c->state = MV_FRAMES_RUNNING;
	return 0;
}

/* The text is the guest's word: it will be printed, so only what cannot do harm is kept. */
static int on_failed(struct mv_frames *c, const uint8_t *payload, size_t n)
{
	c->error = get_u32(payload);
	if (c->error < 1 || c->error > ERRNO_MAX)
		return -EBADMSG;
	for (size_t i = 4; i < n; i++)
		c->failure[i - 4] =
			(char)(payload[i] >= ' ' && payload[i] <= '~' ? payload[i] : '?');
	c->failure[n - 4] = 0;
	c->state = MV_FRAMES_OVER;
	return 0;
}

/* A wait status is an exit code or the signal that killed; no task is reported as stopped. */
static int on_end(struct mv_frames *c, const uint8_t *payload, size_t n)
{
	uint32_t status = get_u32(payload);
	uint32_t signo = status & 0x7f;

	(void)n;
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
	int (*take)(struct mv_frames *control, const uint8_t *payload, size_t n);
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
	uint32_t type = get_u32(c->bytes);
	uint32_t bytes = get_u32(c->bytes + 4);

	for (size_t i = 0; i < sizeof(FRAMES) / sizeof(FRAMES[0]); i++) {
		const struct frame *f = &FRAMES[i];

		if (type == (uint32_t)f->type)
			return (f->states & IN(c->state)) && bytes >= f->bytes_min &&
					       bytes <= f->bytes_max
				       ? f
				       : NULL;
	}
	return NULL;
}

/* Collects up to `until` bytes in all; true when they are there. */
static bool collect(struct mv_frames *c, size_t until, const uint8_t **bytes, size_t *n)
{
	size_t part = until - c->have;

	part = part < *n ? part : *n;
	if (part > 0)
		memcpy(c->bytes + c->have, *bytes, part);
	c->have += part;
	*bytes += part;
	*n -= part;
	return c->have == until;
}

int mv_frames_take(struct mv_frames *c, const uint8_t *bytes, size_t n, size_t *ret_used)
{
	size_t all = n;

	*ret_used = 0;
	if (c->have < MV_FRAME_HEADER_BYTES && !collect(c, MV_FRAME_HEADER_BYTES, &bytes, &n)) {
		*ret_used = all;
		/* A byte in the wrong state is already too much. */
		return c->state == MV_FRAMES_OVER && all > 0 ? -EBADMSG : 0;
	}
	const struct frame *f = expected(c);

	if (!f)
		return -EBADMSG;
	size_t payload = get_u32(c->bytes + 4);
	bool whole = collect(c, MV_FRAME_HEADER_BYTES + payload, &bytes, &n);

	*ret_used = all - n;
	if (!whole)
		return 0;
	c->have = 0;
	int r = f->take(c, c->bytes + MV_FRAME_HEADER_BYTES, payload);

	return r < 0 ? r : (int)f->type;
}

void mv_frames_launched(struct mv_frames *c)
{
	if (c->state == MV_FRAMES_READY)
		c->state = MV_FRAMES_LAUNCHED;
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
