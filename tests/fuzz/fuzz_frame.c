/* The bytes of a frame's body, as a peer would send them. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/fleet.pb-c.h"
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ProtobufCMessage *message = NULL;
	cleanup_buf struct buf again = {0};

	if (wire_unpack(&ampoule__frame__descriptor, data, size, &message) < 0)
		return 0;
	/* What was accepted can be put on the wire again. */
	if (wire_put_frame(&again, message) < 0)
		abort();
	wire_free(message);
	return 0;
}
