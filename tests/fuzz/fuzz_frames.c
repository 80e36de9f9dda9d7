/* The guest's control frames: any bytes, in pieces, keep to the order of a task's life. The first byte
 * says how the rest is cut. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "microvisor/guest/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mv_frames f = {0};
	size_t step = size ? data[0] % 31u + 1 : 1;
	unsigned ends = 0;

	for (size_t i = 1; i < size;) {
		size_t part;
		uint8_t *to = mv_frames_room(&f, &part);

		assert(part > 0 && part <= (size_t)(f.bytes + sizeof(f.bytes) - to));
		part = part < step ? part : step;
		part = part < size - i ? part : size - i;
		memcpy(to, data + i, part);
		i += part;
		int r = mv_frames_added(&f, part);

		if (r < 0)
			return 0;
		if (r == MV_FRAME_READY)
			f.state = MV_FRAMES_LAUNCHED;
		if (r == MV_FRAME_EXIT)
			assert(f.wait_status <= 0xffff);
		if (r == MV_FRAME_FAILED)
			assert(strlen(f.failure) <= MV_FAILED_TEXT_MAX && f.error > 0);
		ends += r == MV_FRAME_EXIT || r == MV_FRAME_FAILED;
		assert(ends <= 1);
	}
	return 0;
}
