/* Notices: what operators are told of without asking. A thread looks at the causes every minute, and sends what is
 * new by webhook and mail. Started by `ampoule-server serve`. */
#ifndef SERVER_NOTICES_NOTICES_H
#define SERVER_NOTICES_NOTICES_H

#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/config.h"

struct srv_notices;

/* Starts the thread. context is borrowed. NULL with err. */
struct srv_notices *srv_notices_start(const struct srv_context *context, struct err *err);
/* NULL is fine. */
void srv_notices_stop(struct srv_notices *notices);
/* One turn: raises, forgets, sends; *ret_sent how many. A notice that could not be sent is logged and tried again
 * after five minutes; failure is only that of the database. */
int srv_notices_turn(const struct srv_context *context, size_t *ret_sent,
		     struct err *err) must_check;

#endif
