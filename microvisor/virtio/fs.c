#include "microvisor/virtio/fs.h"

#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "microvisor/guest.h"

/* Copies a request out of the guest once, has it served, copies the reply in. Used length and the
 * reply's own length are the same number, as guests since Linux 7.1 require. */

enum {
	QUEUES = 2 /* hiprio, requests */
};

struct mv_fs {
	struct mv_device device; /* first: the transport hands it back to us */
	struct virtio_fs_config config;
	struct mv_view *view;
	const struct mv_exit *from;
	struct mv_chain chain;
	uint8_t request[MV_FUSE_REQUEST_MAX];
};

static void read_config(const struct mv_device *device, size_t offset, void *bytes, size_t n)
{
	const struct mv_fs *fs = (const struct mv_fs *)device;
	size_t size = sizeof(fs->config);

	memset(bytes, 0, n);
	if (offset < size)
		memcpy(bytes, (const uint8_t *)&fs->config + offset,
		       n < size - offset ? n : size - offset);
}

/* A request longer than we take is cut, so that its length is a lie and it is refused. */
static uint32_t serve(struct mv_fs *fs)
{
	const void *reply;
	size_t n = mv_chain_read(&fs->chain, 0, fs->request, sizeof(fs->request));
	size_t bytes =
		mv_view_serve(fs->view, fs->from, fs->request, n, fs->chain.write_bytes, &reply);

	return (uint32_t)mv_chain_write(&fs->chain, 0, reply, bytes);
}

static int notify(struct mv_device *device, unsigned index)
{
	struct mv_fs *fs = (struct mv_fs *)device;
	struct mv_queue *queue = &device->queues[index];
	int r = 0;

	/* At most one ring full per exit: a guest that refills as fast as we empty gets another exit. */
	for (unsigned i = 0; i < queue->size; i++) {
		r = mv_queue_pop(queue, &fs->chain);
		if (r != 1)
			break;
		mv_queue_push(queue, fs->chain.head, serve(fs));
	}
	mv_device_interrupt(device, queue);
	return r < 0 ? r : 0;
}

static void reset(struct mv_device *device)
{
	mv_view_reset(((struct mv_fs *)device)->view);
}

static const struct mv_device_ops ops = {.name = "fs",
					 .id = VIRTIO_ID_FS,
					 .queue_count = QUEUES,
					 .read_config = read_config,
					 .notify = notify,
					 .reset = reset};

struct mv_fs *mv_fs_new(const struct mv_mem *mem, struct mv_view *view, const struct mv_exit *from)
{
	struct mv_fs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	mv_device_init(&fs->device, &ops, mem);
	memcpy(fs->config.tag, MV_VIEW_TAG, strlen(MV_VIEW_TAG));
	fs->config.num_request_queues = 1;
	fs->view = view;
	fs->from = from;
	return fs;
}

void mv_fs_free(struct mv_fs *fs)
{
	if (!fs)
		return;
	mv_device_release(&fs->device);
	free(fs);
}

struct mv_device *mv_fs_device(struct mv_fs *fs)
{
	return &fs->device;
}
