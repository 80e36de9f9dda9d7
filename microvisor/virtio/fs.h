/* The virtio file system device (virtio 1.2, section 5.11): carries FUSE requests to the view.
 *
 * Queue 0 is hiprio (FORGET), queue 1 the one request queue. A request is served inside the exit that
 * made it, on the vCPU thread; no request waits. No DAX window, no notification queue. */
#ifndef MV_VIRTIO_FS_H
#define MV_VIRTIO_FS_H

#include "microvisor/arbiter/audit.h"
#include "microvisor/view/view.h"
#include "microvisor/virtio/device.h"

/* A device with the tag MV_VIEW_TAG. mem, view and from are borrowed and outlive it; *from tells the
 * exit that the vCPU thread is handling. NULL when out of memory. */
struct mv_device *mv_fs_new(const struct mv_mem *mem, struct mv_view *view,
			    const struct mv_exit *from);

#endif
