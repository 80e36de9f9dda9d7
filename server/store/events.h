/* Rows of events, as a reader pages through them. As store/tokens.h.
 *
 * The order is (xact, id), and only rows of transactions below the oldest running one are given: ids are
 * handed out before commit, so a cursor on the id alone would skip a row that commits late for ever. */
#ifndef SERVER_STORE_EVENTS_H
#define SERVER_STORE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/db.h"

enum {
	SRV_CURSOR_TEXT = 48
};

/* A place between two events. */
struct srv_cursor {
	uint64_t xact;
	int64_t id;
};
/* "XACT-ID", decimal. -EINVAL for anything else. */
int srv_cursor_parse(const char *text, struct srv_cursor *out) must_check;
void srv_cursor_put(const struct srv_cursor *cursor, char out[SRV_CURSOR_TEXT]);

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

/* NULL means any, but for scope (store/scope.h). */
struct srv_event_filter {
	const char *scope;
	const struct srv_cursor *after; /* NULL: from the first, or with newest_first the last */
	bool newest_first;
	const char *device;
	const char *group;
	const char *vm;
	const char *rule;
	const char *class;
	const char *verdict;
	const char *user;
	const char *task;
	int64_t limit;
};
/* -EINVAL when device is no UUID. */
int srv_events_list(struct srv_conn *conn, const struct srv_event_filter *filter,
		    struct srv_rows **ret_rows, struct err *err) must_check;

#endif
