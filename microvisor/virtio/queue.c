#include "microvisor/virtio/queue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

/* The guest may change its rings at any moment, from another vCPU or by device writes into them. So an
 * index, a head and a descriptor are each loaded once, atomically, into locals that the compiler may
 * not load again, and only these locals are checked and used. Rings that overlap each other or a
 * buffer can therefore only spoil the guest's own data. */

enum {
	DESC_BYTES = 16, /* section 2.7.5 */
	USED_ELEMENT_BYTES = 8,
	RING_HEADER_BYTES = 4 /* flags, idx: section 2.7.6 and 2.7.8 */
};

/* Whether a ring may lie there: aligned as in section 2.7, and all of it in memory. */
static bool is_ring(const struct mv_queue *q, uint64_t gpa, uint64_t align, uint64_t bytes)
{
	return gpa % align == 0 && mv_mem_window(q->mem, gpa, bytes, true);
}

int mv_queue_enable(struct mv_queue *q)
{
	uint64_t n = q->ring.size;

	if (n == 0 || n > MV_QUEUE_SIZE_MAX || (n & (n - 1)))
		return -EBADMSG;
	if (!is_ring(q, q->ring.desc_gpa, 16, DESC_BYTES * n) ||
	    !is_ring(q, q->ring.avail_gpa, 2, RING_HEADER_BYTES + 2 * n) ||
	    !is_ring(q, q->ring.used_gpa, 4, RING_HEADER_BYTES + USED_ELEMENT_BYTES * n))
		return -EBADMSG;
	q->ring.next_avail = 0;
	q->ring.next_used = 0;
	q->ring.ready = true;
	return 0;
}

void mv_queue_reset(struct mv_queue *q)
{
	*q = (struct mv_queue){.mem = q->mem};
}

/* A field of a ring, read once; false when it is outside memory. */
static bool load_u16(const struct mv_queue *q, uint64_t gpa, uint16_t *ret_value)
{
	const uint16_t *p = mv_mem_window(q->mem, gpa, sizeof(*p), false);

	if (!p)
		return false;
	*ret_value = __atomic_load_n(p, __ATOMIC_ACQUIRE);
	return true;
}

static bool load_desc(const struct mv_queue *q, uint16_t index, struct vring_desc *ret_desc)
{
	const uint64_t *p = mv_mem_window(q->mem, q->ring.desc_gpa + (uint64_t)DESC_BYTES * index,
					  DESC_BYTES, false);

	if (!p)
		return false;
	uint64_t rest = __atomic_load_n(p + 1, __ATOMIC_RELAXED);

	*ret_desc = (struct vring_desc){.addr = __atomic_load_n(p, __ATOMIC_RELAXED),
					.len = (uint32_t)rest,
					.flags = (uint16_t)(rest >> 32),
					.next = (uint16_t)(rest >> 48)};
	return true;
}

static bool add_buffer(const struct mv_queue *q, struct mv_chain *chain, const struct vring_desc *d)
{
	bool write = d->flags & VRING_DESC_F_WRITE;
	void *at = mv_mem_window(q->mem, d->addr, d->len, write);
	struct iovec v = {.iov_base = at, .iov_len = d->len};

	if (!at || (!write && chain->write_count) ||
	    (uint64_t)chain->read_bytes + chain->write_bytes + d->len > UINT32_MAX)
		return false;
	if (write) {
		chain->write[chain->write_count++] = v;
		chain->write_bytes += d->len;
	} else {
		chain->read[chain->read_count++] = v;
		chain->read_bytes += d->len;
	}
	return true;
}

/* Fills the chain from its head on; false when the descriptors make none. */
static bool walk(const struct mv_queue *q, struct mv_chain *chain)
{
	uint16_t index = chain->head;
	struct vring_desc d;

	/* A chain longer than the queue must have met a descriptor twice: a loop. */
	for (unsigned n = 0; n < q->ring.size; n++) {
		if (index >= q->ring.size || !load_desc(q, index, &d) ||
		    (d.flags & VRING_DESC_F_INDIRECT) || !add_buffer(q, chain, &d))
			return false;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return true;
		index = d.next;
	}
	return false;
}

int mv_queue_pop(struct mv_queue *q, struct mv_chain *chain)
{
	const struct mv_ring *ring = &q->ring;
	uint16_t idx;

	if (!ring->ready)
		return 0;
	if (!load_u16(q, ring->avail_gpa + 2, &idx))
		return -EBADMSG;
	uint16_t waiting = (uint16_t)(idx - ring->next_avail);

	if (waiting == 0)
		return 0;
	uint64_t next =
		ring->avail_gpa + RING_HEADER_BYTES + 2ull * (ring->next_avail % ring->size);

	chain->read_count = chain->write_count = 0;
	chain->read_bytes = chain->write_bytes = 0;
	if (waiting > ring->size || !load_u16(q, next, &chain->head) || !walk(q, chain))
		return -EBADMSG;
	q->ring.next_avail++;
	return 1;
}

void mv_queue_push(struct mv_queue *q, uint16_t head, uint32_t written)
{
	if (!q->ring.ready)
		return;
	uint64_t element = q->ring.used_gpa + RING_HEADER_BYTES +
			   (uint64_t)USED_ELEMENT_BYTES * (q->ring.next_used % q->ring.size);
	uint32_t *e = mv_mem_window(q->mem, element, USED_ELEMENT_BYTES, true);
	uint16_t *idx = mv_mem_window(q->mem, q->ring.used_gpa + 2, sizeof(*idx), true);

	if (!e || !idx)
		return;
	__atomic_store_n(&e[0], head, __ATOMIC_RELAXED);
	__atomic_store_n(&e[1], written, __ATOMIC_RELAXED);
	/* Our own count, never the guest's copy of it: section 2.7.8.1. */
	q->ring.next_used++;
	__atomic_store_n(idx, q->ring.next_used, __ATOMIC_RELEASE);
}

bool mv_queue_wants_interrupt(const struct mv_queue *q)
{
	uint16_t flags;

	if (!q->ring.ready)
		return false;
	/* The index we stored must be visible before we look whether the driver sleeps. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return load_u16(q, q->ring.avail_gpa, &flags) && !(flags & VRING_AVAIL_F_NO_INTERRUPT);
}

/* Walks the part of v that [offset, offset + n) covers; copies out of it or into it. */
static size_t copy(const struct iovec *v, unsigned count, size_t offset, void *out, const void *in,
		   size_t n)
{
	size_t done = 0;

	for (unsigned i = 0; i < count && done < n; i++) {
		if (offset >= v[i].iov_len) {
			offset -= v[i].iov_len;
			continue;
		}
		size_t part = v[i].iov_len - offset;
		uint8_t *at = (uint8_t *)v[i].iov_base + offset;

		if (part > n - done)
			part = n - done;
		if (out)
			memcpy((uint8_t *)out + done, at, part);
		else
			memmove(at, (const uint8_t *)in + done, part);
		done += part;
		offset = 0;
	}
	return done;
}

size_t mv_chain_read(const struct mv_chain *chain, size_t offset, void *bytes, size_t n)
{
	return copy(chain->read, chain->read_count, offset, bytes, NULL, n);
}

size_t mv_chain_write(const struct mv_chain *chain, size_t offset, const void *bytes, size_t n)
{
	return copy(chain->write, chain->write_count, offset, NULL, bytes, n);
}
