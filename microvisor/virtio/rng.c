#include "microvisor/virtio/rng.h"

#include <assert.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/random.h>

#include "microvisor/vm/clock.h"

struct rng {
	struct mv_device device; /* first: the transport hands it back to us */
	void (*fill)(void *bytes, size_t n);
	uint64_t (*now_ns)(void);
	uint64_t last_ns;
	uint64_t allowance; /* bytes that may be given now */
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
	return mv_clock_ns(CLOCK_MONOTONIC);
}

static void refill(struct rng *rng)
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

static uint32_t answer(struct mv_device *device)
{
	struct rng *rng = (struct rng *)device;
	size_t room = device->chain.write_bytes;
	uint8_t bytes[MV_RNG_REQUEST_MAX];

	refill(rng);
	size_t n = rng->allowance ? rng->allowance : 1;

	if (n > sizeof(bytes))
		n = sizeof(bytes);
	if (n > room)
		n = room;
	rng->fill(bytes, n);
	rng->allowance -= n < rng->allowance ? n : rng->allowance;
	uint32_t written = (uint32_t)mv_chain_write(&device->chain, 0, bytes, n);

	explicit_bzero(bytes, sizeof(bytes));
	return written;
}

static const struct mv_device_ops ops = {.id = VIRTIO_ID_RNG, .queue_count = 1, .answer = answer};

struct mv_device *mv_rng_new(const struct mv_mem *mem, void (*fill)(void *bytes, size_t n),
			     uint64_t (*now_ns)(void))
{
	struct rng *rng = mv_device_new(sizeof(*rng), &ops, mem);

	if (!rng)
		return NULL;
	rng->fill = fill ? fill : system_fill;
	rng->now_ns = now_ns ? now_ns : system_now_ns;
	rng->last_ns = rng->now_ns();
	rng->allowance = MV_RNG_BURST;
	return &rng->device;
}
