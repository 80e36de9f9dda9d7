/* The driver's side of a split virtqueue in fake guest memory, for tests of queues and devices.
 *
 *	struct ring ring;
 *	ring_init(&ring);                     1 MiB of memory at RING_GPA, a queue of RING_SIZE
 *	ring_desc(&ring, 0, gpa, len, flags, next);
 *	ring_offer(&ring, 0);                 puts chain head 0 into the available ring
 *	... mv_queue_pop(&ring.queue, &chain) ...
 *	ring_release(&ring); */
#ifndef TESTS_SUPPORT_RING_H
#define TESTS_SUPPORT_RING_H

#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "microvisor/virtio/queue.h"

enum {
	RING_GPA = 0x10000,
	RING_BYTES = 1 << 20,
	RING_DESC = RING_GPA,
	RING_AVAIL = RING_GPA + 0x2000,
	RING_USED = RING_GPA + 0x3000,
	RING_DATA = RING_GPA + 0x4000, /* free for buffers from here */
	RING_SIZE = 8,
	RING_ROOT_GPA = 0x40000000, /* a second, read-only region of one page */
	RING_ROOT_BYTES = 0x1000
};

struct ring {
	struct mv_mem mem;
	struct mv_queue queue;
	uint16_t offered; /* heads put into the available ring */
};

/* Borrowed host address of a fake guest physical address; NULL outside memory. */
static inline void *ring_at(const struct ring *ring, uint64_t gpa, size_t n)
{
	return mv_mem_window(&ring->mem, gpa, n, false);
}

static inline void ring_init(struct ring *ring)
{
	*ring = (struct ring){.mem.count = 2};
	ring->mem.regions[0] = (struct mv_mem_region){.gpa = RING_GPA,
						      .bytes = RING_BYTES,
						      .hva = calloc(1, RING_BYTES),
						      .writable = true};
	ring->mem.regions[1] = (struct mv_mem_region){
		.gpa = RING_ROOT_GPA, .bytes = RING_ROOT_BYTES, .hva = calloc(1, RING_ROOT_BYTES)};
	ring->queue = (struct mv_queue){.mem = &ring->mem,
					.ring.size = RING_SIZE,
					.ring.desc_gpa = RING_DESC,
					.ring.avail_gpa = RING_AVAIL,
					.ring.used_gpa = RING_USED};
}

static inline void ring_release(struct ring *ring)
{
	for (unsigned i = 0; i < ring->mem.count; i++)
		free(ring->mem.regions[i].hva);
}

static inline void ring_desc(struct ring *ring, uint16_t index, uint64_t addr, uint32_t len,
			     uint16_t flags, uint16_t next)
{
	struct vring_desc d = {.addr = addr, .len = len, .flags = flags, .next = next};

	memcpy(ring_at(ring, RING_DESC + 16ull * index, 16), &d, sizeof(d));
}

/* Makes head available at the place of the last index, and moves the index by one. */
static inline void ring_offer(struct ring *ring, uint16_t head)
{
	uint16_t *avail = ring_at(ring, RING_AVAIL, 4 + 2 * RING_SIZE);

	avail[2 + ring->offered++ % RING_SIZE] = head;
	avail[1] = ring->offered;
}

/* Sets the available ring's flags and index to anything. */
static inline void ring_avail(struct ring *ring, uint16_t flags, uint16_t index)
{
	uint16_t *avail = ring_at(ring, RING_AVAIL, 4);

	avail[0] = flags;
	avail[1] = index;
}

/* The device's index in the used ring, and one element of it. */
static inline uint16_t ring_used_index(const struct ring *ring)
{
	const uint16_t *used = ring_at(ring, RING_USED, 4);

	return used[1];
}

static inline struct vring_used_elem ring_used(const struct ring *ring, uint16_t i)
{
	struct vring_used_elem e;

	memcpy(&e, ring_at(ring, RING_USED + 4 + 8ull * (i % RING_SIZE), sizeof(e)), sizeof(e));
	return e;
}

#endif
