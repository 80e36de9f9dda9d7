/* The chain over the audit log: what makes a changed, removed, inserted, reordered or truncated row show,
 * also one that was changed with SQL.
 *
 * Every committed row gets the next sequence and mac = HMAC-SHA256(key, mac before, sequence, the row). The key
 * comes from DIR/ca.key (server/derive.h), which the database does not have, so that SQL alone cannot make a
 * chain that fits. Rows cut off the end leave a chain that is good but short: whoever remembers a head (each
 * instance, each ampoulectl) sees that it is gone. A row removed in the second before it is chained is not
 * noticed. Every function runs on a connection that its thread holds. */
#ifndef SERVER_CHAIN_H
#define SERVER_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

enum {
	SRV_CHAIN_MAC = 32
};

/* The end of a chain; sequence 0 = nothing is chained yet. */
struct srv_chain_head {
	int64_t sequence;
	uint8_t mac[SRV_CHAIN_MAC];
};

struct srv_chain_report {
	bool intact;
	struct srv_chain_head head;
	int64_t rows;     /* chained and good */
	int64_t waiting;  /* rows that are not chained yet */
	int64_t sequence; /* where it breaks; 0 = nowhere in particular */
	char finding[160];
};

/* Chains what has been committed since; only one connection at a time does, others find nothing to do. Gives
 * the head as it is then. */
int srv_chain_extend(struct srv_conn *conn, const uint8_t key[32], struct srv_chain_head *ret_head,
		     struct err *err) must_check;
/* Whether the chain has that head; one with sequence 0 it has. */
int srv_chain_has(struct srv_conn *conn, const struct srv_chain_head *head, bool *ret_has,
		  struct err *err) must_check;
/* Walks the whole chain. `known` heads must be in it; those with sequence 0 are ignored. What is found is in the
 * report; failure is only that of the database. */
int srv_chain_verify(struct srv_conn *conn, const uint8_t key[32],
		     const struct srv_chain_head *known, size_t known_count,
		     struct srv_chain_report *report, struct err *err) must_check;

#endif
