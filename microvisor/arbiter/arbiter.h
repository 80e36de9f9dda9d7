/* The arbiter of one micro-VM: the policy in force, the audit record, and whether the micro-VM must end.
 *
 * One per micro-VM. Every device asks it for each access; the I/O thread replaces the policy. All
 * functions take the lock inside and may be called from any thread; a decision and its record belong
 * to one policy, never to two. Lock order: a device's lock, then this one, then the audit record's. */
#ifndef MV_ARBITER_ARBITER_H
#define MV_ARBITER_ARBITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microvisor/arbiter/audit.h"
#include "microvisor/arbiter/policy.h"

struct mv_arbiter; /* opaque */

/* An arbiter over a copy of the table, recording into audit (borrowed, may be NULL: nothing recorded).
 * -EBADMSG or -EFBIG as in mv_policy_init(), -ENOMEM. */
int mv_arbiter_new(const void *table, size_t n, struct mv_audit *audit,
		   struct mv_arbiter **ret_arbiter) __attribute__((warn_unused_result));
void mv_arbiter_free(struct mv_arbiter *arbiter);

/* Puts a copy of another table in force for the next access; its serial in *ret_serial. On failure
 * (as in mv_arbiter_new) the policy in force stays. */
int mv_arbiter_replace(struct mv_arbiter *arbiter, const void *table, size_t n,
		       uint64_t *ret_serial) __attribute__((warn_unused_result));

/* What kind of access it is, where the policy's verdict is not all. */
enum mv_case {
	MV_CASE_PLAIN,
	MV_CASE_WAY, /* to a folder that leads to what a rule or share names: a HIDE by the class's
			fallback becomes an ALLOW and is not recorded */
	MV_CASE_HIDDEN, /* to what the view itself hides, a symbolic link or a device: a HIDE by no rule */
	MV_CASE_INCIDENT /* nobody asked for it: an ALLOW becomes a DENY, so that it is recorded */
};

/* The verdict for an access, enum mv_verdict. It is recorded, and a TERMINATE is remembered. from is where
 * the access came from; NULL: from no exit. */
uint8_t mv_arbiter_decide(struct mv_arbiter *arbiter, const struct mv_access *access,
			  const struct mv_exit *from, enum mv_case how);
/* As mv_arbiter_decide(), for an incident of the machine itself, by its name. */
void mv_arbiter_incident(struct mv_arbiter *arbiter, enum mv_op op, const char *object,
			 const struct mv_exit *from);
/* The decision alone: nothing is recorded, nothing remembered. For what is shown, not reached for. */
void mv_arbiter_peek(struct mv_arbiter *arbiter, const struct mv_access *access,
		     struct mv_decision *out);
/* A question of policy.h about a path, put to the policy in force. */
bool mv_arbiter_ask(struct mv_arbiter *arbiter, mv_policy_question *question, const char *path,
		    size_t n);
/* Whether some verdict was TERMINATE: the machine ends the micro-VM before the next guest entry. */
bool mv_arbiter_is_terminated(const struct mv_arbiter *arbiter);
/* Serial of the policy in force. */
uint64_t mv_arbiter_serial(struct mv_arbiter *arbiter);

#endif
