/* The audit record: turns decided accesses into events, equal ones coalesced, the rate limited, none
 * lost in silence.
 *
 * One per micro-VM. The vCPU thread records; the I/O thread flushes what waits. Both take the lock
 * inside. The sink is called without the lock and may block for the control socket only. */
#ifndef MV_ARBITER_AUDIT_H
#define MV_ARBITER_AUDIT_H

#include <pthread.h>
#include <stdint.h>

#include "microvisor/arbiter/access.h"
#include "microvisor/arbiter/policy.h"

enum {
	MV_AUDIT_SLOTS = 64,       /* different events waiting */
	MV_AUDIT_PER_SECOND = 200, /* events sent; more are counted as dropped */
	MV_AUDIT_FLUSH_MS = 250    /* longest wait of a coalesced event */
};

struct mv_event; /* microvisor.h */

/* Where an access came from: filled by the vCPU thread at each exit. */
struct mv_exit {
	uint32_t reason; /* KVM_EXIT_* */
	uint64_t rip;
	uint32_t claimed_uid;
	uint32_t claimed_pid;
};

struct mv_audit; /* opaque */

typedef void mv_audit_sink(void *context, const struct mv_event *event);
typedef uint64_t mv_audit_clock(
	void *context); /* CLOCK_REALTIME in nanoseconds; passed in for tests */

/* NULL when out of memory. sink and clock are called with context; all borrowed. */
struct mv_audit *mv_audit_new(mv_audit_sink *sink, mv_audit_clock *clock, void *context);
void mv_audit_free(struct mv_audit *audit);
/* Records what is worth telling of a decision: a deny, hide or terminate, and each audit rule that
 * matched. An allow without audit hits records nothing. */
void mv_audit_record(struct mv_audit *audit, const struct mv_policy *policy,
		     const struct mv_access *access, const struct mv_decision *decision,
		     const struct mv_exit *from);
/* Sends what has waited long enough, or everything when all is set. */
void mv_audit_flush(struct mv_audit *audit, int all);

#endif
