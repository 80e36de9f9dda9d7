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

static int copy_table(const void *table, size_t n, void **ret_copy, struct mv_policy *ret_policy)
{
	if (n > MV_TABLE_BYTES_MAX)
		return -EFBIG;
	void *copy = malloc(n ? n : 1); /* aligned for anything */

	if (!copy)
		return -ENOMEM;
	memcpy(copy, table, n);
	int r = mv_policy_init(ret_policy, copy, n);

	if (r < 0) {
		free(copy);
		return r;
	}
	*ret_copy = copy;
	return 0;
}

int mv_arbiter_new(const void *table, size_t n, struct mv_audit *audit,
		   struct mv_arbiter **ret_arbiter)
{
	struct mv_arbiter *arbiter = calloc(1, sizeof(*arbiter));

	if (!arbiter)
		return -ENOMEM;
	int r = copy_table(table, n, &arbiter->table, &arbiter->policy);

	if (r < 0)
		goto free_arbiter;
	r = -pthread_rwlock_init(&arbiter->lock, NULL);
	if (r < 0)
		goto free_table;
	arbiter->audit = audit;
	*ret_arbiter = arbiter;
	return 0;
free_table:
	free(arbiter->table);
free_arbiter:
	free(arbiter);
	return r;
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
	void *copy = NULL;
	int r = copy_table(table, n, &copy, &policy);

	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&arbiter->lock);
	void *old = arbiter->table;

	arbiter->table = copy;
	arbiter->policy = policy;
	pthread_rwlock_unlock(&arbiter->lock);
	free(old);
	*ret_serial = policy.header->serial;
	return 0;
}

/* With the lock held. */
static void settle(struct mv_arbiter *arbiter, const struct mv_access *access,
		   const struct mv_exit *from, const struct mv_decision *decision)
{
	if (arbiter->audit)
		mv_audit_record(arbiter->audit, &arbiter->policy, access, decision, from);
	if (decision->verdict == MV_TERMINATE)
		atomic_store(&arbiter->terminated, true);
}

void mv_arbiter_decide(struct mv_arbiter *arbiter, const struct mv_access *access,
		       const struct mv_exit *from, struct mv_decision *out)
{
	pthread_rwlock_rdlock(&arbiter->lock);
	mv_arbitrate(&arbiter->policy, access, out);
	settle(arbiter, access, from, out);
	pthread_rwlock_unlock(&arbiter->lock);
}

void mv_arbiter_decide_way(struct mv_arbiter *arbiter, const struct mv_access *access,
			   const struct mv_exit *from, struct mv_decision *out)
{
	pthread_rwlock_rdlock(&arbiter->lock);
	mv_arbitrate(&arbiter->policy, access, out);
	if (out->verdict == MV_HIDE && out->rule < 0)
		out->verdict = MV_ALLOW;
	settle(arbiter, access, from, out);
	pthread_rwlock_unlock(&arbiter->lock);
}

void mv_arbiter_peek(struct mv_arbiter *arbiter, const struct mv_access *access,
		     struct mv_decision *out)
{
	pthread_rwlock_rdlock(&arbiter->lock);
	mv_arbitrate(&arbiter->policy, access, out);
	pthread_rwlock_unlock(&arbiter->lock);
}

void mv_arbiter_refuse(struct mv_arbiter *arbiter, const struct mv_access *access,
		       const struct mv_exit *from, enum mv_verdict verdict)
{
	struct mv_decision decision = {.verdict = (uint8_t)verdict, .severity = MV_LOW, .rule = -1};

	pthread_rwlock_rdlock(&arbiter->lock);
	settle(arbiter, access, from, &decision);
	pthread_rwlock_unlock(&arbiter->lock);
}

void mv_arbiter_incident(struct mv_arbiter *arbiter, const struct mv_access *access,
			 const struct mv_exit *from)
{
	struct mv_decision decision;

	pthread_rwlock_rdlock(&arbiter->lock);
	mv_arbitrate(&arbiter->policy, access, &decision);
	if (decision.verdict < MV_DENY)
		decision.verdict = MV_DENY;
	settle(arbiter, access, from, &decision);
	pthread_rwlock_unlock(&arbiter->lock);
}

bool mv_arbiter_is_terminated(const struct mv_arbiter *arbiter)
{
	return atomic_load(&arbiter->terminated);
}

/* One question about a path, of the policy in force. */
static bool ask(struct mv_arbiter *arbiter,
		bool (*question)(const struct mv_policy *, const char *, size_t), const char *path,
		size_t n)
{
	pthread_rwlock_rdlock(&arbiter->lock);
	bool answer = question(&arbiter->policy, path, n);

	pthread_rwlock_unlock(&arbiter->lock);
	return answer;
}

bool mv_arbiter_leads_to(struct mv_arbiter *arbiter, const char *path, size_t n)
{
	return ask(arbiter, mv_policy_leads_to, path, n);
}

bool mv_arbiter_may_hold(struct mv_arbiter *arbiter, const char *path, size_t n)
{
	return ask(arbiter, mv_policy_may_hold, path, n);
}

bool mv_arbiter_is_sealed(struct mv_arbiter *arbiter, const char *path, size_t n)
{
	return ask(arbiter, mv_policy_is_sealed, path, n);
}

uint64_t mv_arbiter_serial(struct mv_arbiter *arbiter)
{
	pthread_rwlock_rdlock(&arbiter->lock);
	uint64_t serial = arbiter->policy.header->serial;

	pthread_rwlock_unlock(&arbiter->lock);
	return serial;
}
