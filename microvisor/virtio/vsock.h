/* The vsock device (virtio 1.2, section 5.10): four byte streams between the guest and this process.
 *
 * There is no AF_VSOCK of the host behind it. The guest (CID 3) connects to the ports of enum mv_port
 * on CID 2, each at most once in the micro-VM's life; whatever else it sends is answered with RST.
 * Credit binds both ways: a port holds at most MV_VSOCK_BUFFER bytes in each direction, so a guest that
 * floods is held back by its own kernel, and one that ignores its credit loses the connection.
 *
 * Threads: notify() comes on the vCPU thread, the functions below may be called on any other. All take
 * the device's lock inside; callbacks are called with it held and must not call back into the device.
 * Nothing is allocated after mv_vsock_new(). */
#ifndef MV_VIRTIO_VSOCK_H
#define MV_VIRTIO_VSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microvisor/guest.h"
#include "microvisor/virtio/device.h"
#include "microvisor/virtio/port.h"

enum {
	MV_VSOCK_PORTS = MV_PORT_STDERR + 1
};

/* What a port can do now; bits. */
enum mv_vsock_ready {
	MV_VSOCK_OPEN = 1,  /* connected */
	MV_VSOCK_INPUT = 2, /* bytes of the guest wait to be read, connected or not */
	MV_VSOCK_ENDED = 4, /* the guest will send no more: SHUTDOWN, RST or a device reset */
	MV_VSOCK_OUTPUT = 8 /* connected, the guest still receives, and there is room to write */
};

struct mv_vsock_ops {
	/* Whether the guest may connect to this port now. vCPU thread. */
	bool (*accept)(void *context, unsigned port);
	/* Something in mv_vsock_ready() of the port changed. Any thread; must not block. */
	void (*wake)(void *context, unsigned port);
	/* The guest broke the protocol: object is "vsock-credit", "vsock-packet" or "vsock-flow", as in an
	 * event of class machine. The connection or packet is already refused. Any thread. */
	void (*incident)(void *context, const char *object);
};

struct mv_vsock; /* opaque */

/* NULL when out of memory. mem, ops and context are borrowed. Nothing is accepted while ops is NULL;
 * set it with mv_vsock_serve() before the first KVM_RUN. */
struct mv_vsock *mv_vsock_new(const struct mv_mem *mem);
/* The same as a device, for the transport and for mv_device_free(); NULL for NULL. */
struct mv_device *mv_vsock_device(struct mv_vsock *vsock);
/* Who answers for the ports. to and context are borrowed until it is freed. */
void mv_vsock_serve(struct mv_vsock *vsock, const struct mv_vsock_ops *to, void *context);

/* The one connection of a parked guest: MV_PORT_CONTROL, with nothing on its way. */
/* -EBUSY: other connections, or something is on its way. No vCPU runs. */
int mv_vsock_save(struct mv_vsock *vsock, struct mv_port_counts *ret_state)
	__attribute__((warn_unused_result));
/* Into a new device. No number in it can do harm: all are the guest's claims, or counts of our own
 * whose differences are checked as ever. */
void mv_vsock_restore(struct mv_vsock *vsock, const struct mv_port_counts *state);

/* enum mv_vsock_ready of one port. */
unsigned mv_vsock_ready(struct mv_vsock *vsock, unsigned port);
/* Takes up to n bytes that the guest sent; the number taken. Gives the guest credit for them. */
size_t mv_vsock_read(struct mv_vsock *vsock, unsigned port, void *bytes, size_t n);
/* Queues up to n bytes for the guest; the number accepted, 0 when there is no room or no connection. */
size_t mv_vsock_write(struct mv_vsock *vsock, unsigned port, const void *bytes, size_t n);
/* The most mv_vsock_write() would accept now. */
size_t mv_vsock_room(struct mv_vsock *vsock, unsigned port);
/* No more bytes for the guest: it reads to the end of what is queued, then end of file. */
void mv_vsock_end(struct mv_vsock *vsock, unsigned port);
/* Ends the connection both ways (RST) and forgets what is queued: a task that writes gets EPIPE. */
void mv_vsock_reset(struct mv_vsock *vsock, unsigned port);
/* Goes on with packets that one exit may not serve to the end; wake() of MV_PORT_CONTROL asks for it. */
void mv_vsock_continue(struct mv_vsock *vsock);

#endif
