/* The entropy device (virtio 1.2, section 5.4): random bytes of the host's getrandom(2).
 *
 * A request gets at most MV_RNG_REQUEST_MAX bytes, and all together at most MV_RNG_BURST at once and
 * MV_RNG_PER_SECOND after that; beyond it a request gets one byte: a driver takes no less as an
 * answer, and nobody has to wait. The launch message carries the entropy that matters. */
#ifndef MV_VIRTIO_RNG_H
#define MV_VIRTIO_RNG_H

#include "microvisor/virtio/device.h"

enum {
	MV_RNG_REQUEST_MAX = 256,
	MV_RNG_BURST = 64 << 10,
	MV_RNG_PER_SECOND = 4 << 10
};

/* A device over mem (borrowed). fill (as getrandom(2), never short) and now_ns (monotonic) are passed
 * in for tests; NULL: the system's. NULL when out of memory. */
struct mv_device *mv_rng_new(const struct mv_mem *mem, void (*fill)(void *bytes, size_t n),
			     uint64_t (*now_ns)(void));

#endif
