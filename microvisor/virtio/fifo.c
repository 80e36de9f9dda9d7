#include "microvisor/virtio/fifo.h"

#include <assert.h>
#include <string.h>

uint8_t *mv_fifo_grow(struct mv_fifo *f, size_t n)
{
	assert(n <= MV_FIFO_BYTES - f->count);
	if (n > MV_FIFO_BYTES - f->first - f->count) {
		memmove(f->bytes, f->bytes + f->first, f->count);
		f->first = 0;
	}
	uint8_t *end = f->bytes + f->first + f->count;

	f->count += (uint32_t)n;
	return end;
}

void mv_fifo_drop(struct mv_fifo *f, size_t n)
{
	assert(n <= f->count);
	f->count -= (uint32_t)n;
	f->first = f->count ? f->first + (uint32_t)n : 0;
}
