/* The figures of the console's first page, counted by the database and given as JSON texts. As
 * store/tokens.h; scope as store/scope.h has it. */
#ifndef SERVER_STORE_OVERVIEW_H
#define SERVER_STORE_OVERVIEW_H

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

/* One row: an object of devices by state, their policies, and what the installation has. */
int srv_overview_fleet(struct srv_conn *conn, const char *scope, struct srv_rows **ret_rows,
		       struct err *err) must_check;
/* One row: an object of the refused and the recorded accesses of the last 24 hours: by hour, by rule, by
 * device. */
int srv_overview_accesses(struct srv_conn *conn, const char *scope, struct srv_rows **ret_rows,
			  struct err *err) must_check;

#endif
