/* What is written about devices but not waited for: what became of a policy, and that a device is gone.
 *
 * One thread writes whatever came meanwhile in one transaction, at most every SRV_LEDGER_MS; while the database
 * is away it is kept and tried again. What is lost with the process is told again by Hello. Any thread may
 * write into it. */
#ifndef SERVER_FLEET_LEDGER_H
#define SERVER_FLEET_LEDGER_H

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "proto/fleet.pb-c.h"
#include "server/db.h"

enum {
	SRV_LEDGER_MS = 50,
	SRV_LEDGER_MAX = 100000, /* notes kept; above, a device is told to come again */
	SRV_REASON_BYTES = 1024
};

struct srv_ledger; /* opaque */

/* db and instance are borrowed. NULL with err. */
struct srv_ledger *srv_ledger_start(struct srv_db *db, const char *instance, struct err *err);
/* Writes what is there, once, and ends the thread. NULL is fine. */
void srv_ledger_stop(struct srv_ledger *ledger);
/* -EBUSY: there are SRV_LEDGER_MAX already; -ENOMEM. */
int srv_ledger_policy(struct srv_ledger *ledger, const char *device,
		      const Ampoule__PolicyState *state) must_check;
/* The session whose Hello rolled the counter is over. A device that came again has another counter. */
void srv_ledger_left(struct srv_ledger *ledger, const char *device, uint64_t counter);

#endif
