#include "microvisor/virtio/device.h"

#include <assert.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>

void *mv_device_new(size_t bytes, const struct mv_device_ops *ops, const struct mv_mem *mem)
{
	struct mv_device *device = calloc(1, bytes);

	assert(ops->queue_count <= MV_DEVICE_QUEUES_MAX && !ops->answer != !ops->notify);
	if (!device)
		return NULL;
	device->ops = ops;
	pthread_mutex_init(&device->lock, NULL);
	for (unsigned i = 0; i < MV_DEVICE_QUEUES_MAX; i++)
		device->queues[i].mem = mem;
	return device;
}

void mv_device_free(struct mv_device *device)
{
	if (device)
		pthread_mutex_destroy(&device->lock);
	free(device);
}

/* Sets the bit first: the driver reads the status in its interrupt handler. */
static void interrupt(struct mv_device *device, uint32_t bit)
{
	device->interrupt_status |= bit;
	if (device->raise)
		device->raise(device->machine, device->gsi);
}

void mv_device_interrupt(struct mv_device *device, const struct mv_queue *queue)
{
	if (mv_queue_wants_interrupt(queue))
		interrupt(device, VIRTIO_MMIO_INT_VRING);
}

void mv_device_needs_reset(struct mv_device *device)
{
	if (device->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	device->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	device->config_generation++;
	/* Section 2.1.2: tell the driver, but only one that has come up. */
	if (device->status & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(device, VIRTIO_MMIO_INT_CONFIG);
}

bool mv_device_is_live(const struct mv_device *device)
{
	return (device->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !(device->status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED));
}
