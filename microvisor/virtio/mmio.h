/* The registers of the virtio-mmio transport, version 2 (virtio 1.2, section 4.2.2).
 *
 * The machine calls these for each exit that falls into a device's window, on the vCPU thread; both
 * take the device's lock. Whatever the guest does here it does to its own device: an access of a wrong
 * size, at a wrong place or at a wrong time reads as 0 or is ignored. */
#ifndef MV_VIRTIO_MMIO_H
#define MV_VIRTIO_MMIO_H

#include <stddef.h>
#include <stdint.h>

#include "microvisor/virtio/device.h"

enum {
	MV_MMIO_WINDOW_BYTES = 0x1000
};

/* Fills n bytes (at most 8) with what the driver reads at offset of the window. */
void mv_mmio_read(struct mv_device *device, uint64_t offset, void *bytes, size_t n);
/* Takes n bytes (at most 8) that the driver writes at offset; a write to QueueNotify serves the queue.
 * Whether the device broke by it: rings out of place, or a ring that breaks the rules. */
bool mv_mmio_write(struct mv_device *device, uint64_t offset, const void *bytes, size_t n);

#endif
