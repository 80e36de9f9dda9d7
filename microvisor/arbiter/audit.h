/* The audit record: turns decided accesses into events, equal ones coalesced, the rate limited, none
 * lost in silence.
 *
 * The first of its kind is sent at once, equal ones that follow are counted and sent together after
 * MV_AUDIT_FLUSH_MS. Hides wait from the first one on and are joined by folder: when more than one name
 * of a folder was hidden the event's object is the folder with a "/" at its end.
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
	MV_AUDIT_FLUSH_MS = 250,   /* longest wait of a coalesced event */
	MV_AUDIT_HIDE_MS = 1000    /* and of hides */
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
 * matched. An allow without audit hits records nothing. from: NULL for an access of no exit. */
void mv_audit_record(struct mv_audit *audit, const struct mv_policy *policy,
		     const struct mv_access *access, const struct mv_decision *decision,
		     const struct mv_exit *from);
/* Sends what has waited long enough, or everything when all is set (at the end of the micro-VM: then
 * without the rate limit, and a last event of class MACHINE, object "events-dropped", tells of losses
 * not told yet). Milliseconds until the next flush has something to do, -1 when nothing waits. */
int mv_audit_flush(struct mv_audit *audit, int all);
/* Has every record that starts a wait write to an eventfd (borrowed, non-blocking), so that the I/O
 * thread can sleep without a time limit while nothing waits. Before the first record. */
void mv_audit_wake_by(struct mv_audit *audit, int eventfd);

#endif
