/* A vsock device with a guest and an owner that notes what it is told: the fixture of its tests. */
#ifndef TESTS_SUPPORT_VSOCK_OWNER_H
#define TESTS_SUPPORT_VSOCK_OWNER_H

#include <check.h>

#include "tests/support/vsock_guest.h"

static struct guest g;
static struct guest_packet packet;

/* What the device told its owner. */
static struct owner {
	bool refuses;
	unsigned wakes[MV_VSOCK_PORTS];
	unsigned incidents;
	const char *incident;
} owner;

static inline bool accept_port(void *context, unsigned port)
{
	(void)port;
	return !((struct owner *)context)->refuses;
}

static inline void wake(void *context, unsigned port)
{
	((struct owner *)context)->wakes[port]++;
}

static inline void incident(void *context, const char *object)
{
	((struct owner *)context)->incident = object;
	((struct owner *)context)->incidents++;
}

static const struct mv_vsock_ops ops = {accept_port, wake, incident};

static inline void setup(void)
{
	owner = (struct owner){0};
	guest_init(&g);
	mv_vsock_serve(g.vsock, &ops, &owner);
}

static inline void teardown(void)
{
	guest_release(&g);
}

/* Expects one packet of this kind, and nothing else about it. */
static inline void expect(uint32_t port, uint16_t op)
{
	ck_assert(guest_receive(&g, &packet));
	ck_assert_uint_eq(packet.h.op, op);
	ck_assert_uint_eq(packet.h.src_port, port);
	ck_assert_uint_eq(packet.h.dst_port, 1000 + port);
	ck_assert_uint_eq(packet.h.src_cid, MV_CID_HOST);
	ck_assert_uint_eq(packet.h.dst_cid, MV_CID_GUEST);
	ck_assert_uint_eq(packet.used_bytes, sizeof(packet.h) + packet.h.len);
}

static inline void expect_nothing(void)
{
	ck_assert(!guest_receive(&g, &packet));
}

static inline void open_port(uint32_t port)
{
	guest_connect(&g, port);
	expect(port, VIRTIO_VSOCK_OP_RESPONSE);
}

static inline unsigned ready(unsigned port)
{
	return mv_vsock_ready(g.vsock, port);
}

#endif
