/* The devices that are all their making: once made, only the transport speaks to them. mem is borrowed, like what else
 * is passed, and outlives the device. NULL when out of memory. */
#ifndef MV_VIRTIO_DEVICES_H
#define MV_VIRTIO_DEVICES_H

#include "microvisor/arbiter/audit.h"
#include "microvisor/view/view.h"
#include "microvisor/virtio/device.h"

enum {
	MV_RNG_REQUEST_MAX = 256 /* bytes, so that no guest can keep its exit for long */
};

/* The persistent memory device (virtio 1.2, section 5.19) over the golden root: tells where it lies, has nothing to
 * flush. */
struct mv_device *mv_pmem_new(const struct mv_mem *mem, uint64_t gpa, uint64_t bytes);
/* The entropy device (section 5.4): random bytes of the host's getrandom(2), which never runs dry. */
struct mv_device *mv_rng_new(const struct mv_mem *mem);
/* The file system device (section 5.11), with the tag MV_VIEW_TAG: carries FUSE requests to the view. Queue 0 is hiprio
 * (FORGET), queue 1 the one request queue. A request is served inside the exit that made it, on the vCPU thread,
 * and never waits; *from tells that exit. No DAX window, no notification queue. */
struct mv_device *mv_fs_new(const struct mv_mem *mem, struct mv_view *view,
			    const struct mv_exit *from);

#endif
