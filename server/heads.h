/* The newest policy of each group, packed for the wire once and shared by every session that sends it.
 *
 * A policy is immutable and counted: any thread may hold a reference. A set of heads is its owner's; the hub
 * keeps one under its lock and replaces it whole. */
#ifndef SERVER_HEADS_H
#define SERVER_HEADS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/digest.h"
#include "common/err.h"
#include "server/db.h"

enum {
	SRV_GROUP_MAX = 64,
	SRV_POLICY_ID_MAX = 64,
	SRV_HEADS_MAX = 4096
};

struct srv_policy {
	atomic_uint refs;
	char group[SRV_GROUP_MAX];
	char id[SRV_POLICY_ID_MAX];
	uint64_t serial;
	uint8_t digest[DIGEST_BYTES];
	struct buf announce; /* a PolicyAnnounce frame */
	struct buf body;     /* a PolicyBody frame */
};

struct srv_policy *srv_policy_ref(struct srv_policy *policy);
void srv_policy_unref(struct srv_policy *policy); /* NULL is fine */

struct srv_heads {
	struct srv_policy **list; /* owned, each with a reference; sorted by group */
	size_t count;
};

/* Reads which serial is the newest of each group, and the envelopes of those that are not in `before`, which
 * stays as it is. As srv_query(), -ENOMEM. */
int srv_heads_read(struct srv_conn *conn, const struct srv_heads *before,
		   struct srv_heads *ret_heads, struct err *err) must_check;
void srv_heads_release(struct srv_heads *heads);
/* Borrowed; NULL when the group has none. */
struct srv_policy *srv_heads_find(const struct srv_heads *heads, const char *group);

#endif
