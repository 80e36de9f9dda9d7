/* The persistent-memory device (virtio 1.2, section 5.19): the golden root, read only.
 *
 * The memory itself is a read-only slot of KVM; the device only says where it lies and answers flush
 * requests, for which there is nothing to do: nobody can have written. */
#ifndef MV_VIRTIO_PMEM_H
#define MV_VIRTIO_PMEM_H

#include "microvisor/virtio/device.h"

/* A device for [gpa, gpa + bytes). mem is borrowed. NULL when out of memory. */
struct mv_device *mv_pmem_new(const struct mv_mem *mem, uint64_t gpa, uint64_t bytes);

#endif
