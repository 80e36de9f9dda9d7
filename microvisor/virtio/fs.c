#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>

#include "microvisor/guest.h"
#include "microvisor/virtio/devices.h"

/* Copies a request out of the guest once, has it served, copies the reply in. Used length and the
 * reply's own length are the same number, as guests since Linux 7.1 require. */

enum {
	QUEUES = 2 /* hiprio, requests */
};

static const struct virtio_fs_config config = {.tag = MV_VIEW_TAG, .num_request_queues = 1};

struct fs {
	struct mv_device device; /* first: the transport hands it back to us */
	struct mv_view *view;
	const struct mv_exit *from;
	uint8_t request[MV_FUSE_REQUEST_MAX];
};

/* A request longer than we take is cut, so that its length is a lie and it is refused. */
static int answer(struct mv_device *device)
{
	struct fs *fs = (struct fs *)device;
	const void *reply;
	size_t n = mv_chain_read(&device->chain, 0, fs->request, sizeof(fs->request));
	size_t bytes = mv_view_serve(fs->view, fs->from, fs->request, n, device->chain.write_bytes,
				     &reply);

	return (int)mv_chain_write(&device->chain, 0, reply, bytes);
}

static void reset(struct mv_device *device)
{
	mv_view_reset(((struct fs *)device)->view);
}

static const struct mv_device_ops ops = {
	.id = VIRTIO_ID_FS, .queue_count = QUEUES, .answer = answer, .reset = reset};

struct mv_device *mv_fs_new(const struct mv_mem *mem, struct mv_view *view,
			    const struct mv_exit *from)
{
	struct fs *fs = mv_device_new(sizeof(*fs), &ops, mem);

	if (!fs)
		return NULL;
	fs->device.config = &config;
	fs->device.config_bytes = sizeof(config);
	fs->view = view;
	fs->from = from;
	return &fs->device;
}
