/* Rows of audit, for readers; server/audit.h writes them. As store/tokens.h. */
#ifndef SERVER_STORE_AUDIT_H
#define SERVER_STORE_AUDIT_H

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"
#include "server/store/events.h"

enum srv_audit_column {
	SRV_AUDIT_XACT,
	SRV_AUDIT_ID,
	SRV_AUDIT_AT,
	SRV_AUDIT_ACTOR,
	SRV_AUDIT_PERSON,
	SRV_AUDIT_TOKEN,
	SRV_AUDIT_SESSION,
	SRV_AUDIT_ADDRESS,
	SRV_AUDIT_REQUEST,
	SRV_AUDIT_ACTION,
	SRV_AUDIT_OBJECT,
	SRV_AUDIT_OUTCOME,
	SRV_AUDIT_CODE,
	SRV_AUDIT_COUNT,
	SRV_AUDIT_WAS,
	SRV_AUDIT_BECAME
};

/* NULL means any. */
struct srv_audit_filter {
	const struct srv_cursor *after; /* of the page before */
	bool newest_first;
	const char *actor;
	const char *action; /* how it begins */
	const char *outcome;
	int64_t limit;
};
/* Committed rows in the order (xact, id), as events are. */
int srv_audit_list(struct srv_conn *conn, const struct srv_audit_filter *filter,
		   struct srv_rows **ret_rows, struct err *err) must_check;

#endif
