#include "microvisor/virtio/mmio.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>

/* The order of initialisation (section 3.1.1) is a rule here, not a hope: features move only before
 * FEATURES_OK, a queue's size and rings only after it, before DRIVER_OK and while the queue is not
 * ready, and a status bit once set goes only by reset. Peers have been broken by a queue size that
 * could change under a running queue (CVE-2026-5747). */

enum {
	MAGIC = 0x74726976, /* "virt" */
	VERSION = 2,
	VENDOR = 0x504d4156, /* "VAMP", free to choose */
	DRIVER_BITS = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		      VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK |
		      VIRTIO_CONFIG_S_FAILED
};

/* The selected queue, or NULL when the driver selected none that exists. */
static struct mv_queue *selected(struct mv_device *d)
{
	return d->queue_select < d->ops->queue_count ? &d->queues[d->queue_select] : NULL;
}

/* The selected queue when the driver may set it up now, else NULL. */
static struct mv_queue *configurable(struct mv_device *d)
{
	struct mv_queue *q = selected(d);

	if (!q || q->ready || !(d->status & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    (d->status & (VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET)))
		return NULL;
	return q;
}

static void reset(struct mv_device *d)
{
	for (unsigned i = 0; i < d->ops->queue_count; i++)
		mv_queue_reset(&d->queues[i]);
	d->driver_features = 0;
	d->features_select = d->driver_features_select = d->queue_select = 0;
	d->status = d->interrupt_status = 0;
	if (d->ops->reset)
		d->ops->reset(d);
}

static void set_features_select(struct mv_device *d, uint32_t v)
{
	d->features_select = v;
}

static void set_driver_features_select(struct mv_device *d, uint32_t v)
{
	d->driver_features_select = v;
}

static void set_driver_features(struct mv_device *d, uint32_t v)
{
	if (d->driver_features_select > 1 || !(d->status & VIRTIO_CONFIG_S_DRIVER) ||
	    (d->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	unsigned shift = 32 * d->driver_features_select;

	d->driver_features = (d->driver_features & ~(0xffffffffull << shift)) | (uint64_t)v
											<< shift;
}

static void set_queue_select(struct mv_device *d, uint32_t v)
{
	d->queue_select = v;
}

static void set_queue_size(struct mv_device *d, uint32_t v)
{
	struct mv_queue *q = configurable(d);

	/* A size that does not fit must not be cut to one that does. */
	if (q)
		q->size = v <= MV_QUEUE_SIZE_MAX ? (uint16_t)v : 0;
}

static void set_queue_ready(struct mv_device *d, uint32_t v)
{
	struct mv_queue *q = selected(d);

	if (q && q->ready && v == 0)
		mv_queue_reset(q);
	else if ((q = configurable(d)) && v == 1 && mv_queue_enable(q) < 0)
		mv_device_needs_reset(d);
}

static void notify(struct mv_device *d, uint32_t v)
{
	if (v >= d->ops->queue_count || !d->queues[v].ready || !mv_device_is_live(d))
		return;
	if (d->ops->notify(d, v) < 0)
		mv_device_needs_reset(d);
}

static void acknowledge(struct mv_device *d, uint32_t v)
{
	d->interrupt_status &= ~v;
}

static void set_status(struct mv_device *d, uint32_t v)
{
	uint32_t added = v & DRIVER_BITS & ~d->status;

	if (v == 0) {
		reset(d);
		return;
	}
	if ((d->status & DRIVER_BITS) & ~v)
		return;
	/* Each step needs the one before it; a driver that skips one stays where it was. */
	if ((v & VIRTIO_CONFIG_S_DRIVER) && !(v & VIRTIO_CONFIG_S_ACKNOWLEDGE))
		return;
	if ((v & VIRTIO_CONFIG_S_FEATURES_OK) && !(v & VIRTIO_CONFIG_S_DRIVER))
		return;
	if ((v & VIRTIO_CONFIG_S_DRIVER_OK) && !(v & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	/* Section 3.1.1, step 5: the driver reads back whether FEATURES_OK stuck. */
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    ((d->driver_features & ~mv_device_features(d)) ||
	     !(d->driver_features & 1ull << VIRTIO_F_VERSION_1)))
		added &= ~(uint32_t)(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	d->status |= added;
}

static void set_low(uint64_t *gpa, uint32_t v)
{
	*gpa = (*gpa & ~0xffffffffull) | v;
}

static void set_high(uint64_t *gpa, uint32_t v)
{
	*gpa = (uint32_t)*gpa | (uint64_t)v << 32;
}

#define RING_SETTER(name, half, field)                                   \
	static void set_##name##_##half(struct mv_device *d, uint32_t v) \
	{                                                                \
		struct mv_queue *q = configurable(d);                    \
                                                                         \
		if (q)                                                   \
			set_##half(&q->field, v);                        \
	}
RING_SETTER(desc, low, desc_gpa)
RING_SETTER(desc, high, desc_gpa)
RING_SETTER(avail, low, avail_gpa)
RING_SETTER(avail, high, avail_gpa)
RING_SETTER(used, low, used_gpa)
RING_SETTER(used, high, used_gpa)

/* Every writable register; a write anywhere else is ignored. */
static const struct {
	uint32_t offset;
	void (*set)(struct mv_device *d, uint32_t v);
} WRITES[] = {
	{VIRTIO_MMIO_DEVICE_FEATURES_SEL, set_features_select},
	{VIRTIO_MMIO_DRIVER_FEATURES, set_driver_features},
	{VIRTIO_MMIO_DRIVER_FEATURES_SEL, set_driver_features_select},
	{VIRTIO_MMIO_QUEUE_SEL, set_queue_select},
	{VIRTIO_MMIO_QUEUE_NUM, set_queue_size},
	{VIRTIO_MMIO_QUEUE_READY, set_queue_ready},
	{VIRTIO_MMIO_QUEUE_NOTIFY, notify},
	{VIRTIO_MMIO_INTERRUPT_ACK, acknowledge},
	{VIRTIO_MMIO_STATUS, set_status},
	{VIRTIO_MMIO_QUEUE_DESC_LOW, set_desc_low},
	{VIRTIO_MMIO_QUEUE_DESC_HIGH, set_desc_high},
	{VIRTIO_MMIO_QUEUE_AVAIL_LOW, set_avail_low},
	{VIRTIO_MMIO_QUEUE_AVAIL_HIGH, set_avail_high},
	{VIRTIO_MMIO_QUEUE_USED_LOW, set_used_low},
	{VIRTIO_MMIO_QUEUE_USED_HIGH, set_used_high},
};

static uint32_t get_features(struct mv_device *d)
{
	return d->features_select > 1
		       ? 0
		       : (uint32_t)(mv_device_features(d) >> 32 * d->features_select);
}

static uint32_t get_queue_size_max(struct mv_device *d)
{
	return selected(d) ? MV_QUEUE_SIZE_MAX : 0;
}

static uint32_t get_queue_ready(struct mv_device *d)
{
	const struct mv_queue *q = selected(d);

	return q && q->ready;
}

static uint32_t get_register(struct mv_device *d, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return d->ops->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return get_features(d);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return get_queue_size_max(d);
	case VIRTIO_MMIO_QUEUE_READY:
		return get_queue_ready(d);
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return d->interrupt_status;
	case VIRTIO_MMIO_STATUS:
		return d->status;
	case VIRTIO_MMIO_SHM_LEN_LOW: /* all ones: no such region, section 4.2.2 */
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return d->config_generation;
	default:
		return 0;
	}
}

/* Section 4.2.2.2: registers are read and written as aligned 32-bit words, nothing else. */
static bool is_word(uint64_t offset, size_t n)
{
	return n == 4 && offset % 4 == 0;
}

void mv_mmio_read(struct mv_device *device, uint64_t offset, void *bytes, size_t n)
{
	memset(bytes, 0, n);
	pthread_mutex_lock(&device->lock);
	if (offset >= VIRTIO_MMIO_CONFIG && offset < MV_MMIO_WINDOW_BYTES) {
		device->ops->read_config(device, offset - VIRTIO_MMIO_CONFIG, bytes, n);
	} else if (is_word(offset, n)) {
		uint32_t v = get_register(device, offset);

		memcpy(bytes, &v, sizeof(v));
	}
	pthread_mutex_unlock(&device->lock);
}

bool mv_mmio_write(struct mv_device *device, uint64_t offset, const void *bytes, size_t n)
{
	uint32_t v;

	if (!is_word(offset, n))
		return false;
	memcpy(&v, bytes, sizeof(v));
	pthread_mutex_lock(&device->lock);
	uint32_t before = device->status;

	for (size_t i = 0; i < sizeof(WRITES) / sizeof(WRITES[0]); i++) {
		if (WRITES[i].offset == offset)
			WRITES[i].set(device, v);
	}
	bool broke = device->status & ~before & VIRTIO_CONFIG_S_NEEDS_RESET;

	pthread_mutex_unlock(&device->lock);
	return broke;
}
