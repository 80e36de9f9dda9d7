#include "microvisor/virtio/vsock.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>

/* Everything here runs with the device's lock held, save the outermost lines of each public function.
 *
 * What the guest sends goes into its port's ring or is refused; what goes to the guest is first noted
 * (a reply, a pending packet, bytes in a ring) and leaves only when the guest has given a buffer for
 * it. So nothing waits for the guest, and nothing grows by its word. The transmit queue is not read
 * while the table of replies is full (section 5.10.6.1 allows just that): a guest that never takes its
 * RSTs stops only itself.
 *
 * Not done: datagrams, SEQPACKET, connections from the host, the event queue (there is no migration). */

enum {
	QUEUE_RX, /* named as the driver sees it: section 5.10.2 */
	QUEUE_TX,
	QUEUE_EVENT,
	QUEUE_COUNT
};

enum {
	REPLIES_MAX = 16,
	PACKETS_PER_CALL = 512 /* then the lock is given back, and wake() asks for the rest */
};

struct mv_vsock {
	struct mv_device device; /* first: the ops get it back */
	const struct mv_vsock_ops *ops;
	void *context;
	unsigned reply_count;
	struct virtio_vsock_hdr replies[REPLIES_MAX]; /* RSTs of packets that belong to no port */
	struct mv_vsock_port ports[MV_VSOCK_PORTS];   /* by enum mv_port; [0] is not used */
};

static void wake(struct mv_vsock *v, unsigned port)
{
	if (v->ops)
		v->ops->wake(v->context, port);
}

static void incident(struct mv_vsock *v, const char *object)
{
	if (v->ops)
		v->ops->incident(v->context, object);
}

static void close_port(struct mv_vsock *v, unsigned port, bool rst)
{
	mv_port_close(&v->ports[port], rst);
	wake(v, port);
}

static void reset(struct mv_device *device)
{
	struct mv_vsock *v = (struct mv_vsock *)device;

	v->reply_count = 0;
	for (unsigned i = MV_PORT_CONTROL; i < MV_VSOCK_PORTS; i++)
		if (v->ports[i].state == MV_PORT_OPEN)
			close_port(v, i, false);
}

/* The port whose turn it is to send something; 0 for the replies, MV_VSOCK_PORTS for none. */
static unsigned next_sender(const struct mv_vsock *v)
{
	unsigned i = MV_PORT_CONTROL;

	if (v->reply_count > 0)
		return 0;
	while (i < MV_VSOCK_PORTS && !mv_port_has_packet(&v->ports[i]))
		i++;
	return i;
}

static bool may_send(const struct mv_device *device)
{
	return next_sender((const struct mv_vsock *)device) < MV_VSOCK_PORTS;
}

/* One packet into the chain of the receive queue. A buffer for a header and one byte is the least that gets
 * anywhere. */
static int send_packet(struct mv_device *device)
{
	struct mv_vsock *v = (struct mv_vsock *)device;
	unsigned port = next_sender(v);
	struct mv_vsock_port *p = &v->ports[port];
	struct virtio_vsock_hdr h = v->replies[0];

	if (device->chain.write_bytes <= sizeof(h))
		return -EBADMSG;
	if (port == 0) {
		v->reply_count--;
		memmove(v->replies, v->replies + 1, v->reply_count * sizeof(h));
		return (int)mv_chain_write(&device->chain, 0, &h, sizeof(h));
	}
	bool was_full = mv_port_room(p) == 0;
	uint32_t n = mv_port_put_packet(p, port, &device->chain);

	if (was_full && mv_port_room(p) > 0)
		wake(v, port);
	return (int)n;
}

static void reply_rst(struct mv_vsock *v, const struct virtio_vsock_hdr *to)
{
	if (le16toh(to->op) == VIRTIO_VSOCK_OP_RST)
		return;
	/* Room was made sure of before the packet was taken from its queue. */
	v->replies[v->reply_count++] = (struct virtio_vsock_hdr){
		.src_cid = to->dst_cid,
		.dst_cid = to->src_cid,
		.src_port = to->dst_port,
		.dst_port = to->src_port,
		.type = to->type,
		.op = htole16(VIRTIO_VSOCK_OP_RST),
	};
}

static void on_request(struct mv_vsock *v, unsigned port, const struct virtio_vsock_hdr *h)
{
	struct mv_vsock_port *p = &v->ports[port];

	if (p->state != MV_PORT_NEVER || !v->ops || !v->ops->accept(v->context, port)) {
		reply_rst(v, h);
		return;
	}
	mv_port_open(p, h);
	wake(v, port);
}

static void on_packet(struct mv_vsock *v, unsigned port, const struct virtio_vsock_hdr *h)
{
	const char *wrong = mv_port_take_packet(&v->ports[port], h, &v->device.chain);

	if (wrong)
		incident(v, wrong);
	if (le16toh(h->op) != VIRTIO_VSOCK_OP_CREDIT_UPDATE)
		wake(v, port);
}

/* The transmit queue is read while there is room for what it may make us reply. */
static bool may_take(const struct mv_device *device)
{
	return ((const struct mv_vsock *)device)->reply_count < REPLIES_MAX;
}

/* One chain of the transmit queue. The header is read once; the payload is copied once, into a ring. */
static int take_packet(struct mv_device *device)
{
	struct mv_vsock *v = (struct mv_vsock *)device;
	struct virtio_vsock_hdr h;

	if (mv_chain_read(&device->chain, 0, &h, sizeof(h)) != sizeof(h) ||
	    le32toh(h.len) > device->chain.read_bytes - sizeof(h) ||
	    le64toh(h.src_cid) != MV_CID_GUEST) {
		incident(v, "vsock-packet");
		return 0;
	}
	uint32_t port = le32toh(h.dst_port);
	bool ours = le64toh(h.dst_cid) == MV_CID_HOST &&
		    le16toh(h.type) == VIRTIO_VSOCK_TYPE_STREAM && port >= MV_PORT_CONTROL &&
		    port < MV_VSOCK_PORTS;

	if (ours && v->ports[port].state == MV_PORT_OPEN &&
	    v->ports[port].counts.guest_port == le32toh(h.src_port))
		on_packet(v, port, &h);
	else if (ours && le16toh(h.op) == VIRTIO_VSOCK_OP_REQUEST)
		on_request(v, port, &h);
	else
		reply_rst(v, &h);
	return 0;
}

/* Both queues, until neither moves or one call has taken its share. 0 or -EBADMSG. A ring that breaks the rules
 * ends every connection: nothing can be heard or said any more. */
static int run(struct mv_vsock *v)
{
	int left = PACKETS_PER_CALL;
	int r;

	do {
		r = mv_device_serve(&v->device, QUEUE_RX, INT_MAX, may_send, send_packet);
		if (r >= 0)
			r = mv_device_serve(&v->device, QUEUE_TX, left, may_take, take_packet);
		left -= r > 0 ? r : 0;
	} while (r > 0);
	if (r < 0) {
		reset(&v->device);
		incident(v, "bad-queue");
	} else if (left == 0) {
		wake(v, MV_PORT_CONTROL);
	}
	return r;
}

static int notify(struct mv_device *device, unsigned queue)
{
	return queue == QUEUE_EVENT ? 0 : run((struct mv_vsock *)device);
}

static const struct mv_device_ops ops = {
	.id = VIRTIO_ID_VSOCK,
	.queue_count = QUEUE_COUNT,
	.notify = notify,
	.reset = reset,
};

struct mv_vsock *mv_vsock_new(const struct mv_mem *mem)
{
	static const struct virtio_vsock_config config = {.guest_cid = MV_CID_GUEST};
	struct mv_vsock *v = mv_device_new(sizeof(*v), &ops, mem);

	if (!v)
		return NULL;
	v->device.config = &config;
	v->device.config_bytes = sizeof(config);
	return v;
}

struct mv_device *mv_vsock_device(struct mv_vsock *v)
{
	return v ? &v->device : NULL;
}

/* What the functions below, which come from outside the transport, begin and end with: the lock,
 * and a run when there is something to move. */
static struct mv_vsock_port *lock(struct mv_vsock *v, unsigned port)
{
	pthread_mutex_lock(&v->device.lock);
	return &v->ports[port];
}

static void unlock(struct mv_vsock *v, bool moved)
{
	if (moved && run(v) < 0)
		mv_device_needs_reset(&v->device);
	pthread_mutex_unlock(&v->device.lock);
}

void mv_vsock_serve(struct mv_vsock *v, const struct mv_vsock_ops *to, void *context)
{
	(void)lock(v, MV_PORT_CONTROL);
	v->ops = to;
	v->context = context;
	unlock(v, false);
}

int mv_vsock_save(struct mv_vsock *v, struct mv_port_counts *ret_state)
{
	const struct mv_vsock_port *p = lock(v, MV_PORT_CONTROL);
	int r = 0;

	for (unsigned i = MV_PORT_STDIN; i < MV_VSOCK_PORTS; i++)
		if (v->ports[i].state != MV_PORT_NEVER)
			r = -EBUSY;
	if (p->state != MV_PORT_OPEN || p->pending || p->ending || p->guest_ended ||
	    p->guest_deaf || p->in.count || p->out.count || v->reply_count)
		r = -EBUSY;
	*ret_state = p->counts;
	unlock(v, false);
	return r;
}

void mv_vsock_restore(struct mv_vsock *v, const struct mv_port_counts *s)
{
	struct mv_vsock_port *p = &v->ports[MV_PORT_CONTROL];

	p->state = MV_PORT_OPEN;
	p->counts = *s;
	p->counts.taken = s->received;
}

unsigned mv_vsock_ready(struct mv_vsock *v, unsigned port)
{
	const struct mv_vsock_port *p = lock(v, port);
	unsigned ready = (p->state == MV_PORT_OPEN ? MV_VSOCK_OPEN : 0u) |
			 (p->in.count > 0 ? MV_VSOCK_INPUT : 0u) |
			 (p->guest_ended ? MV_VSOCK_ENDED : 0u) |
			 (mv_port_room(p) > 0 ? MV_VSOCK_OUTPUT : 0u);

	unlock(v, false);
	return ready;
}

size_t mv_vsock_read(struct mv_vsock *v, unsigned port, void *bytes, size_t n)
{
	struct mv_vsock_port *p = lock(v, port);

	n = mv_port_read(p, bytes, n);
	unlock(v, n > 0 && mv_port_has_packet(p));
	return n;
}

size_t mv_vsock_write(struct mv_vsock *v, unsigned port, const void *bytes, size_t n)
{
	n = mv_port_write(lock(v, port), bytes, n);
	unlock(v, n > 0);
	return n;
}

size_t mv_vsock_room(struct mv_vsock *v, unsigned port)
{
	size_t n = mv_port_room(lock(v, port));

	unlock(v, false);
	return n;
}

void mv_vsock_end(struct mv_vsock *v, unsigned port)
{
	struct mv_vsock_port *p = lock(v, port);
	bool begins = p->state == MV_PORT_OPEN && !p->ending;

	p->ending = p->ending || begins;
	unlock(v, begins);
}

void mv_vsock_reset(struct mv_vsock *v, unsigned port)
{
	struct mv_vsock_port *p = lock(v, port);
	bool was_open = p->state == MV_PORT_OPEN;

	p->in.first = p->in.count = 0;
	if (was_open)
		close_port(v, port, true);
	unlock(v, was_open);
}

void mv_vsock_continue(struct mv_vsock *v)
{
	(void)lock(v, MV_PORT_CONTROL);
	unlock(v, true);
}
