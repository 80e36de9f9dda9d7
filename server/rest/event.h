/* One event as JSON, and cursors as clients give them: for the list and the stream alike. */
#ifndef SERVER_REST_EVENT_H
#define SERVER_REST_EVENT_H

#include <stdbool.h>

#include "server/rest/pages.h"
#include "server/rest/route.h"
#include "server/store/events.h"

/* Row i as docs/openapi.yaml has it; NULL: out of memory. */
json_t *srv_event_json(uint64_t epoch, const struct srv_rows *rows, size_t i);
/* Reads a cursor that is good in this log; answers 400 or 410 and gives false otherwise. */
bool srv_event_cursor(struct srv_call *call, const struct srv_event_log *log, const char *text,
		      struct srv_cursor *ret_cursor);

#endif
