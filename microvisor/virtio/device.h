/* What every virtio device is to the machine: a const table of functions and a transport state.
 *
 * virtio-mmio version 2 (virtio 1.2, section 4.2), one window of 4 KiB per device. mmio.c owns the
 * transport registers and calls the device with its lock held: notify() on the vCPU thread, inside the
 * exit that made the request. A device that serves another thread too (vsock) takes the same lock. */
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
	const char *name;
	uint32_t id;       /* virtio device id, section 5 */
	uint64_t features; /* offered besides VIRTIO_F_VERSION_1 */
	unsigned queue_count;
	/* Copies n bytes of configuration space at offset; bytes past its end are 0. Never NULL. */
	void (*read_config)(const struct mv_device *device, size_t offset, void *bytes, size_t n);
	/* The driver notified a ready queue after DRIVER_OK. 0, or -EBADMSG: the device needs a reset. */
	int (*notify)(struct mv_device *device, unsigned queue);
	/* Forgets every request in flight; the transport has reset the queues. May be NULL. */
	void (*reset)(struct mv_device *device);
};

/* Embedded first in each device's own struct. */
struct mv_device {
	const struct mv_device_ops *ops;
	pthread_mutex_t lock;
	struct mv_queue queues[MV_DEVICE_QUEUES_MAX]; /* guarded by lock, like all below */
	uint64_t driver_features;
	uint32_t features_select;
	uint32_t driver_features_select;
	uint32_t queue_select;
	uint32_t status;
	uint32_t interrupt_status;
	uint32_t config_generation;
	/* Raises the device's edge interrupt; any thread. Set by the machine before the first KVM_RUN. */
	void (*raise)(void *machine, unsigned gsi);
	void *machine;
	unsigned gsi;
};

/* What a template keeps of a device. Plain data. */
struct mv_device_state {
	uint64_t driver_features;
	uint32_t features_select;
	uint32_t driver_features_select;
	uint32_t queue_select;
	uint32_t status;
	uint32_t interrupt_status;
	uint32_t config_generation;
	struct mv_queue_state {
		uint64_t desc_gpa;
		uint64_t avail_gpa;
		uint64_t used_gpa;
		uint16_t size;
		uint16_t is_ready;
		uint16_t next_avail;
		uint16_t next_used;
	} queues[MV_DEVICE_QUEUES_MAX];
};

/* Prepares the transport state over guest memory (borrowed). */
void mv_device_init(struct mv_device *device, const struct mv_device_ops *ops,
		    const struct mv_mem *mem);
void mv_device_release(struct mv_device *device);
/* Sets VIRTIO_MMIO_INT_VRING and raises the interrupt when the driver wants one. Lock held. */
void mv_device_interrupt(struct mv_device *device, const struct mv_queue *queue);
/* Sets DEVICE_NEEDS_RESET and a configuration interrupt; the device serves nothing until reset. Lock held. */
void mv_device_needs_reset(struct mv_device *device);
/* No vCPU runs, no other thread uses the device. */
void mv_device_save(const struct mv_device *device, struct mv_device_state *ret_state);
/* Into a new device. -EBADMSG: features that are not offered, or rings that are none. */
int mv_device_restore(struct mv_device *device, const struct mv_device_state *state)
	__attribute__((warn_unused_result));
/* VIRTIO_F_VERSION_1 and the device's own. */
uint64_t mv_device_features(const struct mv_device *device);
/* Whether the driver has set DRIVER_OK and the device is not broken. Lock held. */
bool mv_device_is_live(const struct mv_device *device);

#endif
