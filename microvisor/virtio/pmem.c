#include <linux/virtio_ids.h>
#include <linux/virtio_pmem.h>

#include "microvisor/virtio/devices.h"

struct pmem {
	struct mv_device device; /* first: the transport hands it back to us */
	struct virtio_pmem_config config;
};

/* Success for a flush, an error for anything else that asks. */
static int answer(struct mv_device *device)
{
	struct virtio_pmem_req request;
	struct virtio_pmem_resp response = {.ret = 1};

	if (mv_chain_read(&device->chain, 0, &request, sizeof(request)) == sizeof(request) &&
	    request.type == VIRTIO_PMEM_REQ_TYPE_FLUSH)
		response.ret = 0;
	return (int)mv_chain_write(&device->chain, 0, &response, sizeof(response));
}

static const struct mv_device_ops ops = {.id = VIRTIO_ID_PMEM, .queue_count = 1, .answer = answer};

struct mv_device *mv_pmem_new(const struct mv_mem *mem, uint64_t gpa, uint64_t bytes)
{
	struct pmem *pmem = mv_device_new(sizeof(*pmem), &ops, mem);

	if (!pmem)
		return NULL;
	pmem->config = (struct virtio_pmem_config){.start = gpa, .size = bytes};
	pmem->device.config = &pmem->config;
	pmem->device.config_bytes = sizeof(pmem->config);
	return &pmem->device;
}
