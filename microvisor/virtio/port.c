#include "microvisor/virtio/port.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "microvisor/guest.h"

/* Makes place for n bytes behind the last; they are moved to the front when there is no more place there. */
static uint8_t *grow(struct mv_fifo *f, size_t n)
{
	assert(n <= MV_VSOCK_BUFFER - f->count);
	if (n > MV_VSOCK_BUFFER - f->first - f->count) {
		memmove(f->bytes, f->bytes + f->first, f->count);
		f->first = 0;
	}
	uint8_t *end = f->bytes + f->first + f->count;

	f->count += (uint32_t)n;
	return end;
}

static void forget(struct mv_fifo *f, size_t n)
{
	assert(n <= f->count);
	f->count -= (uint32_t)n;
	f->first = f->count ? f->first + (uint32_t)n : 0;
}

void mv_port_open(struct mv_vsock_port *p, const struct virtio_vsock_hdr *h)
{
	p->state = MV_PORT_OPEN;
	p->counts.guest_port = le32toh(h->src_port);
	p->counts.guest_buf_alloc = le32toh(h->buf_alloc);
	p->counts.guest_fwd_cnt = le32toh(h->fwd_cnt);
	p->pending = VIRTIO_VSOCK_OP_RESPONSE;
}

void mv_port_close(struct mv_vsock_port *p, bool rst)
{
	p->state = MV_PORT_DONE;
	p->pending = rst ? VIRTIO_VSOCK_OP_RST : 0;
	p->ending = false;
	p->guest_ended = p->guest_deaf = true;
	forget(&p->out, p->out.count);
}

static const char *refuse(struct mv_vsock_port *p, const char *object)
{
	mv_port_close(p, true);
	return object;
}

/* Every packet carries the credit, so one that waits already will do. */
static void tell_credit(struct mv_vsock_port *p)
{
	if (!p->pending)
		p->pending = VIRTIO_VSOCK_OP_CREDIT_UPDATE;
}

/* The payload of a packet into the port's ring. */
static const char *on_data(struct mv_vsock_port *p, const struct mv_chain *chain, uint32_t n)
{
	if (p->guest_ended)
		return refuse(p, "vsock-flow");
	/* The ring's room is the credit we gave, to the byte. */
	if (n > MV_VSOCK_BUFFER - p->in.count)
		return refuse(p, "vsock-credit");
	p->counts.received += n;
	(void)mv_chain_read(chain, sizeof(struct virtio_vsock_hdr), grow(&p->in, n), n);
	return NULL;
}

static void on_shutdown(struct mv_vsock_port *p, uint32_t flags)
{
	if (flags & VIRTIO_VSOCK_SHUTDOWN_SEND)
		p->guest_ended = true;
	if (flags & VIRTIO_VSOCK_SHUTDOWN_RCV) {
		p->guest_deaf = true;
		forget(&p->out, p->out.count);
	}
	/* Section 5.10.6.6: RST says that the disconnect is complete. */
	if (p->guest_ended && p->guest_deaf)
		mv_port_close(p, true);
}

const char *mv_port_take_packet(struct mv_vsock_port *p, const struct virtio_vsock_hdr *h,
				const struct mv_chain *chain)
{
	p->counts.guest_buf_alloc = le32toh(h->buf_alloc);
	p->counts.guest_fwd_cnt = le32toh(h->fwd_cnt);
	/* More taken than was sent: the difference wraps far over what can be in flight. */
	if (p->counts.sent - p->counts.guest_fwd_cnt > INT32_MAX)
		return refuse(p, "vsock-credit");
	switch (le16toh(h->op)) {
	case VIRTIO_VSOCK_OP_RW:
		return on_data(p, chain, le32toh(h->len));
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		return NULL;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		tell_credit(p);
		return NULL;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		on_shutdown(p, le32toh(h->flags));
		return NULL;
	case VIRTIO_VSOCK_OP_RST:
		mv_port_close(p, false);
		return NULL;
	default: /* REQUEST on a connection, RESPONSE to nothing, unknown ones */
		return refuse(p, "vsock-flow");
	}
}

/* How many bytes the guest has room for. Its counters are its own claim: a wrong one can only keep
 * bytes here or have its kernel drop them. */
static uint32_t credit(const struct mv_vsock_port *p)
{
	uint32_t in_flight = p->counts.sent - p->counts.guest_fwd_cnt;

	return in_flight < p->counts.guest_buf_alloc ? p->counts.guest_buf_alloc - in_flight : 0;
}

static bool has_data(const struct mv_vsock_port *p)
{
	return p->state == MV_PORT_OPEN && p->out.count > 0 && credit(p) > 0;
}

static bool has_shutdown(const struct mv_vsock_port *p)
{
	return p->state == MV_PORT_OPEN && p->ending && !p->shutdown_sent && p->out.count == 0;
}

bool mv_port_has_packet(const struct mv_vsock_port *p)
{
	return p->pending || has_data(p) || has_shutdown(p);
}

/* Chooses the next packet: control first, then bytes in place of mere credit, then the end. Fills op, flags and
 * len, which is at most room bytes. */
static void choose(struct mv_vsock_port *p, struct virtio_vsock_hdr *h, size_t room)
{
	h->op = htole16(p->pending);
	if (has_data(p) && p->pending != VIRTIO_VSOCK_OP_RESPONSE) {
		size_t n = p->out.count < room ? p->out.count : room;

		h->op = htole16(VIRTIO_VSOCK_OP_RW);
		h->len = htole32((uint32_t)(n < credit(p) ? n : credit(p)));
	} else if (!p->pending) {
		h->op = htole16(VIRTIO_VSOCK_OP_SHUTDOWN);
		h->flags = htole32(VIRTIO_VSOCK_SHUTDOWN_SEND);
		p->shutdown_sent = true;
	}
	p->pending = 0;
}

uint32_t mv_port_put_packet(struct mv_vsock_port *p, unsigned number, const struct mv_chain *chain)
{
	struct virtio_vsock_hdr h = {
		.src_cid = htole64(MV_CID_HOST),
		.dst_cid = htole64(MV_CID_GUEST),
		.src_port = htole32(number),
		.dst_port = htole32(p->counts.guest_port),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
		.buf_alloc = htole32(MV_VSOCK_BUFFER),
		.fwd_cnt = htole32(p->counts.taken),
	};

	choose(p, &h, chain->write_bytes - sizeof(h));
	uint32_t n = le32toh(h.len);

	p->counts.told = p->counts.taken;
	p->counts.sent += n;
	(void)mv_chain_write(chain, 0, &h, sizeof(h));
	(void)mv_chain_write(chain, sizeof(h), p->out.bytes + p->out.first, n);
	forget(&p->out, n);
	return (uint32_t)sizeof(h) + n;
}

size_t mv_port_room(const struct mv_vsock_port *p)
{
	if (p->state != MV_PORT_OPEN || p->guest_deaf || p->ending)
		return 0;
	return MV_VSOCK_BUFFER - p->out.count;
}

size_t mv_port_read(struct mv_vsock_port *p, void *bytes, size_t n)
{
	n = n < p->in.count ? n : p->in.count;
	memcpy(bytes, p->in.bytes + p->in.first, n);
	forget(&p->in, n);
	p->counts.taken += (uint32_t)n;
	/* A guest without credit has received - told = the whole ring: it is told at the first byte. */
	if (p->state == MV_PORT_OPEN && n > 0 &&
	    p->counts.received - p->counts.told >= MV_VSOCK_BUFFER / 2)
		tell_credit(p);
	return n;
}

size_t mv_port_write(struct mv_vsock_port *p, const void *bytes, size_t n)
{
	size_t room = mv_port_room(p);

	n = n < room ? n : room;
	memcpy(grow(&p->out, n), bytes, n);
	return n;
}
