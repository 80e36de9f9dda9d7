/* One port of the vsock device: its connection, the credit of both sides, and the bytes on their way
 * (virtio 1.2, section 5.10.6). Knows packets, not queues; vsock.c moves them.
 *
 * Guarded by the device's lock. Plain data apart from the rules kept here: one connection per life, at
 * most MV_VSOCK_BUFFER held per direction. */
#ifndef MV_VIRTIO_PORT_H
#define MV_VIRTIO_PORT_H

#include <linux/virtio_vsock.h>
#include <stdbool.h>

#include "microvisor/virtio/queue.h"

/* A store of bytes, first in, first out: what one direction of a port holds. They always lie in one piece; an
 * empty store starts anew, so that a quiet stream only ever touches its first page. */
enum {
	MV_VSOCK_BUFFER = 64 << 10 /* held per port and direction; advertised as buf_alloc */
};

struct mv_fifo {
	uint32_t first; /* index of the oldest byte; the others follow it */
	uint32_t count;
	uint8_t bytes[MV_VSOCK_BUFFER];
};

enum mv_port_state {
	MV_PORT_NEVER, /* the guest has not connected yet */
	MV_PORT_OPEN,
	MV_PORT_DONE /* for good */
};

/* Counts of a connection; plain data, which a template keeps. */
struct mv_port_counts {
	uint32_t guest_port;
	uint32_t guest_buf_alloc;
	uint32_t guest_fwd_cnt;
	uint32_t received; /* bytes of the guest: our rx_cnt */
	uint32_t taken;    /* of these, read by our side: what we send as fwd_cnt */
	uint32_t told;     /* the last fwd_cnt that was sent */
	uint32_t sent;     /* bytes to the guest: tx_cnt */
};

struct mv_vsock_port {
	enum mv_port_state state;
	bool guest_ended; /* it sends no more */
	bool guest_deaf;  /* it receives no more */
	bool ending;      /* SHUTDOWN follows the last byte of out */
	bool shutdown_sent;
	uint16_t pending; /* the op of a control packet to send, or 0: VIRTIO_VSOCK_OP_INVALID */
	struct mv_port_counts counts;
	struct mv_fifo in;
	struct mv_fifo out;
};

/* Accepts the REQUEST h: RESPONSE follows. */
void mv_port_open(struct mv_vsock_port *port, const struct virtio_vsock_hdr *h);
/* The connection is over, with an RST to the guest when rst is set; what it sent can still be read. */
void mv_port_close(struct mv_vsock_port *port, bool rst);
/* Takes a packet of the open connection: h is its header, checked against the chain's length. NULL, or
 * what the guest did wrong ("vsock-credit", "vsock-flow"); the connection is closed then. */
const char *mv_port_take_packet(struct mv_vsock_port *port, const struct virtio_vsock_hdr *h,
				const struct mv_chain *chain);
/* Whether the port has something to send that the guest's credit allows. */
bool mv_port_has_packet(const struct mv_vsock_port *port);
/* Writes the next packet, from our port `number`, into the chain's writable part, which is longer than
 * a header; the number of bytes. Only when mv_port_has_packet(). */
uint32_t mv_port_put_packet(struct mv_vsock_port *port, unsigned number,
			    const struct mv_chain *chain);
/* How many bytes for the guest have room now. */
size_t mv_port_room(const struct mv_vsock_port *port);
/* Takes up to n bytes for the guest; their number, at most mv_port_room(). */
size_t mv_port_write(struct mv_vsock_port *port, const void *bytes, size_t n);
/* Moves up to n bytes of the guest out; their number. An update of its credit follows when it is due. */
size_t mv_port_read(struct mv_vsock_port *port, void *bytes, size_t n);

#endif
