/* GET /events/stream: events as they come, until the client goes.
 *
 * NDJSON, or server-sent events (HTML standard, 9.2) for "Accept: text/event-stream". Every 15 s something is
 * written, so that a client that has gone is noticed, and the caller's credential and reach are looked at
 * again. No database connection is held while nothing comes. At most SRV_STREAMS_MAX run at once. */
#ifndef SERVER_REST_STREAM_H
#define SERVER_REST_STREAM_H

#include "server/rest/route.h"

enum {
	SRV_STREAMS_MAX = 32
};

struct srv_stream; /* opaque; owned by the call */

void srv_stream_free(struct srv_stream *stream);

#endif
