#include "server/fleet/session.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "proto/frame.h"
#include "server/fleet/ingest.h"
#include "server/fleet/ledger.h"

enum {
	FRAMES_AT_ONCE = 64, /* of one peer, before others have their turn */
	PARKED_MS = 1000 /* between tries of a session whose events the server cannot take now */
};

typedef int handler(struct srv_session *s, Ampoule__Frame *frame);

static int on_ping(struct srv_session *s, Ampoule__Frame *frame)
{
	Ampoule__Pong pong;
	Ampoule__Frame reply;

	ampoule__pong__init(&pong);
	ampoule__frame__init(&reply);
	pong.nonce = frame->ping->nonce;
	reply.kind_case = AMPOULE__FRAME__KIND_PONG;
	reply.pong = &pong;
	return srv_wire_send(&s->wire, &reply);
}

static int on_pong(struct srv_session *s, Ampoule__Frame *frame)
{
	(void)s;
	(void)frame;
	return 0;
}

/* What may be said in which state, and what the state is afterwards (0: the same). */
static const struct {
	Ampoule__Frame__KindCase kind;
	unsigned states;
	enum srv_session_state next;
	handler *handle;
} table[] = {
	{AMPOULE__FRAME__KIND_ENROLL_REQUEST, SRV_STATE_ENROL, 0, srv_on_enroll},
	{AMPOULE__FRAME__KIND_HELLO, SRV_STATE_FRESH, 0, srv_on_hello},
	{AMPOULE__FRAME__KIND_POLICY_FETCH, SRV_STATE_CHANNEL, 0, srv_on_policy_fetch},
	{AMPOULE__FRAME__KIND_POLICY_STATE, SRV_STATE_CHANNEL, 0, srv_on_policy_state},
	{AMPOULE__FRAME__KIND_EVENT_BATCH, SRV_STATE_CHANNEL, 0, srv_on_event_batch},
	{AMPOULE__FRAME__KIND_IMAGE_FETCH, SRV_STATE_FRESH, SRV_STATE_DOWNLOAD, srv_on_image_fetch},
	{AMPOULE__FRAME__KIND_IMAGE_FETCH, SRV_STATE_CHANNEL | SRV_STATE_DOWNLOAD, 0,
	 srv_on_image_fetch},
	{AMPOULE__FRAME__KIND_BLOB_FETCH, SRV_STATE_FRESH, SRV_STATE_DOWNLOAD, srv_on_blob_fetch},
	{AMPOULE__FRAME__KIND_BLOB_FETCH, SRV_STATE_DOWNLOAD, 0, srv_on_blob_fetch},
	{AMPOULE__FRAME__KIND_RENEW, SRV_STATE_KNOWN | SRV_STATE_EXPIRED, 0, srv_on_renew},
	{AMPOULE__FRAME__KIND_PING, SRV_STATE_KNOWN, 0, on_ping},
	{AMPOULE__FRAME__KIND_PONG, SRV_STATE_KNOWN, 0, on_pong},
};

int srv_session_end(struct srv_session *s, const char *code, const char *text)
{
	int r = srv_wire_refuse(&s->wire, code, text);

	log_info("session: refused device=%s code=%s", s->peer.device[0] ? s->peer.device : "none",
		 code);
	return r < 0 ? r : -EPROTO;
}

int srv_session_unavailable(struct srv_session *s, const struct err *err)
{
	log_error("session: device=%s: %s", s->peer.device, err->text);
	return srv_session_end(s, "unavailable", "the server cannot answer now; try again later");
}

int srv_session_announce(struct srv_session *s)
{
	struct srv_policy *policy = srv_hub_policy(s->services->context.hub, &s->member);
	int r = 0;

	if (policy && policy->serial != s->announced_serial) {
		s->announced_serial = policy->serial;
		r = srv_wire_send_packed(&s->wire, &policy->announce);
	}
	srv_policy_unref(policy);
	return r;
}

static int dispatch(struct srv_session *s, Ampoule__Frame *frame)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].kind != frame->kind_case || !(table[i].states & s->state))
			continue;
		if (table[i].next)
			s->state = table[i].next;
		return table[i].handle(s, frame);
	}
	if (frame->kind_case == AMPOULE__FRAME__KIND__NOT_SET)
		return srv_session_end(s, "unknown-frame", "this server does not know that frame");
	return srv_session_end(s, "unexpected", "that frame may not be sent now");
}

static int refuse_frame(struct srv_session *s, int error)
{
	switch (error) {
	case -EFBIG:
		return srv_session_end(s, "too-large", "the frame is over a limit");
	case -EILSEQ:
		return srv_session_end(s, "bad-text", "a text has a NUL or is not UTF-8");
	case -EBADMSG:
		return srv_session_end(s, "bad-frame", "not a frame");
	default:
		return error;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Handles the next frame of what was read: 1, 0 when none is whole, -errno. Only whole frames count as a sign
 * of life, so that a peer that drips bytes is closed. */
static int handle_frame(struct srv_session *s)
{
	Ampoule__Frame *frame = NULL;
	int r = srv_wire_next(&s->wire, &frame);

	if (r == 0)
		return 0;
	if (r < 0)
		return refuse_frame(s, r);
	s->deadline_ms = now_ms() + SRV_SILENCE_S * 1000;
	r = dispatch(s, frame);
	if (r != 1)
		wire_free(&frame->base);
	return r < 0 ? r : 1;
}

/* ---- the inbox ---- */

void srv_session_settle(struct srv_session *s, struct srv_batch_result result)
{
	pthread_mutex_lock(&s->lock);
	s->results[s->result_count++] =
		result; /* there is room: as many as batches are under way */
	pthread_mutex_unlock(&s->lock);
	s->services->wake(s->owner);
}

static unsigned take_results(struct srv_session *s, struct srv_batch_result out[SRV_BATCHES_MAX])
{
	pthread_mutex_lock(&s->lock);
	unsigned n = s->result_count;

	memcpy(out, s->results, n * sizeof(*out));
	s->result_count = 0;
	s->batches -= n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static bool has_room_for_a_batch(struct srv_session *s)
{
	pthread_mutex_lock(&s->lock);
	bool room = s->batches < SRV_BATCHES_MAX;

	pthread_mutex_unlock(&s->lock);
	return room;
}

static int send_ack(struct srv_session *s, uint64_t sequence)
{
	Ampoule__EventAck ack;
	Ampoule__Frame frame;

	ampoule__event_ack__init(&ack);
	ampoule__frame__init(&frame);
	ack.stream = (ProtobufCBinaryData){sizeof(s->stream), s->stream};
	ack.sequence = sequence;
	frame.kind_case = AMPOULE__FRAME__KIND_EVENT_ACK;
	frame.event_ack = &ack;
	return srv_wire_send(&s->wire, &frame);
}

/* What others have for the channel: results of batches, a policy, the wish that it ends. */
static int read_inbox(struct srv_session *s)
{
	struct srv_batch_result results[SRV_BATCHES_MAX];
	unsigned n = take_results(s, results);
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++) {
		if (results[i].error)
			return srv_session_end(
				s, "unavailable",
				"the server cannot store events now; try again later");
		r = send_ack(s, results[i].acked);
	}
	if (r < 0)
		return r;
	if (srv_hub_is_closing(s->services->context.hub, &s->member))
		return srv_session_end(s, "closing",
				       "revoked, connected elsewhere, or the server stops");
	return srv_session_announce(s);
}

/* Looks the certificate's device up: the database decides who is still a device. */
static int admit(struct srv_session *s)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	struct srv_db *db = s->services->context.db;
	struct srv_conn *conn = srv_db_get(db, &err);
	time_t now = time(NULL);
	int r = conn ? srv_query(conn, &rows, &err, "SELECT state FROM devices WHERE id = $1",
				 SRV_TEXT(s->peer.device))
		     : -ENOTCONN;

	srv_db_put(db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (srv_rows_count(rows) == 0)
		return srv_session_end(s, "not-enrolled", "this device is not known here");
	if (strcmp(srv_rows_text(rows, 0, 0), "active") != 0)
		return srv_session_end(s, "revoked", "this device was revoked");
	s->state = SRV_STATE_FRESH;
	if (s->peer.expires > now)
		return 0;
	s->state = SRV_STATE_EXPIRED;
	if (s->peer.expires + (time_t)SRV_RENEW_LATE_DAYS * 86400 < now)
		return srv_session_end(s, "certificate-expired",
				       "the certificate ended too long ago: enrol again");
	return 0;
}

/* 0 when the peer is known and admitted, else as srv_session_run(). */
static int shake(struct srv_session *s)
{
	struct err err = {0};
	int r = srv_tls_shake(s->wire.tls, &s->peer, &err);

	if (r < 0)
		log_info("fleet: a connection came to nothing: %s", err.text);
	if (r != 0)
		return r;
	s->deadline_ms = now_ms() + SRV_FIRST_FRAME_S * 1000;
	s->state = SRV_STATE_ENROL;
	return s->peer.room == SRV_ROOM_AGENT ? admit(s) : 0;
}

/* When more waits than the database takes, events stay with the devices: no refusal, no new connection, which
 * would only add to the load. */
static bool must_wait(struct srv_session *s)
{
	bool wait = srv_wire_is_next(&s->wire, AMPOULE__FRAME__KIND_EVENT_BATCH) &&
		    srv_ingest_is_full(s->services->ingest);

	s->parked_ms = wait ? now_ms() + PARKED_MS : 0;
	return wait;
}

/* Reads and answers until nothing is there, the peer does not take its answers, or others want their turn. */
static int converse(struct srv_session *s)
{
	for (int i = 0; i < FRAMES_AT_ONCE; i++) {
		int r = 0;

		if (srv_wire_is_full(&s->wire))
			return SRV_TLS_WRITE;
		if (s->download.offset < s->download.total) {
			r = srv_session_download_more(s);
			if (r < 0)
				return r;
			continue;
		}
		if (!has_room_for_a_batch(s) || must_wait(s))
			return SRV_TLS_NOTHING;
		r = handle_frame(s);
		if (r == 0)
			r = srv_wire_fill(&s->wire);
		if (r < 0)
			return r;
		if (r == 0)
			return SRV_TLS_READ;
	}
	return SRV_SESSION_AGAIN;
}

static int flush(struct srv_session *s)
{
	size_t before = s->wire.out.len;
	int r = before ? srv_wire_flush(&s->wire) : 0;

	if (before == 0 || s->wire.out.len < before)
		s->taken_ms = now_ms();
	return r;
}

/* When the peer's time is over. */
static int64_t patience_ms(const struct srv_session *s)
{
	int64_t taken_ms = s->taken_ms + SRV_WRITE_S * 1000;

	return srv_wire_is_full(&s->wire) && taken_ms < s->deadline_ms ? taken_ms : s->deadline_ms;
}

int srv_session_run(struct srv_session *s)
{
	int r = 0;

	if (now_ms() >= patience_ms(s))
		return -ETIMEDOUT;
	if (s->state == SRV_STATE_SHAKING)
		r = shake(s);
	if (r == 0)
		r = flush(s);
	if (r == 0 && s->state == SRV_STATE_CHANNEL)
		r = read_inbox(s);
	return r ? r : converse(s);
}

int64_t srv_session_deadline_ms(const struct srv_session *s)
{
	int64_t ms = patience_ms(s);

	return s->parked_ms && s->parked_ms < ms ? s->parked_ms : ms;
}

void srv_session_init(struct srv_session *s, const struct srv_services *services, void *owner,
		      struct srv_tls_conn *tls)
{
	*s = (struct srv_session){
		.services = services,
		.owner = owner,
		.wire = {.tls = tls},
		.deadline_ms = now_ms() + SRV_TLS_HANDSHAKE_MS,
		.taken_ms = now_ms(),
		.member = {.wake = services->wake, .waker = owner},
	};
	pthread_mutex_init(&s->lock, NULL);
}

void srv_session_release(struct srv_session *s, int why)
{
	if (s->member.joined) {
		srv_hub_leave(s->services->context.hub, &s->member);
		srv_ledger_left(s->services->ledger, s->peer.device, s->counter);
		log_info("session: ended device=%s: %s", s->peer.device, strerror(-why));
	}
	srv_tls_conn_close(s->wire.tls);
	s->wire.tls = NULL;
	srv_wire_release(&s->wire);
}
