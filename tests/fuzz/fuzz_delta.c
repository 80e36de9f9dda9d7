#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/delta.h"

/* Input: the header, and behind it the bitmap. Whatever it says, the runs of a file that is accepted lie one behind
 * the other, take nothing from the original behind its end, and end where the file does. */

enum {
	RUNS_MAX = 4096
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void put(int fd, const uint8_t *bytes, size_t n, off_t at)
{
	if (n > 0)
		assert(pwrite(fd, bytes, n, at) == (ssize_t)n);
}

static void walk(const struct agent_delta *delta)
{
	uint64_t at = 0;

	for (int i = 0; i < RUNS_MAX; i++) {
		struct agent_delta_run run;

		assert(agent_delta_run(delta, at, &run) == 0);
		assert(run.at == at && run.bytes <= delta->size - at);
		if (run.bytes == 0) {
			assert(at == delta->size);
			return;
		}
		if (run.source == AGENT_DELTA_BASE)
			assert(at + run.bytes <= delta->header.original.size);
		at += run.bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	size_t head = n < sizeof(struct mv_delta_header) ? n : sizeof(struct mv_delta_header);
	struct mv_delta_header header = {0};
	struct agent_delta delta;
	int fd = memfd_create("delta", MFD_CLOEXEC);

	assert(fd >= 0);
	/* A checksum that fits, so that what is behind it is reached: it keeps nobody out. */
	__builtin_memcpy(&header, bytes, head);
	if (head == sizeof(header) && header.checksum == 0)
		header.checksum =
			mv_delta_checksum(&header, offsetof(struct mv_delta_header, checksum));
	put(fd, (const uint8_t *)&header, head, 0);
	put(fd, bytes + head, n - head, MV_DELTA_BITMAP_AT);
	if (header.mode != 0 && header.base_bytes < MV_DELTA_SIZE_MAX)
		(void)!ftruncate(fd, (off_t)(MV_DELTA_DATA_AT + header.base_bytes + 17));
	if (agent_delta_init(&delta, fd) == 0 && !delta.gone)
		walk(&delta);
	close(fd);
	return 0;
}
