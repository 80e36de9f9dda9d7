/* A driver that brings up a device over fake memory: features, one queue, DRIVER_OK, by its registers.
 *
 *	struct ring ring;                      tests/support/ring.h
 *	ring_init(&ring);
 *	struct mv_device *dev = mv_rng_new(&ring.mem);
 *	driver_bring_up(dev, 0);               queue 0 is the ring
 *	ring_desc(&ring, ...); ring_offer(&ring, 0);
 *	driver_notify(dev, 0); */
#ifndef TESTS_SUPPORT_DRIVER_H
#define TESTS_SUPPORT_DRIVER_H

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "microvisor/virtio/device.h"
#include "tests/support/ring.h"

static inline void driver_write(struct mv_device *device, uint64_t offset, uint32_t v)
{
	mv_device_write(device, offset, &v, sizeof(v));
}

static inline uint32_t driver_read(struct mv_device *device, uint64_t offset)
{
	uint32_t v;

	mv_device_read(device, offset, &v, sizeof(v));
	return v;
}

/* From reset to DRIVER_OK; the ring is queue number `queue`. */
static inline void driver_bring_up(struct mv_device *device, uint32_t queue)
{
	driver_write(device, VIRTIO_MMIO_STATUS, 0);
	driver_write(device, VIRTIO_MMIO_STATUS, 1);
	driver_write(device, VIRTIO_MMIO_STATUS, 3);
	driver_write(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	driver_write(device, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	driver_write(device, VIRTIO_MMIO_STATUS, 11);
	driver_write(device, VIRTIO_MMIO_QUEUE_SEL, queue);
	driver_write(device, VIRTIO_MMIO_QUEUE_NUM, RING_SIZE);
	driver_write(device, VIRTIO_MMIO_QUEUE_DESC_LOW, RING_DESC);
	driver_write(device, VIRTIO_MMIO_QUEUE_AVAIL_LOW, RING_AVAIL);
	driver_write(device, VIRTIO_MMIO_QUEUE_USED_LOW, RING_USED);
	driver_write(device, VIRTIO_MMIO_QUEUE_READY, 1);
	driver_write(device, VIRTIO_MMIO_STATUS, 15);
}

static inline void driver_notify(struct mv_device *device, uint32_t queue)
{
	driver_write(device, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static inline bool driver_sees_broken(struct mv_device *device)
{
	return driver_read(device, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

#endif
