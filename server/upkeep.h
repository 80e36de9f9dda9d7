/* Upkeep: what must be done now and then whoever does it. Days of events are made ahead, dropped when they are
 * old or the disk budget is used up, and devices of instances that died are told apart from connected ones.
 *
 * One thread per instance; the one that gets an advisory lock does the round, the others look again later. */
#ifndef SERVER_UPKEEP_H
#define SERVER_UPKEEP_H

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/config.h"
#include "server/db.h"

enum {
	SRV_UPKEEP_S = 60,
	SRV_EVENTS_DAYS = 90 /* kept when server.conf does not say otherwise */
};

struct srv_upkeep; /* opaque */

/* Both are borrowed. -EINVAL with err for a configuration that makes no sense. NULL with err. */
struct srv_upkeep *srv_upkeep_start(struct srv_db *db, const struct srv_config *config,
				    struct err *err);
void srv_upkeep_stop(struct srv_upkeep *upkeep); /* NULL is fine */
/* Whether events have used up their disk budget though every day that is over was dropped: then no more are
 * taken. Any thread; NULL has no budget. */
bool srv_upkeep_is_full(const struct srv_upkeep *upkeep);

#endif
