#include "microvisor/virtio/device.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

void mv_device_init(struct mv_device *device, const struct mv_device_ops *ops,
		    const struct mv_mem *mem)
{
	assert(ops->queue_count <= MV_DEVICE_QUEUES_MAX);
	*device = (struct mv_device){.ops = ops};
	pthread_mutex_init(&device->lock, NULL);
	for (unsigned i = 0; i < MV_DEVICE_QUEUES_MAX; i++)
		device->queues[i].mem = mem;
}

void mv_device_release(struct mv_device *device)
{
	if (device->ops)
		pthread_mutex_destroy(&device->lock);
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

uint64_t mv_device_features(const struct mv_device *device)
{
	return device->ops->features | 1ull << VIRTIO_F_VERSION_1;
}

void mv_device_save(const struct mv_device *d, struct mv_device_state *ret_state)
{
	*ret_state = (struct mv_device_state){.driver_features = d->driver_features,
					      .features_select = d->features_select,
					      .driver_features_select = d->driver_features_select,
					      .queue_select = d->queue_select,
					      .status = d->status,
					      .interrupt_status = d->interrupt_status,
					      .config_generation = d->config_generation};
	for (unsigned i = 0; i < MV_DEVICE_QUEUES_MAX; i++) {
		const struct mv_queue *q = &d->queues[i];

		ret_state->queues[i] =
			(struct mv_queue_state){q->desc_gpa, q->avail_gpa,  q->used_gpa, q->size,
						q->ready,    q->next_avail, q->next_used};
	}
}

/* A ring is where the driver put it, and is checked as it was then. */
static int restore_queue(struct mv_queue *q, const struct mv_queue_state *s)
{
	*q = (struct mv_queue){.mem = q->mem,
			       .size = s->size,
			       .desc_gpa = s->desc_gpa,
			       .avail_gpa = s->avail_gpa,
			       .used_gpa = s->used_gpa};
	if (s->is_ready && mv_queue_enable(q) < 0)
		return -EBADMSG;
	q->next_avail = s->next_avail;
	q->next_used = s->next_used;
	return 0;
}

int mv_device_restore(struct mv_device *d, const struct mv_device_state *s)
{
	if (s->driver_features & ~mv_device_features(d))
		return -EBADMSG;
	for (unsigned i = 0; i < MV_DEVICE_QUEUES_MAX; i++) {
		if (s->queues[i].is_ready && i >= d->ops->queue_count)
			return -EBADMSG;
		if (restore_queue(&d->queues[i], &s->queues[i]) < 0)
			return -EBADMSG;
	}
	d->driver_features = s->driver_features;
	d->features_select = s->features_select;
	d->driver_features_select = s->driver_features_select;
	d->queue_select = s->queue_select;
	d->status = s->status;
	d->interrupt_status = s->interrupt_status;
	d->config_generation = s->config_generation;
	return 0;
}
