/* The guest's side of the vsock device, in fake memory: a driver that speaks through the transport's
 * registers and rings, and keeps credit as Linux does.
 *
 *	struct guest g;
 *	guest_init(&g);                            device up, RX_COUNT buffers of RX_BYTES given
 *	guest_connect(&g, port);                   REQUEST from source port 1000 + port
 *	guest_send(&g, port, op, payload, n);      one packet
 *	while (guest_receive(&g, &packet)) ...     what the device sent; its buffer is given back
 *	guest_release(&g); */
#ifndef TESTS_SUPPORT_VSOCK_GUEST_H
#define TESTS_SUPPORT_VSOCK_GUEST_H

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "microvisor/virtio/device.h"
#include "microvisor/virtio/vsock.h"

enum {
	GUEST_GPA = 0x100000,
	GUEST_BYTES = 1 << 20,
	GUEST_QUEUE = 64,
	GUEST_RX = 0,
	GUEST_TX = 1,
	GUEST_RINGS = 0x10000, /* per queue, from GUEST_GPA */
	GUEST_RX_BYTES = 4096,
	GUEST_RX_DATA = GUEST_GPA + 0x40000,
	GUEST_TX_DATA = GUEST_GPA + 0x90000,
	GUEST_TX_BYTES = 80 << 10, /* room for one packet that is larger than all credit */
	GUEST_TX_SLOTS = 4,
	GUEST_CREDIT = 256 << 10 /* what the guest's kernel offers */
};

struct guest_packet {
	struct virtio_vsock_hdr h;
	uint32_t used_bytes;
	uint8_t payload[GUEST_RX_BYTES];
};

struct guest {
	struct mv_mem mem;
	struct mv_vsock *vsock;
	uint16_t avail[2];
	uint16_t used_seen[2];
	unsigned interrupts;
	uint32_t fwd_cnt[MV_VSOCK_PORTS]; /* what the guest has taken, per port */
};

static inline uint64_t guest_desc(unsigned q)
{
	return GUEST_GPA + GUEST_RINGS * (uint64_t)q;
}

static inline void *guest_at(struct guest *g, uint64_t gpa)
{
	return g->mem.regions[0].hva + (gpa - GUEST_GPA);
}

static inline void guest_write(struct guest *g, uint32_t reg, uint32_t value)
{
	mv_device_write(mv_vsock_device(g->vsock), reg, &value, sizeof(value));
}

static inline uint32_t guest_read(struct guest *g, uint32_t reg)
{
	uint32_t value;

	mv_device_read(mv_vsock_device(g->vsock), reg, &value, sizeof(value));
	return value;
}

static inline bool guest_needs_reset(struct guest *g)
{
	return guest_read(g, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static inline void guest_desc_set(struct guest *g, unsigned q, unsigned i, uint64_t addr,
				  uint32_t len, uint16_t flags)
{
	struct vring_desc d = {.addr = addr, .len = len, .flags = flags};

	memcpy(guest_at(g, guest_desc(q) + 16ull * i), &d, sizeof(d));
}

/* Makes descriptor i available, without a notification. */
static inline void guest_offer(struct guest *g, unsigned q, unsigned i)
{
	uint16_t *avail = guest_at(g, guest_desc(q) + 0x2000);

	avail[2 + g->avail[q]++ % GUEST_QUEUE] = (uint16_t)i;
	__atomic_store_n(&avail[1], g->avail[q], __ATOMIC_RELEASE);
}

static inline void guest_notify(struct guest *g, unsigned q)
{
	guest_write(g, VIRTIO_MMIO_QUEUE_NOTIFY, q);
}

static inline void guest_give(struct guest *g, unsigned i)
{
	guest_desc_set(g, GUEST_RX, i, GUEST_RX_DATA + (uint64_t)GUEST_RX_BYTES * i, GUEST_RX_BYTES,
		       VRING_DESC_F_WRITE);
	guest_offer(g, GUEST_RX, i);
}

static inline void guest_raise(void *machine, unsigned gsi)
{
	(void)gsi;
	((struct guest *)machine)->interrupts++;
}

/* Up to DRIVER_OK; no receive buffers yet. Also after a reset. */
static inline void guest_up(struct guest *g)
{
	static const uint32_t steps[] = {VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER,
					 VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_CONFIG_S_DRIVER_OK};
	uint32_t status = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (i == 2) {
			guest_write(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
			guest_write(g, VIRTIO_MMIO_DRIVER_FEATURES, 1);
		}
		for (unsigned q = 0; i == 3 && q < 2; q++) {
			guest_write(g, VIRTIO_MMIO_QUEUE_SEL, q);
			guest_write(g, VIRTIO_MMIO_QUEUE_NUM, GUEST_QUEUE);
			guest_write(g, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)guest_desc(q));
			guest_write(g, VIRTIO_MMIO_QUEUE_AVAIL_LOW,
				    (uint32_t)guest_desc(q) + 0x2000);
			guest_write(g, VIRTIO_MMIO_QUEUE_USED_LOW,
				    (uint32_t)guest_desc(q) + 0x3000);
			guest_write(g, VIRTIO_MMIO_QUEUE_READY, 1);
		}
		status |= steps[i];
		guest_write(g, VIRTIO_MMIO_STATUS, status);
	}
}

static inline void guest_init_bare(struct guest *g)
{
	*g = (struct guest){.mem.count = 1};
	g->mem.regions[0] = (struct mv_mem_region){.gpa = GUEST_GPA,
						   .bytes = GUEST_BYTES,
						   .hva = calloc(1, GUEST_BYTES),
						   .writable = true};
	g->vsock = mv_vsock_new(&g->mem);
	mv_vsock_device(g->vsock)->raise = guest_raise;
	mv_vsock_device(g->vsock)->machine = g;
	guest_up(g);
}

static inline void guest_init(struct guest *g)
{
	guest_init_bare(g);
	for (unsigned i = 0; i < GUEST_QUEUE; i++)
		guest_give(g, i);
	guest_notify(g, GUEST_RX);
}

static inline void guest_release(struct guest *g)
{
	mv_device_free(mv_vsock_device(g->vsock));
	free(g->mem.regions[0].hva);
}

/* A stream packet from source port 1000 + port, with honest credit; the caller may change fields. */
static inline struct virtio_vsock_hdr guest_header(const struct guest *g, uint32_t port,
						   uint16_t op)
{
	return (struct virtio_vsock_hdr){
		.src_cid = MV_CID_GUEST,
		.dst_cid = MV_CID_HOST,
		.src_port = 1000 + port,
		.dst_port = port,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.buf_alloc = GUEST_CREDIT,
		.fwd_cnt = port < MV_VSOCK_PORTS ? g->fwd_cnt[port] : 0,
	};
}

/* Puts the header and payload of n bytes into a transmit buffer and offers it. */
static inline void guest_queue_packet(struct guest *g, const struct virtio_vsock_hdr *h,
				      const void *payload, size_t n)
{
	unsigned slot = g->avail[GUEST_TX] % GUEST_TX_SLOTS;
	uint64_t gpa = GUEST_TX_DATA + (uint64_t)GUEST_TX_BYTES * slot;

	memcpy(guest_at(g, gpa), h, sizeof(*h));
	if (n > 0)
		memcpy(guest_at(g, gpa + sizeof(*h)), payload, n);
	guest_desc_set(g, GUEST_TX, slot, gpa, (uint32_t)(sizeof(*h) + n), 0);
	guest_offer(g, GUEST_TX, slot);
}

static inline void guest_packet(struct guest *g, const struct virtio_vsock_hdr *h,
				const void *payload, size_t n)
{
	guest_queue_packet(g, h, payload, n);
	guest_notify(g, GUEST_TX);
}

static inline void guest_send(struct guest *g, uint32_t port, uint16_t op, const void *payload,
			      size_t n)
{
	struct virtio_vsock_hdr h = guest_header(g, port, op);

	h.len = (uint32_t)n;
	guest_packet(g, &h, payload, n);
}

static inline void guest_connect(struct guest *g, uint32_t port)
{
	guest_send(g, port, VIRTIO_VSOCK_OP_REQUEST, NULL, 0);
}

static inline void guest_shutdown(struct guest *g, uint32_t port, uint32_t flags)
{
	struct virtio_vsock_hdr h = guest_header(g, port, VIRTIO_VSOCK_OP_SHUTDOWN);

	h.flags = flags;
	guest_packet(g, &h, NULL, 0);
}

/* The next packet of the device; false when there is none. Does not notify about the buffer. */
static inline bool guest_receive(struct guest *g, struct guest_packet *out)
{
	uint8_t *used = guest_at(g, guest_desc(GUEST_RX) + 0x3000);
	uint16_t index = __atomic_load_n((uint16_t *)(void *)(used + 2), __ATOMIC_ACQUIRE);
	struct vring_used_elem e;

	if (index == g->used_seen[GUEST_RX])
		return false;
	memcpy(&e, used + 4 + 8 * (g->used_seen[GUEST_RX]++ % GUEST_QUEUE), sizeof(e));
	if (e.id >= GUEST_QUEUE) /* a ring that a test has spoilt */
		return false;
	const uint8_t *bytes = guest_at(g, GUEST_RX_DATA + (uint64_t)GUEST_RX_BYTES * e.id);

	memcpy(&out->h, bytes, sizeof(out->h));
	memcpy(out->payload, bytes + sizeof(out->h), GUEST_RX_BYTES - sizeof(out->h));
	out->used_bytes = e.len;
	if (out->h.src_port < MV_VSOCK_PORTS)
		g->fwd_cnt[out->h.src_port] += out->h.len;
	guest_give(g, e.id);
	return true;
}

#endif
