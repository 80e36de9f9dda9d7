/* Downloads over a connection of their own, so that a pushed policy never waits behind an image.
 *
 * One request at a time: a manifest, or a blob from an offset to its end. Parts are decompressed here and
 * handed to the agent as sealed memfds; the agent decides what they are worth. One thread. */
#ifndef AGENT_LINK_FETCH_H
#define AGENT_LINK_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/link.h"
#include "agent/link/channel.h"
#include "common/cleanup.h"

enum {
	AGENT_FETCH_PART_MAX = 1 << 20, /* content of one part */
	AGENT_FETCH_SILENCE_S = 60      /* a request under way must hear something for so long */
};

/* Embedded; zeroed before use. */
struct agent_fetch {
	const struct agent_link_config *config; /* borrowed */
	struct agent_channel channel;
	bool under_way;
	bool again;                  /* bytes wait in the channel: handle them without polling */
	struct agent_link_msg asked; /* AGENT_LINK_MANIFEST_FETCH or AGENT_LINK_BLOB_FETCH */
	uint64_t offset;             /* of the next part of a blob */
	uint64_t heard_ms;
};

/* Begins a request, connecting when needed. What goes wrong is told to the agent over sock. -errno only
 * when the agent cannot be told. */
int agent_fetch_start(struct agent_fetch *fetch, int sock, const struct agent_link_msg *asked,
		      uint64_t now_ms) must_check;
/* Handles what came over the connection. -errno as above. */
int agent_fetch_step(struct agent_fetch *fetch, int sock, uint64_t now_ms) must_check;
void agent_fetch_close(struct agent_fetch *fetch);
/* Decompresses one part: its content in out. -EBADMSG: not one zstd frame of known size;
 * -EFBIG: above AGENT_FETCH_PART_MAX; -ENOMEM. */
int agent_fetch_unpack(const void *data, size_t n, struct buf *out) must_check;

#endif
