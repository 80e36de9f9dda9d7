/* Chores: what the server does by itself when time passes, whoever asks.
 *
 * One thread per serving process looks at each chore in turn (the table in chores.c). Instances are equal, so a
 * chore takes a lock of the database for its transaction and leaves it to the instance that has it; doing one twice
 * changes nothing. A chore that fails is tried again at its next turn, and said once until it succeeds. */
#ifndef SERVER_CHORES_CHORES_H
#define SERVER_CHORES_CHORES_H

#include "common/cleanup.h"
#include "common/err.h"
#include "server/config.h"
#include "server/db.h"

struct srv_chores;

/* Starts the thread. context is borrowed. NULL with err. */
struct srv_chores *srv_chores_start(const struct srv_context *context, struct err *err);
/* Lets the running chore end, and stops. NULL is fine. */
void srv_chores_stop(struct srv_chores *chores);

/* The chores. Each runs in a transaction that the caller commits when 0 is returned and undoes otherwise. */

/* Takes exceptions that have ended out of the signed policies: each group they concerned gets a new serial
 * without them. Devices have ended them by their own clocks already; this lets nobody carry them along. *ret_groups
 * counts the groups; tell the hub after the commit. */
int srv_chore_exceptions(const struct srv_context *context, struct srv_conn *conn,
			 size_t *ret_groups, struct err *err) must_check;

#endif
