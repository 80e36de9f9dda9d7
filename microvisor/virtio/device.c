#include "microvisor/virtio/device.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>
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

/* Sets the bit first: the driver reads the status in its interrupt handler. */
static void interrupt(struct mv_device *device, uint32_t bit)
{
	device->regs.interrupt_status |= bit;
	if (device->raise)
		device->raise(device->machine, device->gsi);
}

/* VIRTIO_F_VERSION_1 and the device's own. */
static uint64_t features(const struct mv_device *device)
{
	return device->ops->features | 1ull << VIRTIO_F_VERSION_1;
}

/* The selected queue, or NULL when the driver selected none that exists. */
static struct mv_queue *selected(struct mv_device *d)
{
	return d->regs.queue_select < d->ops->queue_count ? &d->queues[d->regs.queue_select] : NULL;
}

/* The selected queue when the driver may set it up now, else NULL. */
static struct mv_queue *configurable(struct mv_device *d)
{
	struct mv_queue *q = selected(d);

	if (!q || q->ring.ready || !(d->regs.status & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    (d->regs.status & (VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET)))
		return NULL;
	return q;
}

/* Whether the driver has set DRIVER_OK and the device is not broken. */
static bool is_live(const struct mv_device *d)
{
	return (d->regs.status & VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !(d->regs.status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED));
}

static void reset(struct mv_device *d)
{
	for (unsigned i = 0; i < d->ops->queue_count; i++)
		mv_queue_reset(&d->queues[i]);
	d->regs = (struct mv_registers){.config_generation = d->regs.config_generation};
	if (d->ops->reset)
		d->ops->reset(d);
}

static void set_driver_features(struct mv_device *d, uint32_t v)
{
	if (d->regs.driver_features_select > 1 || !(d->regs.status & VIRTIO_CONFIG_S_DRIVER) ||
	    (d->regs.status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	unsigned shift = 32 * d->regs.driver_features_select;

	d->regs.driver_features =
		(d->regs.driver_features & ~(0xffffffffull << shift)) | (uint64_t)v << shift;
}

static void set_queue_size(struct mv_device *d, uint32_t v)
{
	struct mv_queue *q = configurable(d);

	/* A size that does not fit must not be cut to one that does. */
	if (q)
		q->ring.size = v <= MV_QUEUE_SIZE_MAX ? (uint16_t)v : 0;
}

static void set_queue_ready(struct mv_device *d, uint32_t v)
{
	struct mv_queue *q = selected(d);

	if (q && q->ring.ready && v == 0)
		mv_queue_reset(q);
	else if ((q = configurable(d)) && v == 1 && mv_queue_enable(q) < 0)
		mv_device_needs_reset(d);
}

/* A device of requests answers at most one ring full per exit, since a guest that refills as fast as we empty gets
 * another exit. */
static void notify(struct mv_device *d, uint32_t v)
{
	if (v >= d->ops->queue_count || !d->queues[v].ring.ready || !is_live(d))
		return;
	int r = d->ops->answer ? mv_device_serve(d, v, d->queues[v].ring.size, NULL, d->ops->answer)
			       : d->ops->notify(d, v);

	if (r < 0)
		mv_device_needs_reset(d);
}

static void acknowledge(struct mv_device *d, uint32_t v)
{
	d->regs.interrupt_status &= ~v;
}

static void set_status(struct mv_device *d, uint32_t v)
{
	uint32_t added = v & DRIVER_BITS & ~d->regs.status;

	if (v == 0) {
		reset(d);
		return;
	}
	if ((d->regs.status & DRIVER_BITS) & ~v)
		return;
	/* Each step needs the one before it; a driver that skips one stays where it was. */
	if (((v & VIRTIO_CONFIG_S_DRIVER) && !(v & VIRTIO_CONFIG_S_ACKNOWLEDGE)) ||
	    ((v & VIRTIO_CONFIG_S_FEATURES_OK) && !(v & VIRTIO_CONFIG_S_DRIVER)) ||
	    ((v & VIRTIO_CONFIG_S_DRIVER_OK) && !(v & VIRTIO_CONFIG_S_FEATURES_OK)))
		return;
	/* Section 3.1.1, step 5: the driver reads back whether FEATURES_OK stuck. */
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    ((d->regs.driver_features & ~features(d)) ||
	     !(d->regs.driver_features & 1ull << VIRTIO_F_VERSION_1)))
		added &= ~(uint32_t)(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	d->regs.status |= added;
}

/* Every writable register: a word of the device's state, a word of the selected queue's while it may be
 * set up, or a function. A write anywhere else is ignored. */
static const struct {
	uint32_t offset;
	enum {
		STATE,
		QUEUE,
		CALL
	} kind;
	size_t at; /* in struct mv_device or struct mv_queue; guests are little endian, as we are */
	void (*set)(struct mv_device *d, uint32_t v);
} WRITES[] = {
	{VIRTIO_MMIO_DEVICE_FEATURES_SEL, STATE, offsetof(struct mv_device, regs.features_select)},
	{VIRTIO_MMIO_DRIVER_FEATURES, CALL, .set = set_driver_features},
	{VIRTIO_MMIO_DRIVER_FEATURES_SEL, STATE,
	 offsetof(struct mv_device, regs.driver_features_select)},
	{VIRTIO_MMIO_QUEUE_SEL, STATE, offsetof(struct mv_device, regs.queue_select)},
	{VIRTIO_MMIO_QUEUE_NUM, CALL, .set = set_queue_size},
	{VIRTIO_MMIO_QUEUE_READY, CALL, .set = set_queue_ready},
	{VIRTIO_MMIO_QUEUE_NOTIFY, CALL, .set = notify},
	{VIRTIO_MMIO_INTERRUPT_ACK, CALL, .set = acknowledge},
	{VIRTIO_MMIO_STATUS, CALL, .set = set_status},
	{VIRTIO_MMIO_QUEUE_DESC_LOW, QUEUE, offsetof(struct mv_queue, ring.desc_gpa)},
	{VIRTIO_MMIO_QUEUE_DESC_HIGH, QUEUE, offsetof(struct mv_queue, ring.desc_gpa) + 4},
	{VIRTIO_MMIO_QUEUE_AVAIL_LOW, QUEUE, offsetof(struct mv_queue, ring.avail_gpa)},
	{VIRTIO_MMIO_QUEUE_AVAIL_HIGH, QUEUE, offsetof(struct mv_queue, ring.avail_gpa) + 4},
	{VIRTIO_MMIO_QUEUE_USED_LOW, QUEUE, offsetof(struct mv_queue, ring.used_gpa)},
	{VIRTIO_MMIO_QUEUE_USED_HIGH, QUEUE, offsetof(struct mv_queue, ring.used_gpa) + 4},
};

static void set_register(struct mv_device *d, uint64_t offset, uint32_t v)
{
	for (size_t i = 0; i < sizeof(WRITES) / sizeof(WRITES[0]); i++) {
		if (WRITES[i].offset != offset)
			continue;
		if (WRITES[i].kind == CALL) {
			WRITES[i].set(d, v);
			return;
		}
		void *in = WRITES[i].kind == STATE ? (void *)d : configurable(d);

		if (in)
			memcpy((uint8_t *)in + WRITES[i].at, &v, sizeof(v));
	}
}

static uint32_t get_register(struct mv_device *d, uint64_t offset)
{
	const struct mv_queue *q = selected(d);
	uint32_t half = d->regs.features_select;

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
		return half > 1 ? 0 : (uint32_t)(features(d) >> 32 * half);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return q ? MV_QUEUE_SIZE_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return q && q->ring.ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return d->regs.interrupt_status;
	case VIRTIO_MMIO_STATUS:
		return d->regs.status;
	case VIRTIO_MMIO_SHM_LEN_LOW: /* all ones: no such region, section 4.2.2 */
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return d->regs.config_generation;
	default:
		return 0;
	}
}

/* Section 4.2.2.2: registers are read and written as aligned 32-bit words, nothing else. */
static bool is_word(uint64_t offset, size_t n)
{
	return n == 4 && offset % 4 == 0;
}

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

void mv_device_read(struct mv_device *device, uint64_t offset, void *bytes, size_t n)
{
	memset(bytes, 0, n);
	pthread_mutex_lock(&device->lock);
	if (offset >= VIRTIO_MMIO_CONFIG) {
		size_t at = offset - VIRTIO_MMIO_CONFIG;
		size_t left = at < device->config_bytes ? device->config_bytes - at : 0;

		if (left > 0)
			memcpy(bytes, (const uint8_t *)device->config + at, n < left ? n : left);
	} else if (is_word(offset, n)) {
		uint32_t v = get_register(device, offset);

		memcpy(bytes, &v, sizeof(v));
	}
	pthread_mutex_unlock(&device->lock);
}

bool mv_device_write(struct mv_device *device, uint64_t offset, const void *bytes, size_t n)
{
	uint32_t v;

	if (!is_word(offset, n))
		return false;
	memcpy(&v, bytes, sizeof(v));
	pthread_mutex_lock(&device->lock);
	uint32_t before = device->regs.status;

	set_register(device, offset, v);
	bool broke = device->regs.status & ~before & VIRTIO_CONFIG_S_NEEDS_RESET;

	pthread_mutex_unlock(&device->lock);
	return broke;
}

int mv_device_serve(struct mv_device *d, unsigned queue, int most,
		    bool (*may)(const struct mv_device *), int (*answer)(struct mv_device *))
{
	struct mv_queue *q = &d->queues[queue];
	int served = 0;
	int r = 0;

	while (served < most && is_live(d) && (!may || may(d))) {
		r = mv_queue_pop(q, &d->chain);
		if (r <= 0 || (r = answer(d)) < 0)
			break;
		mv_queue_push(q, d->chain.head, (uint32_t)r);
		served++;
	}
	if (served > 0 && mv_queue_wants_interrupt(q))
		interrupt(d, VIRTIO_MMIO_INT_VRING);
	return r < 0 ? r : served;
}

void mv_device_needs_reset(struct mv_device *device)
{
	if (device->regs.status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	device->regs.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	device->regs.config_generation++;
	/* Section 2.1.2: tell the driver, but only one that has come up. */
	if (device->regs.status & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(device, VIRTIO_MMIO_INT_CONFIG);
}

void mv_device_save(const struct mv_device *d, struct mv_device_state *ret_state)
{
	ret_state->regs = d->regs;
	for (unsigned i = 0; i < MV_DEVICE_QUEUES_MAX; i++)
		ret_state->rings[i] = d->queues[i].ring;
}

int mv_device_restore(struct mv_device *d, const struct mv_device_state *state)
{
	if (state->regs.driver_features & ~features(d))
		return -EBADMSG;
	/* A ring is where the driver put it, and is checked as it was then. */
	for (unsigned i = 0; i < MV_DEVICE_QUEUES_MAX; i++) {
		struct mv_queue *q = &d->queues[i];

		q->ring = state->rings[i];
		if (q->ring.ready && (i >= d->ops->queue_count || mv_queue_enable(q) < 0))
			return -EBADMSG;
		q->ring = state->rings[i];
	}
	d->regs = state->regs;
	return 0;
}
