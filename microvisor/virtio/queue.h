/* One split virtqueue (virtio 1.2, section 2.7): turns guest rings into checked chains of buffers.
 *
 * Every descriptor is copied out of guest memory once; nothing is read twice. A ring that breaks the
 * rules gives -EBADMSG once and the device then sets DEVICE_NEEDS_RESET. No allocation.
 * Called with the device's lock held. */
#ifndef MV_VIRTIO_QUEUE_H
#define MV_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "microvisor/virtio/mem.h"

enum {
	MV_QUEUE_SIZE_MAX = 256,
	MV_CHAIN_MAX = MV_QUEUE_SIZE_MAX
};

/* Where the driver put the rings, and how far we are in them; plain data. */
struct mv_ring {
	uint64_t desc_gpa;
	uint64_t avail_gpa;
	uint64_t used_gpa;
	uint16_t size; /* as the driver set it: power of two, 1..MV_QUEUE_SIZE_MAX */
	uint16_t ready;
	uint16_t next_avail; /* our index into the available ring */
	uint16_t next_used;
};

struct mv_queue {
	const struct mv_mem *mem; /* borrowed */
	struct mv_ring ring;
};

/* A popped chain: the device-readable buffers, then the device-writable ones (section 2.7.4.2). */
struct mv_chain {
	uint16_t head;
	unsigned read_count;
	unsigned write_count;
	size_t read_bytes; /* sums */
	size_t write_bytes;
	struct iovec
		read[MV_CHAIN_MAX]; /* windows into guest memory: copy once, never trust twice */
	struct iovec write[MV_CHAIN_MAX];
};

/* Checks size, alignment and place of the rings when the driver sets QueueReady. -EBADMSG. */
int mv_queue_enable(struct mv_queue *queue) __attribute__((warn_unused_result));
void mv_queue_reset(struct mv_queue *queue);
/* 1 and a chain; 0 when the ring is empty or not ready; -EBADMSG for a ring that breaks the rules: an
 * index jump over size, head or next out of range, a loop, INDIRECT, a readable buffer behind a
 * writable one, a buffer outside memory, a sum over 4 GiB. */
int mv_queue_pop(struct mv_queue *queue, struct mv_chain *chain)
	__attribute__((warn_unused_result));
/* Gives the chain back with `written` bytes in its writable part. */
void mv_queue_push(struct mv_queue *queue, uint16_t head, uint32_t written);
/* Whether the driver wants an interrupt for what was pushed (VIRTQ_AVAIL_F_NO_INTERRUPT). */
bool mv_queue_wants_interrupt(const struct mv_queue *queue);

/* Copies out of the readable part from offset; the number of bytes copied. */
size_t mv_chain_read(const struct mv_chain *chain, size_t offset, void *bytes, size_t n);
/* Copies into the writable part at offset; the number of bytes copied. */
size_t mv_chain_write(const struct mv_chain *chain, size_t offset, const void *bytes, size_t n);

#endif
