/* What every virtio device is to the machine: a const table of functions, a configuration space, and the
 * state and registers of its transport.
 *
 * virtio-mmio version 2 (virtio 1.2, section 4.2), one window of 4 KiB per device. The machine reads and
 * writes it for each exit that falls into it, on the vCPU thread; the device's functions are called with
 * its lock held, inside the exit that made the request. A device that serves another thread too (vsock)
 * takes the same lock. Whatever the guest does here it does to its own device: an access of a wrong size,
 * at a wrong place or at a wrong time reads as 0 or is ignored.
 *
 * A device is made by its own mv_..._new(), which may be all of its interface, and freed by
 * mv_device_free(). */
#ifndef MV_VIRTIO_DEVICE_H
#define MV_VIRTIO_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microvisor/virtio/queue.h"

enum {
	MV_DEVICE_QUEUES_MAX = 4
};

struct mv_device;

struct mv_device_ops {
	uint32_t id;       /* virtio device id, section 5 */
	uint64_t features; /* offered besides VIRTIO_F_VERSION_1 */
	unsigned queue_count;
	/* For a device of requests and answers: takes the one in device->chain, and returns how many bytes
	 * it wrote into it, or -EBADMSG as below. Never waits. */
	int (*answer)(struct mv_device *device);
	/* For any other, in place of answer(): the driver notified a ready queue after DRIVER_OK. 0, or
	 * -EBADMSG: the device needs a reset. */
	int (*notify)(struct mv_device *device, unsigned queue);
	/* Forgets every request in flight; the transport has reset the queues. May be NULL. */
	void (*reset)(struct mv_device *device);
};

/* Plain data, like the next. */
struct mv_registers {
	uint64_t driver_features;
	uint32_t features_select;
	uint32_t driver_features_select;
	uint32_t queue_select;
	uint32_t status;
	uint32_t interrupt_status;
	uint32_t config_generation;
};

/* What a template keeps of a device. */
struct mv_device_state {
	struct mv_registers regs;
	struct mv_ring rings[MV_DEVICE_QUEUES_MAX];
};

/* Embedded first in each device's own struct. */
struct mv_device {
	const struct mv_device_ops *ops;
	const void *config; /* the configuration space; reads as 0 behind its end */
	size_t config_bytes;
	pthread_mutex_t lock;
	struct mv_registers regs; /* guarded by lock, like all below */
	struct mv_queue queues[MV_DEVICE_QUEUES_MAX];
	struct mv_chain chain; /* the one being served: too large for a stack */
	/* Raises the device's edge interrupt; any thread. Set by the machine before the first KVM_RUN. */
	void (*raise)(void *machine, unsigned gsi);
	void *machine;
	unsigned gsi;
};

/* Allocates a device's own struct of so many zero bytes, which begins with struct mv_device, over guest
 * memory (borrowed). The device itself, or NULL when out of memory. */
void *mv_device_new(size_t bytes, const struct mv_device_ops *ops, const struct mv_mem *mem);
void mv_device_free(struct mv_device *device);
/* Fills n bytes (at most 8) with what the driver reads at offset of the window. */
void mv_device_read(struct mv_device *device, uint64_t offset, void *bytes, size_t n);
/* Takes n bytes (at most 8) that the driver writes at offset; a write to QueueNotify serves the queue.
 * Whether the device broke by it: rings out of place, or a ring that breaks the rules. */
bool mv_device_write(struct mv_device *device, uint64_t offset, const void *bytes, size_t n);

/* Has up to `most` chains of a queue answered, as in mv_device_ops, while the device is live and may()
 * (NULL: always); then sets VIRTIO_MMIO_INT_VRING and raises the interrupt if the driver wants one. Their
 * number, or -EBADMSG; a chain that was not answered is not given back. Lock held. */
int mv_device_serve(struct mv_device *device, unsigned queue, int most,
		    bool (*may)(const struct mv_device *), int (*answer)(struct mv_device *));
/* Sets DEVICE_NEEDS_RESET and a configuration interrupt; the device serves nothing until reset. Lock held. */
void mv_device_needs_reset(struct mv_device *device);
/* No vCPU runs, no other thread uses the device. */
void mv_device_save(const struct mv_device *device, struct mv_device_state *ret_state);
/* Into a new device. -EBADMSG: features that are not offered, or rings that are none. */
int mv_device_restore(struct mv_device *device, const struct mv_device_state *state)
	__attribute__((warn_unused_result));

#endif
