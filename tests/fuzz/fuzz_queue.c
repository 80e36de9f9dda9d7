/* A hostile ring: the input is the queue's registers, then guest memory. Whatever it says, a popped
 * chain lies in memory, and reading, writing and giving it back touches nothing else. */
#include <stdlib.h>
#include <string.h>

#include "microvisor/virtio/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	GPA = 0x1000,
	BYTES = 0x1000,
	REGISTERS = 8,
	POPS_MAX = 300
};

static uint64_t place(const uint8_t *p)
{
	return GPA + ((uint64_t)p[0] | (uint64_t)p[1] << 8);
}

static void serve(struct mv_queue *queue)
{
	static struct mv_chain chain;
	uint8_t bytes[512];

	for (unsigned i = 0; i < POPS_MAX && mv_queue_pop(queue, &chain) == 1; i++) {
		size_t n = mv_chain_read(&chain, i, bytes, sizeof(bytes));

		n = mv_chain_write(&chain, i, bytes, n);
		mv_queue_push(queue, chain.head, (uint32_t)n);
		(void)mv_queue_wants_interrupt(queue);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < REGISTERS)
		return 0;
	uint8_t *ram = calloc(1, BYTES);
	uint8_t *root = calloc(1, BYTES);

	if (!ram || !root)
		abort();
	struct mv_mem mem = {.count = 2,
			     .regions = {{.gpa = GPA, .bytes = BYTES, .hva = ram, .writable = true},
					 {.gpa = GPA + BYTES, .bytes = BYTES, .hva = root}}};
	struct mv_queue queue = {.mem = &mem,
				 .ring.size = (uint16_t)(data[0] | data[1] << 8),
				 .ring.desc_gpa = place(data + 2),
				 .ring.avail_gpa = place(data + 4),
				 .ring.used_gpa = place(data + 6)};
	size_t n = size - REGISTERS;

	memcpy(ram, data + REGISTERS, n < BYTES ? n : BYTES);
	if (mv_queue_enable(&queue) == 0)
		serve(&queue);
	for (size_t i = 0; i < BYTES; i++) {
		if (root[i])
			abort();
	}
	free(ram);
	free(root);
	return 0;
}
