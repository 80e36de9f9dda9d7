#include "server/fleet/session.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/log.h"
#include "proto/frame.h"

typedef int handler(struct srv_session *s, const Ampoule__Frame *frame);

static int on_ping(struct srv_session *s, const Ampoule__Frame *frame)
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

static int on_pong(struct srv_session *s, const Ampoule__Frame *frame)
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
	{AMPOULE__FRAME__KIND_HEALTH, SRV_STATE_CHANNEL, 0, srv_on_health},
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
	Ampoule__PolicyAnnounce announce;
	Ampoule__Frame frame;
	struct srv_head head;

	srv_hub_head(s->context->hub, &s->member, &head);
	if (head.serial == 0 || head.serial == s->announced_serial)
		return 0;
	ampoule__policy_announce__init(&announce);
	ampoule__frame__init(&frame);
	announce.policy_id = head.policy_id;
	announce.serial = head.serial;
	announce.digest.data = head.digest;
	announce.digest.len = sizeof(head.digest);
	frame.kind_case = AMPOULE__FRAME__KIND_POLICY_ANNOUNCE;
	frame.policy_announce = &announce;
	s->announced_serial = head.serial;
	return srv_wire_send(&s->wire, &frame);
}

static int dispatch(struct srv_session *s, const Ampoule__Frame *frame)
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

/* Handles every whole frame that was read; *ret_any tells whether there was one. */
static int handle_frames(struct srv_session *s, bool *ret_any)
{
	for (;;) {
		Ampoule__Frame *frame = NULL;
		int r = srv_wire_next(&s->wire, &frame);

		if (r == 0)
			return 0;
		if (r < 0)
			return refuse_frame(s, r);
		*ret_any = true;
		r = dispatch(s, frame);
		wire_free(&frame->base);
		if (r < 0)
			return r;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int on_wake(struct srv_session *s)
{
	eventfd_t count;

	(void)eventfd_read(s->member.wake_fd, &count); /* nothing there: woken already */
	if (srv_hub_is_closing(s->context->hub, &s->member))
		return srv_session_end(s, "closing",
				       "revoked, connected elsewhere, or the server stops");
	return srv_session_announce(s);
}

/* The loop. Only complete frames count as a sign of life, so that a peer that drips bytes is closed. */
static int run(struct srv_session *s)
{
	int64_t deadline = now_ms() + SRV_FIRST_FRAME_S * 1000;

	for (;;) {
		int64_t left = deadline - now_ms();
		int wake_fd = s->state == SRV_STATE_CHANNEL ? s->member.wake_fd : -1;

		if (left <= 0)
			return -ETIMEDOUT;
		int ready = srv_tls_wait(s->wire.tls, wake_fd, (int)left);

		if (ready < 0)
			return ready;
		int r = ready & SRV_TLS_WOKEN ? on_wake(s) : 0;
		bool any = false;

		if (r == 0 && (ready & SRV_TLS_READABLE)) {
			r = srv_wire_fill(&s->wire);
			if (r == 0)
				r = handle_frames(s, &any);
		}
		if (r < 0)
			return r;
		if (any)
			deadline = now_ms() + SRV_SILENCE_S * 1000;
	}
}

/* A device that is not active is told why; what it enforces it goes on enforcing. */
static int refuse_state(struct srv_session *s, const char *state)
{
	if (!strcmp(state, "waiting"))
		return srv_session_end(s, "waiting", "an admin has not approved this device yet");
	if (!strcmp(state, "quarantined"))
		return srv_session_end(
			s, "quarantined",
			"two copies of this device are about: enrol one of them anew");
	return srv_session_end(s, "revoked", "this device was revoked");
}

/* Looks the certificate's device up: the database decides who is still a device. */
static int admit(struct srv_session *s)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	struct srv_conn *conn = srv_db_get(s->context->db, &err);
	time_t now = time(NULL);
	int r = conn ? srv_query(conn, &rows, &err, "SELECT state FROM devices WHERE id = $1",
				 SRV_TEXT(s->peer.device))
		     : -ENOTCONN;

	srv_db_put(s->context->db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (srv_rows_count(rows) == 0)
		return srv_session_end(s, "not-enrolled", "this device is not known here");
	if (strcmp(srv_rows_text(rows, 0, 0), "active") != 0)
		return refuse_state(s, srv_rows_text(rows, 0, 0));
	s->state = SRV_STATE_FRESH;
	if (s->peer.expires > now)
		return 0;
	s->state = SRV_STATE_EXPIRED;
	if (s->peer.expires + (time_t)SRV_RENEW_LATE_DAYS * 86400 < now)
		return srv_session_end(s, "certificate-expired",
				       "the certificate ended too long ago: enrol again");
	return 0;
}

/* Says in the database that the device is gone, unless it has come again elsewhere since. */
static void leave(struct srv_session *s)
{
	if (!srv_hub_leave(s->context->hub, &s->member))
		return;
	struct srv_conn *conn = srv_db_get(s->context->db, NULL);

	if (conn)
		(void)!srv_query(conn, NULL, NULL,
				 "UPDATE devices SET instance = NULL, last_seen = now() "
				 "WHERE id = $1 AND instance = $2",
				 SRV_TEXT(s->peer.device),
				 SRV_TEXT(srv_hub_instance(s->context->hub)));
	srv_db_put(s->context->db, conn);
}

void srv_session_run(const struct srv_context *context, const struct srv_ca *ca,
		     struct srv_tls_conn *tls, const struct srv_peer *peer)
{
	struct srv_session s = {
		.context = context,
		.ca = ca,
		.wire = {.tls = tls},
		.peer = *peer,
		.state = SRV_STATE_ENROL,
		.member = {.wake_fd = -1},
	};
	int r = peer->room == SRV_ROOM_AGENT ? admit(&s) : 0;

	if (r == 0)
		r = run(&s);
	if (s.state == SRV_STATE_CHANNEL) {
		leave(&s);
		log_info("session: ended device=%s: %s", s.peer.device, strerror(-r));
	}
	srv_wire_release(&s.wire);
}
