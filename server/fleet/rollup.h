/* Counts of events by what facets and histograms ask for, gathered over one transaction and added to the
 * minute's rows of this instance: instances never wait for each other's rows. One thread. */
#ifndef SERVER_FLEET_ROLLUP_H
#define SERVER_FLEET_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "proto/fleet.pb-c.h"
#include "server/db.h"

enum {
	SRV_ROLLUP_KEYS = 512 /* of one transaction; rules and tasks above it are counted as '' */
};

struct srv_rollup_key {
	const char *group, *rule, *task; /* borrowed */
	const char *class, *verdict, *severity;
	bool audit;
	uint64_t events; /* 0: a free slot */
	uint64_t total;  /* of their counts */
};

/* Embedded; zero is empty. */
struct srv_rollup {
	struct srv_rollup_key keys[2 * SRV_ROLLUP_KEYS];
	size_t count;
};

/* Borrows the texts until srv_rollup_store(). */
void srv_rollup_add(struct srv_rollup *rollup, const char *group, const Ampoule__Event *event);
/* As srv_query(), -ENOMEM. */
int srv_rollup_store(const struct srv_rollup *rollup, struct srv_conn *conn, const char *instance,
		     struct err *err) must_check;

#endif
