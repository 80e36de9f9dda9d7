#include "microvisor/virtio/fifo.h"

#include <assert.h>
#include <string.h>

void mv_fifo_clear(struct mv_fifo *f)
{
	f->first = f->count = 0;
}

const uint8_t *mv_fifo_front(const struct mv_fifo *f, size_t *ret_n)
{
	size_t whole = MV_FIFO_BYTES - f->first;

	*ret_n = f->count < whole ? f->count : whole;
	return f->bytes + f->first;
}

void mv_fifo_drop(struct mv_fifo *f, size_t n)
{
	assert(n <= f->count);
	f->first = (f->first + (uint32_t)n) % MV_FIFO_BYTES;
	f->count -= (uint32_t)n;
	if (f->count == 0)
		f->first = 0;
}

uint8_t *mv_fifo_back(struct mv_fifo *f, size_t *ret_n)
{
	uint32_t at = (f->first + f->count) % MV_FIFO_BYTES;
	size_t whole = MV_FIFO_BYTES - at;
	size_t room = MV_FIFO_BYTES - f->count;

	*ret_n = room < whole ? room : whole;
	return f->bytes + at;
}

void mv_fifo_added(struct mv_fifo *f, size_t n)
{
	assert(n <= MV_FIFO_BYTES - f->count);
	f->count += (uint32_t)n;
}

size_t mv_fifo_put(struct mv_fifo *f, const void *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t part;
		uint8_t *at = mv_fifo_back(f, &part);

		if (part == 0)
			break;
		if (part > n - done)
			part = n - done;
		memcpy(at, (const uint8_t *)bytes + done, part);
		mv_fifo_added(f, part);
		done += part;
	}
	return done;
}

size_t mv_fifo_take(struct mv_fifo *f, void *bytes, size_t n)
{
	size_t done = 0;

	while (done < n && f->count > 0) {
		size_t part;
		const uint8_t *at = mv_fifo_front(f, &part);

		if (part > n - done)
			part = n - done;
		memcpy((uint8_t *)bytes + done, at, part);
		mv_fifo_drop(f, part);
		done += part;
	}
	return done;
}
