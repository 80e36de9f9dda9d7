#include "microvisor/arbiter/arbiter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The table is copied: what lies in a descriptor of another process is read once. Decision and record
 * happen under one hold of the lock, so that an event names the policy that decided. */

struct mv_arbiter {
	pthread_rwlock_t lock;
	struct mv_policy policy; /* guarded by lock */
	void *table;             /* guarded by lock; the bytes behind policy */
	struct mv_audit *audit;
	atomic_bool terminated;
};

int mv_arbiter_new(const void *table, size_t n, struct mv_audit *audit,
		   struct mv_arbiter **ret_arbiter)
{
	struct mv_arbiter *arbiter = calloc(1, sizeof(*arbiter));
	uint64_t serial;

	if (!arbiter)
		return -ENOMEM;
	pthread_rwlock_init(&arbiter->lock, NULL);
	arbiter->audit = audit;
	int r = mv_arbiter_replace(arbiter, table, n, &serial);

	if (r < 0) {
		mv_arbiter_free(arbiter);
		return r;
	}
	*ret_arbiter = arbiter;
	return 0;
}

void mv_arbiter_free(struct mv_arbiter *arbiter)
{
	if (!arbiter)
		return;
	pthread_rwlock_destroy(&arbiter->lock);
	free(arbiter->table);
	free(arbiter);
}

int mv_arbiter_replace(struct mv_arbiter *arbiter, const void *table, size_t n,
		       uint64_t *ret_serial)
{
	struct mv_policy policy;

	if (n > MV_TABLE_BYTES_MAX)
		return -EFBIG;
	void *copy = malloc(n ? n : 1); /* aligned for anything */

	if (!copy)
		return -ENOMEM;
	memcpy(copy, table, n);
	int r = mv_policy_init(&policy, copy, n);

	if (r < 0) {
		free(copy);
		return r;
	}
	pthread_rwlock_wrlock(&arbiter->lock);
	void *old = arbiter->table;

	arbiter->table = copy;
	arbiter->policy = policy;
	pthread_rwlock_unlock(&arbiter->lock);
	free(old);
	*ret_serial = policy.header->serial;
	return 0;
}

uint8_t mv_arbiter_decide(struct mv_arbiter *arbiter, const struct mv_access *access,
			  const struct mv_exit *from, enum mv_case how)
{
	struct mv_decision decision = {.verdict = MV_HIDE, .severity = MV_LOW, .rule = -1};

	pthread_rwlock_rdlock(&arbiter->lock);
	if (how != MV_CASE_HIDDEN)
		mv_arbitrate(&arbiter->policy, access, &decision);
	if (how == MV_CASE_WAY && decision.verdict == MV_HIDE && decision.rule < 0)
		decision.verdict = MV_ALLOW;
	if (how == MV_CASE_INCIDENT && decision.verdict < MV_DENY)
		decision.verdict = MV_DENY;
	if (arbiter->audit)
		mv_audit_record(arbiter->audit, &arbiter->policy, access, &decision, from);
	pthread_rwlock_unlock(&arbiter->lock);
	if (decision.verdict == MV_TERMINATE)
		atomic_store(&arbiter->terminated, true);
	return decision.verdict;
}

void mv_arbiter_incident(struct mv_arbiter *arbiter, enum mv_op op, const char *object,
			 const struct mv_exit *from)
{
	struct mv_access access = {.class = MV_CLASS_MACHINE,
				   .op = (uint8_t)op,
				   .object_bytes = (uint16_t)strlen(object),
				   .object = object};

	(void)mv_arbiter_decide(arbiter, &access, from, MV_CASE_INCIDENT);
}

void mv_arbiter_peek(struct mv_arbiter *arbiter, const struct mv_access *access,
		     struct mv_decision *out)
{
	pthread_rwlock_rdlock(&arbiter->lock);
	mv_arbitrate(&arbiter->policy, access, out);
	pthread_rwlock_unlock(&arbiter->lock);
}

bool mv_arbiter_ask(struct mv_arbiter *arbiter, mv_policy_question *question, const char *path,
		    size_t n)
{
	pthread_rwlock_rdlock(&arbiter->lock);
	bool answer = question(&arbiter->policy, path, n);

	pthread_rwlock_unlock(&arbiter->lock);
	return answer;
}

bool mv_arbiter_is_terminated(const struct mv_arbiter *arbiter)
{
	return atomic_load(&arbiter->terminated);
}

uint64_t mv_arbiter_serial(struct mv_arbiter *arbiter)
{
	pthread_rwlock_rdlock(&arbiter->lock);
	uint64_t serial = arbiter->policy.header->serial;

	pthread_rwlock_unlock(&arbiter->lock);
	return serial;
}
