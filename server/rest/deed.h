/* A request that nothing forbids, done: in one transaction with its audit row, its precondition (If-Match) and the
 * answer that is kept for whoever sends it again. On the thread that holds the call. */
#ifndef SERVER_REST_DEED_H
#define SERVER_REST_DEED_H

#include "server/rest/route.h"

/* Runs the row's handler with a connection. Answers, or fails with err. */
int srv_deed_do(struct srv_call *call, struct err *err) must_check;
/* Counts what was refused: changes, and whatever a role was too small for. */
void srv_deed_audit_refused(const struct srv_call *call);

#endif
