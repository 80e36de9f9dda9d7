#include "microvisor/virtio/pmem.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pmem.h>
#include <stdlib.h>
#include <string.h>

struct mv_pmem {
	struct mv_device device; /* first: the transport hands it back to us */
	struct virtio_pmem_config config;
	struct mv_chain chain;
};

static void read_config(const struct mv_device *device, size_t offset, void *bytes, size_t n)
{
	const struct mv_pmem *pmem = (const struct mv_pmem *)device;
	size_t size = sizeof(pmem->config);

	memset(bytes, 0, n);
	if (offset < size)
		memcpy(bytes, (const uint8_t *)&pmem->config + offset,
		       n < size - offset ? n : size - offset);
}

/* Success for a flush, an error for anything else that asks. */
static uint32_t answer(const struct mv_chain *chain)
{
	struct virtio_pmem_req request;
	struct virtio_pmem_resp response = {.ret = 1};

	if (mv_chain_read(chain, 0, &request, sizeof(request)) == sizeof(request) &&
	    request.type == VIRTIO_PMEM_REQ_TYPE_FLUSH)
		response.ret = 0;
	return (uint32_t)mv_chain_write(chain, 0, &response, sizeof(response));
}

static int notify(struct mv_device *device, unsigned index)
{
	struct mv_pmem *pmem = (struct mv_pmem *)device;
	struct mv_queue *queue = &device->queues[index];
	int r = 0;

	/* At most one ring full per exit: a guest that refills as fast as we empty gets another exit. */
	for (unsigned i = 0; i < queue->size; i++) {
		r = mv_queue_pop(queue, &pmem->chain);
		if (r != 1)
			break;
		mv_queue_push(queue, pmem->chain.head, answer(&pmem->chain));
	}
	mv_device_interrupt(device, queue);
	return r < 0 ? r : 0;
}

static const struct mv_device_ops ops = {.name = "pmem",
					 .id = VIRTIO_ID_PMEM,
					 .queue_count = 1,
					 .read_config = read_config,
					 .notify = notify};

struct mv_pmem *mv_pmem_new(const struct mv_mem *mem, uint64_t gpa, uint64_t bytes)
{
	struct mv_pmem *pmem = calloc(1, sizeof(*pmem));

	if (!pmem)
		return NULL;
	mv_device_init(&pmem->device, &ops, mem);
	pmem->config = (struct virtio_pmem_config){.start = gpa, .size = bytes};
	return pmem;
}

void mv_pmem_free(struct mv_pmem *pmem)
{
	if (!pmem)
		return;
	mv_device_release(&pmem->device);
	free(pmem);
}

struct mv_device *mv_pmem_device(struct mv_pmem *pmem)
{
	return &pmem->device;
}
