/* Rows of events, as a reader pages through them. As store/tokens.h.
 *
 * The order is (xact, id), and only rows of transactions below the oldest running one are given: ids are
 * handed out before commit, so a cursor on the id alone would skip a row that commits late for ever. A
 * transaction that stays open anywhere in the cluster holds the rows of all later ones back: srv_event_log has
 * for how long. A search by what has no index looks at a bounded number of rows at a time. */
#ifndef SERVER_STORE_EVENTS_H
#define SERVER_STORE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

enum {
	SRV_CURSOR_TEXT = 72,
	SRV_EVENTS_STEP = 10000 /* rows that one step looks at */
};

/* A place between two events. Void when the epoch is another one: the database was restored since. */
struct srv_cursor {
	uint64_t epoch;
	uint64_t xact;
	int64_t id;
};
/* "EPOCH-XACT-ID", decimal. -EINVAL for anything else. */
int srv_cursor_parse(const char *text, struct srv_cursor *out) must_check;
void srv_cursor_put(const struct srv_cursor *cursor, char out[SRV_CURSOR_TEXT]);

/* What there is to read. */
struct srv_event_log {
	uint64_t epoch;
	struct srv_cursor oldest; /* before the first event that is kept */
	struct srv_cursor now;    /* behind the last that can be read */
	int64_t held_s;           /* for how long an event has been held back; 0: none is */
};
int srv_events_log(struct srv_conn *conn, struct srv_event_log *out, struct err *err) must_check;
/* Whether a reader that comes with the cursor has missed nothing: its epoch, and nothing behind it is gone. */
bool srv_event_log_has(const struct srv_event_log *log, const struct srv_cursor *cursor);

enum srv_event_column {
	SRV_EVENT_XACT,
	SRV_EVENT_ID,
	SRV_EVENT_RECEIVED,
	SRV_EVENT_DEVICE,
	SRV_EVENT_HOSTNAME,
	SRV_EVENT_GROUP,
	SRV_EVENT_WALL_CLOCK_NS,
	SRV_EVENT_VM,
	SRV_EVENT_TASK,
	SRV_EVENT_USER,
	SRV_EVENT_CLASS,
	SRV_EVENT_OPERATION,
	SRV_EVENT_OBJECT,
	SRV_EVENT_VERDICT,
	SRV_EVENT_AUDIT,
	SRV_EVENT_SEVERITY,
	SRV_EVENT_POLICY,
	SRV_EVENT_SERIAL,
	SRV_EVENT_RULE,
	SRV_EVENT_EXIT_REASON,
	SRV_EVENT_GUEST_RIP,
	SRV_EVENT_COUNT,
	SRV_EVENT_DROPPED,
	SRV_EVENT_IMAGE,
	SRV_EVENT_PROGRAM
};

/* NULL means any, but for scope (store/scope.h). Device, rule and group have an index. */
struct srv_event_filter {
	const char *scope;
	bool newest_first;
	const char *device;
	const char *group;
	const char *vm;
	const char *rule;
	const char *class;
	const char *verdict;
	const char *user;
	const char *task;
};

/* Where a search stands. */
struct srv_event_search {
	bool begun;             /* at holds a place; else the search begins at its end of the log */
	struct srv_cursor at;   /* all before it (behind it with newest_first) was looked at */
	int64_t searched_to_us; /* when the event at that place was received; 0: not known */
	bool done;              /* nothing is left to look at now */
};
/* Looks at the next rows, SRV_EVENTS_STEP at most unless an index finds them, and gives at most limit of those that
 * match, in order. -EINVAL when device is no UUID. */
int srv_events_step(struct srv_conn *conn, const struct srv_event_filter *filter, int64_t limit,
		    struct srv_event_search *search, struct srv_rows **ret_rows,
		    struct err *err) must_check;

/* Counts from the rollups, greatest first, or by time in order. */
struct srv_count_filter {
	const char *scope;
	const char *since, *until; /* as PostgreSQL reads a time; NULL: a day ago, now */
	const char *by; /* "time", "group", "class", "verdict", "severity", "rule", "task" */
	int64_t step_s; /* of "time" */
	const char *group, *rule, *class, *verdict;
	int64_t limit;
};
/* Columns: key, events, what they stand for. -EINVAL: since or until is no time. */
int srv_events_count(struct srv_conn *conn, const struct srv_count_filter *filter,
		     struct srv_rows **ret_rows, struct err *err) must_check;

#endif
