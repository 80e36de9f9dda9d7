/* Guest memory: the only way device code reaches it. A window is checked once and lies in one region. */
#ifndef MV_VIRTIO_MEM_H
#define MV_VIRTIO_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MV_MEM_REGIONS_MAX = 4
};

/* Plain data; filled before the first KVM_RUN, unchanged after it. In unit tests hva is a heap block. */
struct mv_mem {
	unsigned count;
	struct mv_mem_region {
		uint64_t gpa;
		uint64_t bytes;
		uint8_t *hva;  /* borrowed mapping */
		bool writable; /* by devices; false for the golden root */
	} regions[MV_MEM_REGIONS_MAX];
};

/* The host address of [gpa, gpa + bytes), or NULL when it does not lie wholly inside one region, wraps,
 * or is to be written and the region is not writable. bytes may be 0. Any thread. */
void *mv_mem_window(const struct mv_mem *mem, uint64_t gpa, uint64_t bytes, bool write);

#endif
