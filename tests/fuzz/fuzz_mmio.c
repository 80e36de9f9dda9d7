/* A hostile driver: the input is a list of register accesses {offset u16, width u8, value u32} to a
 * device that serves its queues by copying what is readable into what is writable. */
#include <stdlib.h>
#include <string.h>

#include "microvisor/virtio/mmio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	BYTES = 0x1000,
	ACCESS_BYTES = 7,
	ACCESSES_MAX = 200
};

static void read_config(const struct mv_device *device, size_t offset, void *bytes, size_t n)
{
	(void)device;
	(void)offset;
	memset(bytes, 0x5a, n);
}

static int serve(struct mv_device *device, unsigned index)
{
	static struct mv_chain chain;
	struct mv_queue *queue = &device->queues[index];
	uint8_t bytes[64];
	int r = 0;

	for (unsigned i = 0; i < MV_QUEUE_SIZE_MAX && (r = mv_queue_pop(queue, &chain)) == 1; i++) {
		size_t n = mv_chain_read(&chain, 0, bytes, sizeof(bytes));

		mv_queue_push(queue, chain.head, (uint32_t)mv_chain_write(&chain, 0, bytes, n));
		mv_device_interrupt(device, queue);
	}
	return r < 0 ? r : 0;
}

static const struct mv_device_ops ops = {
	.name = "copy", .id = 4, .queue_count = 2, .read_config = read_config, .notify = serve};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *ram = calloc(1, BYTES);

	if (!ram)
		abort();
	struct mv_mem mem = {
		.count = 1,
		.regions = {{.gpa = 0x1000, .bytes = BYTES, .hva = ram, .writable = true}}};
	struct mv_device device;

	mv_device_init(&device, &ops, &mem);
	for (unsigned i = 0; i < ACCESSES_MAX && size >= ACCESS_BYTES; i++) {
		uint8_t value[8] = {0};
		uint64_t offset = data[0] | (uint64_t)data[1] << 8;
		size_t width = data[2] % 8 + 1u;

		memcpy(value, data + 3, 4);
		if (data[2] & 0x80)
			mv_mmio_read(&device, offset, value, width);
		else
			mv_mmio_write(&device, offset, value, width);
		data += ACCESS_BYTES;
		size -= ACCESS_BYTES;
		/* What is left is also what the guest has in its memory just now. */
		memcpy(ram, data, size < BYTES ? size : BYTES);
	}
	mv_device_release(&device);
	free(ram);
	return 0;
}
