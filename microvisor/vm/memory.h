/* The guest's memory: its RAM, and the golden root mapped read-only behind it.
 *
 * Made before the first KVM_RUN and unchanged after it. The RAM costs the host only what the guest
 * touches; the root's pages are the host's page cache, shared by every micro-VM of the image. */
#ifndef MV_VM_MEMORY_H
#define MV_VM_MEMORY_H

#include "microvisor/virtio/mem.h"
#include "microvisor/vm/kvm.h"

struct mv_memory {
	struct mv_mem mem; /* what devices and the loader use */
	uint64_t ram_bytes;
	uint64_t root_bytes; /* a multiple of MV_RAM_ALIGN; the tail behind the file is zeros */
};

/* Where the RAM comes from. */
struct mv_ram {
	uint64_t bytes; /* MV_RAM_BYTES_MIN..MAX, multiple of MV_RAM_ALIGN */
	int fd;         /* borrowed: a file of just that length, what it begins with */
	bool is_shared; /* what the guest writes goes into the file; else a page is copied when written */
};

/* Maps the RAM and the root file (borrowed) and gives both to the guest. -EINVAL: a size out of range,
 * a memory file of another, or a root_fd that is no regular file or empty. */
int mv_memory_open(struct mv_memory *memory, struct mv_kvm *kvm, const struct mv_ram *ram,
		   int root_fd) __attribute__((warn_unused_result));
void mv_memory_close(struct mv_memory *memory);

#endif
