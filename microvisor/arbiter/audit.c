#include "microvisor/arbiter/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "microvisor/microvisor.h"

/* A slot is one kind of event: the last of it that was begun, and how many more came since. A slot whose
 * count is 0 was just told and waits for equal ones until it is due. The lock is never held while the
 * sink runs, so a slow control socket delays its caller alone. */

enum {
	NS_PER_MS = 1000000,
	NS_PER_SECOND = 1000000000,
	NS_PER_EVENT = NS_PER_SECOND / MV_AUDIT_PER_SECOND,
	RETRY_MS = 10 /* when only the rate limit holds an event back */
};

struct slot {
	bool used;
	uint32_t key_bytes;    /* of the object that equal ones share */
	uint64_t due_ns;       /* when to tell, or to forget a count of 0 */
	struct mv_event event; /* count: not yet told */
};

struct mv_audit {
	pthread_mutex_t lock;
	mv_audit_sink *sink;
	mv_audit_clock *clock;
	void *context;
	int wake_fd;        /* -1: none */
	uint64_t last_ns;   /* guarded by lock, like all below: when credit was last given */
	uint64_t credit_ns; /* of the rate limit; an event costs NS_PER_EVENT */
	uint64_t dropped;
	struct slot slots[MV_AUDIT_SLOTS];
};

struct mv_audit *mv_audit_new(mv_audit_sink *sink, mv_audit_clock *clock, void *context)
{
	struct mv_audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return NULL;
	pthread_mutex_init(&audit->lock, NULL);
	audit->sink = sink;
	audit->clock = clock;
	audit->context = context;
	audit->wake_fd = -1;
	audit->last_ns = clock(context);
	audit->credit_ns = NS_PER_SECOND;
	return audit;
}

void mv_audit_free(struct mv_audit *audit)
{
	if (!audit)
		return;
	pthread_mutex_destroy(&audit->lock);
	free(audit);
}

void mv_audit_wake_by(struct mv_audit *audit, int eventfd)
{
	audit->wake_fd = eventfd;
}

/* The clock may be set back or forward by any amount; credit never exceeds one second's worth. */
static uint64_t now_with_credit(struct mv_audit *audit)
{
	uint64_t now = audit->clock(audit->context);
	uint64_t gained = now > audit->last_ns ? now - audit->last_ns : 0;

	audit->last_ns = now;
	audit->credit_ns = gained < NS_PER_SECOND - audit->credit_ns ? audit->credit_ns + gained
								     : NS_PER_SECOND;
	return now;
}

static bool take_credit(struct mv_audit *audit)
{
	if (audit->credit_ns < NS_PER_EVENT)
		return false;
	audit->credit_ns -= NS_PER_EVENT;
	return true;
}

/* Due at `due`; also when the clock was set back so far that it would wait longer than any slot may. */
static bool is_due(uint64_t due, uint64_t now)
{
	return now >= due || due - now > (uint64_t)MV_AUDIT_HIDE_MS * NS_PER_MS;
}

/* A hide of a file; equal ones are those of the same folder. */
static bool is_hide(const struct mv_event *event)
{
	return event->verdict == MV_HIDE && !event->audit && event->class == MV_CLASS_FILE;
}

/* With the losses before it. The lock is released for the sink and taken again. */
static void send(struct mv_audit *audit, struct mv_event *event)
{
	event->dropped = audit->dropped;
	audit->dropped = 0;
	pthread_mutex_unlock(&audit->lock);
	audit->sink(audit->context, event);
	pthread_mutex_lock(&audit->lock);
}

/* Sends a slot's event. */
static void tell(struct mv_audit *audit, struct slot *slot, uint64_t now)
{
	struct mv_event event = slot->event;

	slot->event.count = 0;
	slot->due_ns = now + (uint64_t)MV_AUDIT_FLUSH_MS * NS_PER_MS;
	if (is_hide(&event)) /* the next hide there starts anew, with its own full path */
		slot->used = false;
	send(audit, &event);
}

static uint32_t key_bytes(const struct mv_event *event)
{
	uint32_t n = event->object_bytes;

	while (is_hide(event) && n > 0 && event->object[n - 1] != '/')
		n--;
	return n;
}

/* The slot of an equal event, or NULL. */
static struct slot *find_slot(struct mv_audit *audit, const struct mv_event *like, uint32_t key)
{
	for (unsigned i = 0; i < MV_AUDIT_SLOTS; i++) {
		struct slot *slot = &audit->slots[i];
		const struct mv_event *event = &slot->event;

		if (slot->used && slot->key_bytes == key && event->class == like->class &&
		    event->op == like->op && event->verdict == like->verdict &&
		    event->audit == like->audit && event->serial == like->serial &&
		    strcmp(event->rule, like->rule) == 0 &&
		    memcmp(event->object, like->object, key) == 0)
			return slot;
	}
	return NULL;
}

/* How dear a slot is to us: it is free, its event was told, or it waits. */
static unsigned worth(const struct slot *slot)
{
	return !slot->used ? 0 : slot->event.count == 0 ? 1 : 2;
}

/* A slot to use: a free one, one that was told, or one told now to make room. NULL: none. */
static struct slot *make_slot(struct mv_audit *audit, uint64_t now)
{
	struct slot *least = &audit->slots[0];

	for (unsigned i = 1; i < MV_AUDIT_SLOTS; i++) {
		struct slot *slot = &audit->slots[i];

		if (worth(slot) < worth(least) ||
		    (worth(slot) == worth(least) && slot->due_ns < least->due_ns))
			least = slot;
	}
	if (worth(least) < 2)
		return least;
	if (!take_credit(audit))
		return NULL;
	tell(audit, least, now);
	/* Another thread may have taken it meanwhile. */
	return worth(least) < 2 ? least : NULL;
}

/* Another of the slot's kind. Of several names of a folder, the folder is told. */
static void join(struct slot *slot, const struct mv_event *like, uint64_t now)
{
	struct mv_event *event = &slot->event;

	if (event->count == 0)
		event->wall_clock_ns = now;
	event->count++;
	if (is_hide(like) && (event->object_bytes != like->object_bytes ||
			      memcmp(event->object, like->object, like->object_bytes) != 0)) {
		event->object_bytes = slot->key_bytes;
		memset(event->object + slot->key_bytes, 0, MV_PATH_MAX - slot->key_bytes);
	}
}

static void record(struct mv_audit *audit, const struct mv_event *event)
{
	uint32_t key = key_bytes(event);

	pthread_mutex_lock(&audit->lock);
	uint64_t now = now_with_credit(audit);
	struct slot *slot = find_slot(audit, event, key);
	bool is_new = !slot;

	if (is_new)
		slot = make_slot(audit, now);
	if (is_new && slot)
		*slot = (struct slot){.used = true,
				      .key_bytes = key,
				      .due_ns = now + (uint64_t)MV_AUDIT_HIDE_MS * NS_PER_MS,
				      .event = *event};
	if (slot)
		join(slot, event, now);
	else
		audit->dropped++;
	if (slot && is_new && !is_hide(event) && take_credit(audit))
		tell(audit, slot, now);
	else if (slot && slot->event.count == 1 && audit->wake_fd >= 0)
		(void)eventfd_write(audit->wake_fd,
				    1); /* fails only when it is signalled already */
	pthread_mutex_unlock(&audit->lock);
}

void mv_audit_record(struct mv_audit *audit, const struct mv_policy *policy,
		     const struct mv_access *access, const struct mv_decision *decision,
		     const struct mv_exit *from)
{
	struct mv_event event;

	/* Most accesses are allowed and no audit rule's: they shall cost nothing here. */
	if (decision->verdict < MV_DENY && decision->audit_hits == 0)
		return;
	event = (struct mv_event){.type = MV_MSG_EVENT,
				  .class = access->class,
				  .op = access->op,
				  .verdict = decision->verdict,
				  .audit = 1,
				  .serial = policy->header->serial,
				  .object_bytes = access->object_bytes};
	if (from) {
		event.exit_reason = from->reason;
		event.guest_rip = from->rip;
		event.claimed_uid = from->claimed_uid;
		event.claimed_pid = from->claimed_pid;
	}
	memcpy(event.policy_id, policy->header->policy_id, MV_NAME_MAX);
	if (event.object_bytes > MV_PATH_MAX)
		event.object_bytes = MV_PATH_MAX;
	memcpy(event.object, access->object, event.object_bytes);
	for (unsigned i = 0; i < decision->audit_hits && i < MV_AUDIT_MAX; i++) {
		event.severity = policy->rules[decision->audit[i]].severity;
		mv_policy_rule_id(policy, decision->audit[i], event.rule);
		record(audit, &event);
	}
	if (decision->verdict < MV_DENY)
		return;
	event.audit = 0;
	event.severity = decision->severity;
	mv_policy_rule_id(policy, decision->rule, event.rule);
	record(audit, &event);
}

/* Losses that no event has told yet are an event of their own. */
static void tell_losses(struct mv_audit *audit, uint64_t now)
{
	struct mv_event event = {.type = MV_MSG_EVENT,
				 .class = MV_CLASS_MACHINE,
				 .op = MV_OP_WRITE,
				 .verdict = MV_ALLOW,
				 .severity = MV_MEDIUM,
				 .wall_clock_ns = now,
				 .count = 1,
				 .object_bytes = sizeof("events-dropped") - 1,
				 .object = "events-dropped"};

	send(audit, &event);
}

/* Milliseconds until the next waiting slot is due. */
static int next_due_ms(const struct mv_audit *audit, uint64_t now)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < MV_AUDIT_SLOTS; i++) {
		const struct slot *slot = &audit->slots[i];

		if (!slot->used || slot->event.count == 0)
			continue;
		uint64_t left = is_due(slot->due_ns, now) ? (uint64_t)RETRY_MS * NS_PER_MS
							  : slot->due_ns - now;

		least = left < least ? left : least;
	}
	if (least == UINT64_MAX)
		return audit->dropped ? RETRY_MS : -1;
	return (int)(least / NS_PER_MS) + 1;
}

int mv_audit_flush(struct mv_audit *audit, int all)
{
	pthread_mutex_lock(&audit->lock);
	uint64_t now = now_with_credit(audit);

	for (unsigned i = 0; i < MV_AUDIT_SLOTS; i++) {
		struct slot *slot = &audit->slots[i];

		if (!slot->used || (!all && !is_due(slot->due_ns, now)))
			continue;
		if (slot->event.count == 0)
			slot->used = false;
		else if (take_credit(audit) || all)
			tell(audit, slot, now);
	}
	if (audit->dropped && (take_credit(audit) || all))
		tell_losses(audit, now);
	int left_ms = next_due_ms(audit, now);

	pthread_mutex_unlock(&audit->lock);
	return left_ms;
}
