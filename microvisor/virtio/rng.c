#include "microvisor/virtio/rng.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct mv_rng {
	struct mv_device device; /* first: the transport hands it back to us */
	void (*fill)(void *bytes, size_t n);
	uint64_t (*now_ns)(void);
	uint64_t last_ns;
	uint64_t allowance; /* bytes that may be given now */
	struct mv_chain chain;
};

static void system_fill(void *bytes, size_t n)
{
	assert(n <= MV_RNG_REQUEST_MAX);
	/* Requests up to 256 bytes are never short or interrupted once the pool is up: getrandom(2). */
	ssize_t r = getrandom(bytes, n, 0);

	assert(r == (ssize_t)n);
	(void)r;
}

static uint64_t system_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void read_config(const struct mv_device *device, size_t offset, void *bytes, size_t n)
{
	(void)device;
	(void)offset;
	memset(bytes, 0, n);
}

static void refill(struct mv_rng *rng)
{
	uint64_t seconds_max = MV_RNG_BURST / MV_RNG_PER_SECOND;
	uint64_t now = rng->now_ns();
	uint64_t passed = now - rng->last_ns;

	if (passed > seconds_max * 1000000000)
		passed = seconds_max * 1000000000;
	uint64_t earned = passed * MV_RNG_PER_SECOND / 1000000000;

	if (earned == 0)
		return;
	rng->last_ns = now;
	rng->allowance += earned;
	if (rng->allowance > MV_RNG_BURST)
		rng->allowance = MV_RNG_BURST;
}

static uint32_t answer(struct mv_rng *rng)
{
	uint8_t bytes[MV_RNG_REQUEST_MAX];
	size_t n = rng->chain.write_bytes;

	if (n > sizeof(bytes))
		n = sizeof(bytes);
	if (n > rng->allowance)
		n = rng->allowance ? rng->allowance : 1;
	if (n > rng->chain.write_bytes)
		return 0;
	rng->fill(bytes, n);
	rng->allowance -= n < rng->allowance ? n : rng->allowance;
	uint32_t written = (uint32_t)mv_chain_write(&rng->chain, 0, bytes, n);

	explicit_bzero(bytes, sizeof(bytes));
	return written;
}

static int notify(struct mv_device *device, unsigned index)
{
	struct mv_rng *rng = (struct mv_rng *)device;
	struct mv_queue *queue = &device->queues[index];
	int r = 0;

	refill(rng);
	for (unsigned i = 0; i < queue->size; i++) {
		r = mv_queue_pop(queue, &rng->chain);
		if (r != 1)
			break;
		mv_queue_push(queue, rng->chain.head, answer(rng));
	}
	mv_device_interrupt(device, queue);
	return r < 0 ? r : 0;
}

static const struct mv_device_ops ops = {.name = "rng",
					 .id = VIRTIO_ID_RNG,
					 .queue_count = 1,
					 .read_config = read_config,
					 .notify = notify};

struct mv_rng *mv_rng_new(const struct mv_mem *mem, void (*fill)(void *bytes, size_t n),
			  uint64_t (*now_ns)(void))
{
	struct mv_rng *rng = calloc(1, sizeof(*rng));

	if (!rng)
		return NULL;
	mv_device_init(&rng->device, &ops, mem);
	rng->fill = fill ? fill : system_fill;
	rng->now_ns = now_ns ? now_ns : system_now_ns;
	rng->last_ns = rng->now_ns();
	rng->allowance = MV_RNG_BURST;
	return rng;
}

void mv_rng_free(struct mv_rng *rng)
{
	if (!rng)
		return;
	mv_device_release(&rng->device);
	free(rng);
}

struct mv_device *mv_rng_device(struct mv_rng *rng)
{
	return &rng->device;
}
