#include "microvisor/arbiter/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	bool hidden;           /* a hide: equal ones are those of the same folder */
	int32_t rule;          /* with the event's serial: which one */
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

/* One thing to record, before it is an event. */
struct entry {
	const struct mv_policy *policy;
	const struct mv_access *access;
	const struct mv_exit *from;
	uint32_t object_bytes; /* of access, what fits an event */
	int32_t rule;
	uint8_t verdict;
	uint8_t severity;
	bool audit;
};

struct mv_audit *mv_audit_new(mv_audit_sink *sink, mv_audit_clock *clock, void *context)
{
	struct mv_audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return NULL;
	if (pthread_mutex_init(&audit->lock, NULL) != 0) {
		free(audit);
		return NULL;
	}
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

	if (gained > NS_PER_SECOND)
		gained = NS_PER_SECOND;
	audit->last_ns = now;
	audit->credit_ns += gained;
	if (audit->credit_ns > NS_PER_SECOND)
		audit->credit_ns = NS_PER_SECOND;
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

/* Tells a slot's event. The lock is released for the sink and taken again. */
static void tell(struct mv_audit *audit, struct slot *slot, uint64_t now)
{
	struct mv_event event = slot->event;

	event.dropped = audit->dropped;
	audit->dropped = 0;
	slot->event.count = 0;
	slot->due_ns = now + (uint64_t)MV_AUDIT_FLUSH_MS * NS_PER_MS;
	if (slot->hidden) /* the next hide there starts anew, with its own full path */
		slot->used = false;
	pthread_mutex_unlock(&audit->lock);
	audit->sink(audit->context, &event);
	pthread_mutex_lock(&audit->lock);
}

static uint32_t key_bytes(const struct entry *entry, bool hidden)
{
	uint32_t n = entry->object_bytes;

	if (!hidden)
		return n;
	while (n > 0 && entry->access->object[n - 1] != '/')
		n--;
	return n;
}

static struct slot *find_slot(struct mv_audit *audit, const struct entry *entry, bool hidden,
			      uint32_t key)
{
	for (unsigned i = 0; i < MV_AUDIT_SLOTS; i++) {
		struct slot *slot = &audit->slots[i];
		const struct mv_event *event = &slot->event;

		if (slot->used && slot->hidden == hidden && slot->key_bytes == key &&
		    slot->rule == entry->rule && event->verdict == entry->verdict &&
		    event->class == entry->access->class && event->op == entry->access->op &&
		    event->audit == entry->audit &&
		    event->serial == entry->policy->header->serial &&
		    memcmp(event->object, entry->access->object, key) == 0)
			return slot;
	}
	return NULL;
}

/* A slot to use: a free one, one that was told, or one told now to make room. NULL: none. */
static struct slot *make_slot(struct mv_audit *audit, uint64_t now)
{
	struct slot *oldest = NULL;

	for (unsigned i = 0; i < MV_AUDIT_SLOTS; i++) {
		struct slot *slot = &audit->slots[i];

		if (!slot->used)
			return slot;
		bool told = slot->event.count == 0;
		bool oldest_told = oldest && oldest->event.count == 0;

		if (!oldest || told > oldest_told ||
		    (told == oldest_told && slot->due_ns < oldest->due_ns))
			oldest = slot;
	}
	if (oldest->event.count == 0)
		return oldest;
	if (!take_credit(audit))
		return NULL;
	tell(audit, oldest, now);
	/* Another thread may have taken it meanwhile. */
	return oldest->used && oldest->event.count > 0 ? NULL : oldest;
}

static void fill(struct slot *slot, const struct entry *entry, uint64_t now)
{
	struct mv_event *event = &slot->event;
	const struct mv_table_header *header = entry->policy->header;

	memset(event, 0, sizeof(*event));
	event->type = MV_MSG_EVENT;
	event->class = entry->access->class;
	event->op = entry->access->op;
	event->verdict = entry->verdict;
	event->audit = entry->audit;
	event->severity = entry->severity;
	event->exit_reason = entry->from->reason;
	event->guest_rip = entry->from->rip;
	event->wall_clock_ns = now;
	event->serial = header->serial;
	event->claimed_uid = entry->from->claimed_uid;
	event->claimed_pid = entry->from->claimed_pid;
	memcpy(event->policy_id, header->policy_id, MV_NAME_MAX);
	mv_policy_rule_id(entry->policy, entry->rule, event->rule);
	event->object_bytes = entry->object_bytes;
	memcpy(event->object, entry->access->object, event->object_bytes);
	slot->used = true;
	slot->rule = entry->rule;
}

/* Another of the same kind. Of several names of a folder, the folder is told. */
static void join(struct slot *slot, const struct entry *entry, uint64_t now)
{
	struct mv_event *event = &slot->event;
	uint32_t n = entry->object_bytes;

	if (event->count == 0)
		event->wall_clock_ns = now;
	event->count++;
	if (slot->hidden &&
	    (event->object_bytes != n || memcmp(event->object, entry->access->object, n) != 0)) {
		event->object_bytes = slot->key_bytes;
		memset(event->object + slot->key_bytes, 0, MV_PATH_MAX - slot->key_bytes);
	}
}

static void wake(const struct mv_audit *audit)
{
	const uint64_t one = 1;

	/* A full counter wakes as well as one more. */
	if (audit->wake_fd >= 0 && write(audit->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void record(struct mv_audit *audit, const struct entry *entry)
{
	bool hidden =
		entry->verdict == MV_HIDE && !entry->audit && entry->access->class == MV_CLASS_FILE;
	uint32_t key = key_bytes(entry, hidden);

	pthread_mutex_lock(&audit->lock);
	uint64_t now = now_with_credit(audit);
	struct slot *slot = find_slot(audit, entry, hidden, key);
	bool is_new = !slot;

	if (is_new)
		slot = make_slot(audit, now);
	if (!slot) {
		audit->dropped++;
		pthread_mutex_unlock(&audit->lock);
		return;
	}
	if (is_new) {
		fill(slot, entry, now);
		slot->hidden = hidden;
		slot->key_bytes = key;
		slot->due_ns = now + (uint64_t)MV_AUDIT_HIDE_MS * NS_PER_MS;
	}
	join(slot, entry, now);
	bool starts = slot->event.count == 1;

	if (is_new && !hidden && take_credit(audit)) {
		tell(audit, slot, now);
		starts = false;
	}
	pthread_mutex_unlock(&audit->lock);
	if (starts)
		wake(audit);
}

void mv_audit_record(struct mv_audit *audit, const struct mv_policy *policy,
		     const struct mv_access *access, const struct mv_decision *decision,
		     const struct mv_exit *from)
{
	struct entry entry = {.policy = policy,
			      .access = access,
			      .from = from,
			      .object_bytes = access->object_bytes,
			      .verdict = decision->verdict,
			      .audit = true};

	if (entry.object_bytes > MV_PATH_MAX)
		entry.object_bytes = MV_PATH_MAX;
	for (unsigned i = 0; i < decision->audit_hits && i < MV_AUDIT_MAX; i++) {
		entry.rule = decision->audit[i];
		entry.severity = policy->rules[entry.rule].severity;
		record(audit, &entry);
	}
	if (decision->verdict < MV_DENY)
		return;
	entry.rule = decision->rule;
	entry.severity = decision->severity;
	entry.audit = false;
	record(audit, &entry);
}

/* Losses that no event has told yet are an event of their own. */
static void tell_losses(struct mv_audit *audit, uint64_t now)
{
	static const char object[] = "events-dropped";
	struct mv_event event = {.type = MV_MSG_EVENT,
				 .class = MV_CLASS_MACHINE,
				 .op = MV_OP_WRITE,
				 .verdict = MV_ALLOW,
				 .severity = MV_MEDIUM,
				 .wall_clock_ns = now,
				 .count = 1,
				 .dropped = audit->dropped,
				 .object_bytes = sizeof(object) - 1};

	memcpy(event.object, object, sizeof(object) - 1);
	audit->dropped = 0;
	pthread_mutex_unlock(&audit->lock);
	audit->sink(audit->context, &event);
	pthread_mutex_lock(&audit->lock);
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
