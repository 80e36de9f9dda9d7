/* A ring of 64 KiB of bytes: what one direction of a vsock port holds. Plain data, no allocation; the
 * owner's lock guards it. An empty ring starts anew at its first byte, so that a quiet stream only ever
 * touches its first page. */
#ifndef MV_VIRTIO_FIFO_H
#define MV_VIRTIO_FIFO_H

#include <stddef.h>
#include <stdint.h>

enum {
	MV_FIFO_BYTES = 64 << 10
};

struct mv_fifo {
	uint32_t first; /* index of the oldest byte */
	uint32_t count;
	uint8_t bytes[MV_FIFO_BYTES];
};

/* Forgets all bytes. */
void mv_fifo_clear(struct mv_fifo *fifo);
/* Appends up to n bytes; the number that had room. */
size_t mv_fifo_put(struct mv_fifo *fifo, const void *bytes, size_t n);
/* Moves up to n of the oldest bytes out; their number. */
size_t mv_fifo_take(struct mv_fifo *fifo, void *bytes, size_t n);
/* The oldest bytes that lie in one piece, and how many; they stay until mv_fifo_drop(). */
const uint8_t *mv_fifo_front(const struct mv_fifo *fifo, size_t *ret_n);
/* Forgets the n oldest bytes; n is at most count. */
void mv_fifo_drop(struct mv_fifo *fifo, size_t n);
/* Where the next bytes go in one piece, and how many fit; mv_fifo_added() makes them count. */
uint8_t *mv_fifo_back(struct mv_fifo *fifo, size_t *ret_n);
void mv_fifo_added(struct mv_fifo *fifo, size_t n);

#endif
