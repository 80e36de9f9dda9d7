/* Events as rows of COPY ... (FORMAT binary): which ones are acceptable, and their bytes. Pure. */
#ifndef SERVER_FLEET_ROWS_H
#define SERVER_FLEET_ROWS_H

#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "proto/fleet.pb-c.h"

/* NULL when the event can be stored, else why not. Words are those of microvisor/arbiter/access.h. */
const char *srv_event_unacceptable(const Ampoule__Event *event);

/* What the rows that follow go by. */
extern const char srv_rows_copy_sql[];
extern const char srv_rows_quarantine_sql[];
/* Begins and ends the bytes of one COPY. -ENOMEM. */
int srv_rows_begin(struct buf *out) must_check;
int srv_rows_end(struct buf *out) must_check;
/* Appends one row, of events and of events_quarantine. -ENOMEM. */
int srv_rows_put_event(struct buf *out, const uint8_t device[16], const uint8_t stream[16],
		       const char *group, const Ampoule__Event *event) must_check;
int srv_rows_put_quarantine(struct buf *out, const uint8_t device[16], const uint8_t stream[16],
			    const char *reason, const Ampoule__Event *event) must_check;

#endif
