#include "microvisor/virtio/mem.h"

void *mv_mem_window(const struct mv_mem *mem, uint64_t gpa, uint64_t bytes, bool write)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct mv_mem_region *r = &mem->regions[i];
		uint64_t offset = gpa - r->gpa;

		/* Compared as offsets, so that neither gpa + bytes nor the region's end can wrap. */
		if (gpa >= r->gpa && offset <= r->bytes && bytes <= r->bytes - offset)
			return write && !r->writable ? NULL : r->hva + offset;
	}
	return NULL;
}
