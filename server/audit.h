/* The audit log: what admins did and were refused to do.
 *
 * A deed's row is written in the deed's own transaction: both or neither. Refusals are gathered in memory and
 * written as one row with a count when they are SRV_AUDIT_GATHER_S old, so that a flood of them is neither
 * lost nor a flood of rows. A thread chains committed rows every second (server/chain.h) and keeps the chain's
 * head in DIR/audit.head and in our log. Started by `ampoule-server serve`; any thread may call. */
#ifndef SERVER_AUDIT_H
#define SERVER_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/chain.h"
#include "server/config.h"
#include "server/db.h"

struct srv_audit;

enum {
	SRV_AUDIT_GATHER_S = 5,
	SRV_AUDIT_REFUSALS_MAX = 256, /* different ones at once; more are counted together */
	SRV_AUDIT_TEXT_MAX = 128
};

/* One row; strings borrowed, NULL is "". */
struct srv_audit_entry {
	const char *actor;
	const char *person;
	const char *token;
	const char *session;
	const char *address;
	const char *request;
	const char *action; /* "METHOD /path/of/the/{row}" */
	const char *object;
	const char *outcome; /* "done", "refused", "failed" */
	const char *code;
	int64_t count; /* 0 is 1 */
	const char *was;
	const char *became;
};

/* Writes a row, in the caller's transaction when there is one. */
int srv_audit_add(struct srv_conn *conn, const struct srv_audit_entry *entry,
		  struct err *err) must_check;

/* Starts the thread. db and config are borrowed. NULL with err. */
struct srv_audit *srv_audit_start(struct srv_db *db, const struct srv_config *config,
				  struct err *err);
/* Writes what was gathered, chains it, stops. NULL is fine. */
void srv_audit_stop(struct srv_audit *audit);
/* Gathers a refusal. NULL as audit is fine. */
void srv_audit_refuse(struct srv_audit *audit, const struct srv_audit_entry *entry);
/* What this instance knows of the chain; zeros when audit is NULL. */
struct srv_audit_state {
	int64_t sequence; /* of the last head it has seen */
	bool broken;      /* the chain no longer has that head */
};
void srv_audit_look(struct srv_audit *audit, struct srv_audit_state *ret_state);
/* Writes every gathered refusal and chains all that is committed, now. */
int srv_audit_flush(struct srv_audit *audit, struct err *err) must_check;
/* Checks the chain and that it still has the head this instance remembers, and `seen` when it is given. */
int srv_audit_verify(struct srv_audit *audit, struct srv_conn *conn,
		     const struct srv_chain_head *seen, struct srv_chain_report *report,
		     struct err *err) must_check;

#endif
