#include <assert.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/random.h>

#include "microvisor/virtio/devices.h"

static int answer(struct mv_device *device)
{
	uint8_t bytes[MV_RNG_REQUEST_MAX];
	size_t room = device->chain.write_bytes;
	size_t n = room < sizeof(bytes) ? room : sizeof(bytes);
	/* Requests up to 256 bytes are never short or interrupted once the pool is up: getrandom(2). */
	ssize_t r = getrandom(bytes, n, 0);

	assert(r == (ssize_t)n);
	int written = (int)mv_chain_write(&device->chain, 0, bytes, n);

	explicit_bzero(bytes, sizeof(bytes));
	return written;
}

static const struct mv_device_ops ops = {.id = VIRTIO_ID_RNG, .queue_count = 1, .answer = answer};

struct mv_device *mv_rng_new(const struct mv_mem *mem)
{
	return mv_device_new(sizeof(struct mv_device), &ops, mem);
}
