/* Batches of events on the channel: checked for form, handed to the ingest, acked when they are settled. */
#include <errno.h>
#include <string.h>

#include "server/fleet/ingest.h"
#include "server/fleet/session.h"

/* Of the stream that Hello named, not too many, sequence rising. */
static bool is_well_formed(const struct srv_session *s, const Ampoule__EventBatch *batch)
{
	uint64_t before = 0;

	if (batch->stream.len != sizeof(s->stream) ||
	    memcmp(batch->stream.data, s->stream, sizeof(s->stream)) != 0 || batch->n_events == 0 ||
	    batch->n_events > SRV_EVENTS_MAX)
		return false;
	for (size_t i = 0; i < batch->n_events; i++) {
		uint64_t sequence = batch->events[i]->sequence;

		if (sequence <= before || sequence > INT64_MAX)
			return false;
		before = sequence;
	}
	return true;
}

int srv_on_event_batch(struct srv_session *s, Ampoule__Frame *frame)
{
	if (!is_well_formed(s, frame->event_batch))
		return srv_session_end(s, "bad-batch",
				       "another stream, an odd number of events, or not in order");
	pthread_mutex_lock(&s->lock);
	s->batches++;
	pthread_mutex_unlock(&s->lock);
	int r = srv_ingest_put(s->services->ingest, s, frame);

	if (r == 0)
		return 1;
	return srv_session_end(s, "unavailable",
			       "the server has more events than it can store now; try again later");
}
