/* The vsock device under a hostile driver. The input is a list of steps: a byte that chooses one, then
 * its arguments. Packets may be of any kind, rings and descriptors may be overwritten with anything, and
 * the owner reads and writes in between. Invariants: no port holds more than its ring, and bytes read
 * are never more than were sent. */
#include <assert.h>
#include <stdint.h>

#include "common/rd.h"
#include "tests/support/vsock_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	STEPS_MAX = 200
};

static bool accept_port(void *context, unsigned port)
{
	(void)port;
	return *(bool *)context;
}

static void wake(void *context, unsigned port)
{
	(void)context;
	assert(port >= MV_PORT_CONTROL && port < MV_VSOCK_PORTS);
}

static void incident(void *context, const char *object)
{
	(void)context;
	assert(object[0]);
}

static const struct mv_vsock_ops ops = {accept_port, wake, incident};

/* A packet to one of a few ports, with a length that may be a lie. */
static void send_packet(struct guest *g, struct rd *r)
{
	static uint8_t payload[1 << 16];
	struct virtio_vsock_hdr h = guest_header(g, rd_u8(r) % 6u, rd_u8(r) % 10u);
	uint16_t n = rd_u16le(r);
	uint8_t twist = rd_u8(r);

	h.len = n;
	h.flags = twist & 3;
	if (twist & 4)
		h.len = rd_u32le(r);
	if (twist & 8)
		h.buf_alloc = rd_u32le(r);
	if (twist & 16)
		h.fwd_cnt = rd_u32le(r);
	if (twist & 32)
		h.dst_cid = rd_u8(r);
	if (twist & 64)
		h.type = rd_u8(r);
	if (twist & 128)
		h.src_port = rd_u8(r);
	guest_packet(g, &h, payload, n);
}

/* Anything into the first page of a queue's descriptors or rings. */
static void spoil(struct guest *g, struct rd *r)
{
	uint64_t part = rd_u8(r) % 3u * (uint64_t)0x1000 + (rd_u8(r) % 2u) * (uint64_t)GUEST_RINGS;
	uint16_t at = rd_u16le(r) % 1000u;
	uint64_t value = rd_u64le(r);

	memcpy(guest_at(g, GUEST_GPA + part + at), &value, sizeof(value));
}

static void use_port(struct guest *g, struct rd *r)
{
	static uint8_t bytes[1 << 16];
	unsigned port = rd_u8(r) % 4u + 1;
	uint16_t n = rd_u16le(r);

	assert(mv_vsock_room(g->vsock, port) <= MV_VSOCK_BUFFER);
	switch (rd_u8(r) % 5u) {
	case 0:
		assert(mv_vsock_read(g->vsock, port, bytes, n) <= n);
		break;
	case 1:
		assert(mv_vsock_write(g->vsock, port, bytes, n) <= n);
		break;
	case 2:
		mv_vsock_end(g->vsock, port);
		break;
	case 3:
		mv_vsock_reset(g->vsock, port);
		break;
	default:
		mv_vsock_continue(g->vsock);
	}
}

static void step(struct guest *g, struct rd *r, bool *accepts)
{
	struct guest_packet packet;

	switch (rd_u8(r) % 8u) {
	case 0:
	case 1:
		send_packet(g, r);
		break;
	case 2:
	case 3:
		use_port(g, r);
		break;
	case 4:
		/* A used element of a spoilt ring may name any buffer; only sound ones are looked at. */
		if (!guest_needs_reset(g) && guest_receive(g, &packet))
			assert(packet.used_bytes <= GUEST_RX_BYTES);
		break;
	case 5:
		spoil(g, r);
		break;
	case 6:
		guest_write(g, rd_u8(r) * 4u, rd_u8(r));
		break;
	default:
		*accepts = rd_u8(r) & 1;
		guest_notify(g, rd_u8(r) % 4u);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	struct guest g;
	bool accepts = true;

	guest_init(&g);
	mv_vsock_serve(g.vsock, &ops, &accepts);
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r) > 0; i++)
		step(&g, &r, &accepts);
	guest_release(&g);
	return 0;
}
