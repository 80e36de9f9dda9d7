/* Events into the database, each exactly once.
 *
 * The row of the stream is locked for the transaction that stores a batch and moves last_sequence; what is
 * at or below it was stored before and is skipped. The ack leaves after the commit, so a device that never
 * sees it sends again and nothing is stored twice. An event that is not acceptable by itself goes to
 * quarantine and counts as received: a device must not be stuck on it for ever. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "microvisor/arbiter/access.h"
#include "proto/frame.h"
#include "server/fleet/session.h"
#include "server/uuid.h"

enum {
	EVENTS_MAX = 512, /* proto/fleet.proto, EventBatch */
	TEXT_BYTES = 256,
	COLUMNS = 23
};

/* PostgreSQL, "COPY", section "Binary Format": signature, flags, length of the header extension. */
static const uint8_t copy_header[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
static const uint8_t copy_end[2] = {0xff, 0xff};

static const char copy_sql[] = "COPY events (device, group_name, stream, sequence, wall_clock_ns, "
			       "vm, task, user_name, class, "
			       "operation, object, verdict, audit, severity, policy_id, serial, "
			       "rule, exit_reason, guest_rip, "
			       "count, dropped, image, program) FROM STDIN (FORMAT binary)";

static bool is_word(const char *(*name)(unsigned), const char *text)
{
	for (unsigned i = 1; i < 64; i++) {
		const char *word = name(i);

		if (word && strcmp(word, text) == 0)
			return true;
	}
	return false;
}

/* NULL when the event can be stored, else why not. Words are those of microvisor/arbiter/access.h. */
static const char *unacceptable(const Ampoule__Event *e)
{
	const char *const texts[] = {e->vm,   e->task,        e->user,  e->policy_id,
				     e->rule, e->exit_reason, e->image, e->program};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strlen(texts[i]) > TEXT_BYTES)
			return "a text is too long";
	}
	if (e->object.len > MV_PATH_MAX)
		return "the object is too long";
	if (!is_word(mv_class_name, e->class_))
		return "an unknown class";
	if (!is_word(mv_op_name, e->operation))
		return "an unknown operation";
	if (!is_word(mv_verdict_name, e->verdict))
		return "an unknown verdict";
	if (!is_word(mv_severity_name, e->severity))
		return "an unknown severity";
	return NULL;
}

/* A field of a row: its length, big endian, and its bytes. The first error sticks. */
struct row {
	struct buf *out;
	int r;
};

static void put_be(struct row *row, uint64_t v, size_t bytes)
{
	uint8_t be[8];

	for (size_t i = 0; i < bytes; i++)
		be[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	if (row->r == 0)
		row->r = buf_put(row->out, be, bytes);
}

static void put_bytes(struct row *row, const void *bytes, size_t n)
{
	put_be(row, n, 4);
	if (row->r == 0 && n)
		row->r = buf_put(row->out, bytes, n);
}

static void put_text(struct row *row, const char *text)
{
	put_bytes(row, text, strlen(text));
}

static void put_int(struct row *row, uint64_t v)
{
	put_be(row, 8, 4);
	put_be(row, v, 8);
}

/* In the order of copy_sql. */
static int put_event(struct buf *out, const struct srv_session *s, const char *group,
		     const Ampoule__Event *e)
{
	struct row row = {.out = out};
	uint8_t device[16], audit = e->audit ? 1 : 0;

	srv_uuid_bytes(s->peer.device, device);
	put_be(&row, COLUMNS, 2);
	put_bytes(&row, device, sizeof(device));
	put_text(&row, group);
	put_bytes(&row, s->stream, sizeof(s->stream));
	put_int(&row, e->sequence);
	put_int(&row, e->wall_clock_ns);
	put_text(&row, e->vm);
	put_text(&row, e->task);
	put_text(&row, e->user);
	put_text(&row, e->class_);
	put_text(&row, e->operation);
	put_bytes(&row, e->object.data, e->object.len);
	put_text(&row, e->verdict);
	put_bytes(&row, &audit, 1);
	put_text(&row, e->severity);
	put_text(&row, e->policy_id);
	put_int(&row, e->serial);
	put_text(&row, e->rule);
	put_text(&row, e->exit_reason);
	put_int(&row, e->guest_rip);
	put_int(&row, e->count);
	put_int(&row, e->dropped);
	put_text(&row, e->image);
	put_text(&row, e->program);
	return row.r;
}

static int quarantine(struct srv_conn *conn, struct srv_session *s, const Ampoule__Event *e,
		      const char *reason, struct err *err)
{
	cleanup_buf struct buf packed = {0};
	int r = wire_put_message(&packed, &e->base);

	if (r < 0)
		return err_set(err, r, "cannot pack an event");
	log_warn("event: quarantined device=%s sequence=%" PRIu64 " reason=\"%s\"", s->peer.device,
		 e->sequence, reason);
	return srv_query(conn, NULL, err,
			 "INSERT INTO events_quarantine (device, stream, sequence, reason, packed) "
			 "VALUES ($1, $2, $3, $4, $5)",
			 SRV_TEXT(s->peer.device), SRV_BYTES(s->stream, sizeof(s->stream)),
			 SRV_INT(e->sequence), SRV_TEXT(reason),
			 SRV_BYTES(packed.data, packed.len));
}

/* Locks the stream and reads how far it is, and the device's group of now. */
static int lock_stream(struct srv_conn *conn, struct srv_session *s, uint64_t *ret_last,
		       char group[SRV_GROUP_MAX], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT s.last_sequence, d.group_name FROM streams s "
			  "JOIN devices d ON d.id = s.device WHERE s.device = $1 AND s.stream = $2 "
			  "FOR UPDATE OF s",
			  SRV_TEXT(s->peer.device), SRV_BYTES(s->stream, sizeof(s->stream)));

	if (r < 0)
		return r;
	if (srv_rows_count(rows) == 0)
		return err_set(err, -EIO, "the stream's row is gone");
	*ret_last = (uint64_t)srv_rows_int(rows, 0, 0);
	(void)snprintf(group, SRV_GROUP_MAX, "%s", srv_rows_text(rows, 0, 1));
	return 0;
}

/* Sorts the new events into rows for COPY and quarantine. */
static int put_batch(struct srv_conn *conn, struct srv_session *s, const Ampoule__EventBatch *batch,
		     uint64_t last, const char *group, struct err *err)
{
	cleanup_buf struct buf rows = {0};
	size_t stored = 0;
	int r = buf_put(&rows, copy_header, sizeof(copy_header));

	for (size_t i = 0; r == 0 && i < batch->n_events; i++) {
		const Ampoule__Event *e = batch->events[i];
		const char *why = unacceptable(e);

		if (e->sequence <= last)
			continue;
		if (why) {
			r = quarantine(conn, s, e, why, err);
			continue;
		}
		r = put_event(&rows, s, group, e);
		stored++;
	}
	if (r == 0)
		r = buf_put(&rows, copy_end, sizeof(copy_end));
	if (r == 0 && stored)
		r = srv_copy_in(conn, copy_sql, rows.data, rows.len, err);
	return r == -ENOMEM ? err_set(err, r, "out of memory") : r;
}

static int store(struct srv_conn *conn, struct srv_session *s, const Ampoule__EventBatch *batch,
		 uint64_t *ret_last, struct err *err)
{
	uint64_t last = 0, newest = batch->events[batch->n_events - 1]->sequence;
	char group[SRV_GROUP_MAX];
	int r = srv_begin(conn, err);

	if (r == 0)
		r = lock_stream(conn, s, &last, group, err);
	if (r < 0)
		return r;
	*ret_last = last;
	if (newest <= last)
		return 0; /* all of it was stored before */
	if (batch->events[0]->sequence > last + 1)
		log_warn("event: a gap, device=%s after=%" PRIu64 " next=%" PRIu64, s->peer.device,
			 last, batch->events[0]->sequence);
	r = put_batch(conn, s, batch, last, group, err);
	if (r == 0)
		r = srv_query(
			conn, NULL, err,
			"UPDATE streams SET last_sequence = $3 WHERE device = $1 AND stream = $2",
			SRV_TEXT(s->peer.device), SRV_BYTES(s->stream, sizeof(s->stream)),
			SRV_INT(newest));
	if (r == 0)
		r = srv_commit(conn, err);
	if (r == 0)
		*ret_last = newest;
	return r;
}

/* Of the stream that Hello named, not too many, sequence rising. */
static bool is_well_formed(const struct srv_session *s, const Ampoule__EventBatch *batch)
{
	uint64_t before = 0;

	if (batch->stream.len != sizeof(s->stream) ||
	    memcmp(batch->stream.data, s->stream, sizeof(s->stream)) != 0 || batch->n_events == 0 ||
	    batch->n_events > EVENTS_MAX)
		return false;
	for (size_t i = 0; i < batch->n_events; i++) {
		uint64_t sequence = batch->events[i]->sequence;

		if (sequence <= before || sequence > INT64_MAX)
			return false;
		before = sequence;
	}
	return true;
}

int srv_on_event_batch(struct srv_session *s, const Ampoule__Frame *frame)
{
	Ampoule__EventAck ack;
	Ampoule__Frame reply;
	struct err err = {0};
	uint64_t last = 0;

	if (!is_well_formed(s, frame->event_batch))
		return srv_session_end(s, "bad-batch",
				       "another stream, an odd number of events, or not in order");
	struct srv_conn *conn = srv_db_get(s->context->db, &err);
	int r = conn ? store(conn, s, frame->event_batch, &last, &err) : -ENOTCONN;

	srv_db_put(s->context->db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	ampoule__event_ack__init(&ack);
	ampoule__frame__init(&reply);
	ack.stream.data = s->stream;
	ack.stream.len = sizeof(s->stream);
	ack.sequence = last;
	reply.kind_case = AMPOULE__FRAME__KIND_EVENT_ACK;
	reply.event_ack = &ack;
	return srv_wire_send(&s->wire, &reply);
}
