#include "microvisor/virtio/mem.h"

void *mv_mem_window(const struct mv_mem *mem, uint64_t gpa, uint64_t bytes, bool write)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct mv_mem_region *r = &mem->regions[i];

		/* Compared as offsets, so that neither gpa + bytes nor the region's end can wrap. */
		if (gpa < r->gpa || gpa - r->gpa > r->bytes)
			continue;
		uint64_t offset = gpa - r->gpa;

		if (bytes > r->bytes - offset)
			continue;
		return write && !r->writable ? NULL : r->hva + offset;
	}
	return NULL;
}
