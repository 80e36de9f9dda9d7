/* Which policies a device can have had: a cache of (group, serial, id), whose rows never change.
 *
 * An event names the policy that refused; a device that names one that no group of its ever had is lying or
 * broken. Questions are gathered and answered by one query. One thread. */
#ifndef SERVER_FLEET_ASSIGNED_H
#define SERVER_FLEET_ASSIGNED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

struct srv_assigned; /* opaque */

struct srv_assigned *srv_assigned_new(void); /* NULL: out of memory */
void srv_assigned_free(struct srv_assigned *assigned);
/* Whether a group (one of "{a,b}", as PostgreSQL prints an array of group names) is known to have had the
 * policy; if not, that becomes a question. */
bool srv_assigned_has(struct srv_assigned *assigned, const char *groups, uint64_t serial,
		      const char *policy_id);
/* Answers all questions since the last time. As srv_query(), -ENOMEM. */
int srv_assigned_answer(struct srv_assigned *assigned, struct srv_conn *conn,
			struct err *err) must_check;

#endif
