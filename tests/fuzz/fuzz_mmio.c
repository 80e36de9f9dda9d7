/* A hostile driver: the input is a list of register accesses {offset u16, width u8, value u32} to a
 * device that serves its queues by copying what is readable into what is writable. */
#include <stdlib.h>
#include <string.h>

#include "microvisor/virtio/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	BYTES = 0x1000,
	ACCESS_BYTES = 7,
	ACCESSES_MAX = 200
};

static int answer(struct mv_device *device)
{
	uint8_t bytes[64];
	size_t n = mv_chain_read(&device->chain, 0, bytes, sizeof(bytes));

	return (int)mv_chain_write(&device->chain, 0, bytes, n);
}

static const struct mv_device_ops ops = {.id = 4, .queue_count = 2, .answer = answer};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *ram = calloc(1, BYTES);

	if (!ram)
		abort();
	struct mv_mem mem = {
		.count = 1,
		.regions = {{.gpa = 0x1000, .bytes = BYTES, .hva = ram, .writable = true}}};
	struct mv_device *device = mv_device_new(sizeof(*device), &ops, &mem);

	if (!device)
		abort();
	device->config = "configuration";
	device->config_bytes = 13;
	for (unsigned i = 0; i < ACCESSES_MAX && size >= ACCESS_BYTES; i++) {
		uint8_t value[8] = {0};
		uint64_t offset = data[0] | (uint64_t)data[1] << 8;
		size_t width = data[2] % 8 + 1u;

		memcpy(value, data + 3, 4);
		if (data[2] & 0x80)
			mv_device_read(device, offset, value, width);
		else
			mv_device_write(device, offset, value, width);
		data += ACCESS_BYTES;
		size -= ACCESS_BYTES;
		/* What is left is also what the guest has in its memory just now. */
		memcpy(ram, data, size < BYTES ? size : BYTES);
	}
	mv_device_free(device);
	free(ram);
	return 0;
}
