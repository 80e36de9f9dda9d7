/* A store of 64 KiB of bytes, first in, first out: what one direction of a vsock port holds. Plain data, no
 * allocation; the owner's lock guards it.
 *
 * The bytes always lie in one piece, and are moved to the front when there is no more place behind them.
 * An empty store starts anew at its first byte, so that a quiet stream only ever touches its first page. */
#ifndef MV_VIRTIO_FIFO_H
#define MV_VIRTIO_FIFO_H

#include <stddef.h>
#include <stdint.h>

enum {
	MV_FIFO_BYTES = 64 << 10
};

struct mv_fifo {
	uint32_t first; /* index of the oldest byte; the others follow it */
	uint32_t count;
	uint8_t bytes[MV_FIFO_BYTES];
};

/* Makes place for n bytes behind the last, for the caller to fill; n is at most MV_FIFO_BYTES - count. */
uint8_t *mv_fifo_grow(struct mv_fifo *fifo, size_t n);
/* Forgets the n oldest bytes; n is at most count. */
void mv_fifo_drop(struct mv_fifo *fifo, size_t n);

#endif
