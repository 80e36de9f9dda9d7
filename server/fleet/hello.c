/* Hello and Welcome: a connection becomes the device's channel. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "server/fleet/session.h"

enum {
	PROTOCOL = 1,
	STREAMS_MAX = 1000, /* of one device: a new one is made only when a spool was lost */
	NAME_MAX_BYTES = 256
};

struct welcome {
	char group[SRV_GROUP_MAX];
	uint64_t counter;
	uint64_t acked;
	bool has_stream; /* the stream is known */
	bool is_told;    /* what the device says it applied is written down */
};

/* The result of the counter's check; the numbers end up nowhere. */
enum freshness {
	FRESH,
	STALE,
	UNKNOWN
};

static bool is_well_formed(const Ampoule__Hello *hello)
{
	return hello->event_stream.len == 16 && strlen(hello->version) <= NAME_MAX_BYTES &&
	       strlen(hello->hostname) <= NAME_MAX_BYTES && hello->counter <= INT64_MAX &&
	       hello->applied_serial <= INT64_MAX &&
	       (hello->applied_digest.len == 0 || hello->applied_digest.len == DIGEST_BYTES);
}

/* The device says the counter that it was told last. The one before is good too: the Welcome that carried
 * the newer may not have reached it. Anything else is a copy of the device's state, from a cloned disk or
 * a restored backup: both copies cannot keep up with one counter. */
static int check_counter(struct srv_conn *conn, struct srv_session *s, const Ampoule__Hello *hello,
			 struct welcome *w, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	/* Without a lock on the stream: a batch that another instance has not committed yet must not make the
	 * device wait here. */
	int r = srv_query(
		conn, &rows, err,
		"SELECT d.group_name, d.counter_said, d.counter_offered, s.last_sequence, "
		"p.applied_serial = $3 AND p.applied_digest = $4 FROM devices d "
		"LEFT JOIN streams s ON s.device = d.id AND s.stream = $2 "
		"LEFT JOIN device_policy_state p ON p.device = d.id "
		"WHERE d.id = $1 AND d.state = 'active' FOR UPDATE OF d",
		SRV_TEXT(s->peer.device), SRV_BYTES(s->stream, sizeof(s->stream)),
		SRV_INT(hello->applied_serial),
		SRV_BYTES(hello->applied_digest.data, hello->applied_digest.len));

	if (r < 0)
		return r;
	if (srv_rows_count(rows) == 0)
		return UNKNOWN;
	uint64_t said = (uint64_t)srv_rows_int(rows, 0, 1);
	uint64_t offered = (uint64_t)srv_rows_int(rows, 0, 2);

	(void)snprintf(w->group, sizeof(w->group), "%s", srv_rows_text(rows, 0, 0));
	w->counter = offered + 1;
	w->has_stream = !srv_rows_is_null(rows, 0, 3);
	w->acked = (uint64_t)srv_rows_int(rows, 0, 3);
	w->is_told = hello->applied_serial == 0 || srv_rows_bool(rows, 0, 4);
	return hello->counter == offered || hello->counter == said ? FRESH : STALE;
}

/* A stale counter is told to the admin as an event, at most hourly per device. */
static int record_stale(struct srv_conn *conn, struct srv_session *s, const struct welcome *w,
			struct err *err)
{
	int r = srv_query(
		conn, NULL, err,
		"INSERT INTO events (device, group_name, stream, sequence, wall_clock_ns, vm, "
		"task, "
		"user_name, class, operation, object, verdict, audit, severity, policy_id, serial, "
		"rule, "
		"exit_reason, guest_rip, count, dropped, image, program) "
		"SELECT $1::uuid, $2, '\\x', 0, extract(epoch FROM now())::bigint * 1000000000, "
		"'', '', "
		"'', 'fleet', 'hello', 'stale-counter', 'deny', false, 'high', '', 0, '', '', 0, "
		"1, 0, "
		"'', '' WHERE NOT EXISTS (SELECT FROM events WHERE device = $1::uuid AND class = "
		"'fleet' AND received_at > now() - interval '1 hour')",
		SRV_TEXT(s->peer.device), SRV_TEXT(w->group));

	return r < 0 ? r : srv_commit(conn, err);
}

static int open_stream(struct srv_conn *conn, struct srv_session *s, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(
		conn, &rows, err,
		"INSERT INTO streams (device, stream) SELECT $1::uuid, $2::bytea "
		"WHERE (SELECT count(*) FROM streams WHERE device = $1::uuid) < $3::bigint "
		"RETURNING true",
		SRV_TEXT(s->peer.device), SRV_BYTES(s->stream, sizeof(s->stream)),
		SRV_INT(STREAMS_MAX));

	if (r == 0 && srv_rows_count(rows) == 0)
		return err_set(err, -EMFILE, "the device has more than %d streams", STREAMS_MAX);
	return r;
}

static int record_applied(struct srv_conn *conn, struct srv_session *s, const Ampoule__Hello *hello,
			  struct err *err)
{
	return srv_query(conn, NULL, err,
			 "INSERT INTO device_policy_state (device, applied_serial, applied_digest, "
			 "applied_at) "
			 "VALUES ($1, $2, $3, now()) ON CONFLICT (device) DO UPDATE SET "
			 "applied_serial = excluded.applied_serial, applied_digest = "
			 "excluded.applied_digest, "
			 "applied_at = now()",
			 SRV_TEXT(s->peer.device), SRV_INT(hello->applied_serial),
			 SRV_BYTES(hello->applied_digest.data, hello->applied_digest.len));
}

static int record_hello(struct srv_conn *conn, struct srv_session *s, const Ampoule__Hello *hello,
			const struct welcome *w, struct err *err)
{
	int r = srv_query(
		conn, NULL, err,
		"UPDATE devices SET version = $2, hostname = $3, isolation = $4::boolean, "
		"counter_said = $5, counter_offered = $6, instance = $7, "
		"connected_at = now(), last_seen = now() WHERE id = $1",
		SRV_TEXT(s->peer.device), SRV_TEXT(hello->version), SRV_TEXT(hello->hostname),
		SRV_BOOL(hello->isolation), SRV_INT(hello->counter), SRV_INT(w->counter),
		SRV_TEXT(srv_hub_instance(s->services->context.hub)));

	if (r == 0 && !w->has_stream)
		r = open_stream(conn, s, err);
	if (r == 0 && !w->is_told)
		r = record_applied(conn, s, hello, err);
	return r < 0 ? r : srv_commit(conn, err);
}

/* The whole transaction; the freshness of the counter or a negative errno. */
static int welcome(struct srv_session *s, const Ampoule__Hello *hello, struct welcome *w,
		   struct err *err)
{
	struct srv_conn *conn = srv_db_get(s->services->context.db, err);
	int r = conn ? srv_begin(conn, err) : -ENOTCONN;
	int freshness = r == 0 ? check_counter(conn, s, hello, w, err) : r;

	if (freshness == FRESH)
		r = record_hello(conn, s, hello, w, err);
	else if (freshness == STALE)
		r = record_stale(conn, s, w, err);
	srv_db_put(s->services->context.db, conn);
	return r < 0 ? r : freshness;
}

static int send_welcome(struct srv_session *s, struct welcome *w)
{
	Ampoule__Welcome answer;
	Ampoule__Frame frame;

	ampoule__welcome__init(&answer);
	ampoule__frame__init(&frame);
	answer.device_id = s->peer.device;
	answer.group = w->group;
	answer.counter = w->counter;
	answer.keepalive_s = SRV_KEEPALIVE_S;
	answer.acked_sequence = w->acked;
	frame.kind_case = AMPOULE__FRAME__KIND_WELCOME;
	frame.welcome = &answer;
	return srv_wire_send(&s->wire, &frame);
}

/* Forgets what the device says it has applied unless that is the group's newest, so that a device with
 * another content under the same serial is told again. */
static void remember_applied(struct srv_session *s, const Ampoule__Hello *hello)
{
	struct srv_policy *policy = srv_hub_policy(s->services->context.hub, &s->member);

	if (policy && policy->serial == hello->applied_serial &&
	    hello->applied_digest.len == DIGEST_BYTES &&
	    memcmp(policy->digest, hello->applied_digest.data, DIGEST_BYTES) == 0)
		s->announced_serial = policy->serial;
	srv_policy_unref(policy);
}

int srv_on_hello(struct srv_session *s, Ampoule__Frame *frame)
{
	const Ampoule__Hello *hello = frame->hello;
	struct welcome w = {0};
	struct err err = {0};

	if (hello->protocol != PROTOCOL)
		return srv_session_end(s, "protocol", "this server speaks protocol 1");
	if (!is_well_formed(hello))
		return srv_session_end(s, "bad-request", "a field of Hello is malformed");
	memcpy(s->stream, hello->event_stream.data, sizeof(s->stream));
	int r = welcome(s, hello, &w, &err);

	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (r == UNKNOWN)
		return srv_session_end(s, "revoked", "this device was revoked");
	if (r == STALE)
		return srv_session_end(s, "stale-counter",
				       "this device's state is an old copy: enrol it anew");
	memcpy(s->member.device, s->peer.device, sizeof(s->member.device));
	memcpy(s->member.group, w.group, sizeof(s->member.group));
	srv_hub_join(s->services->context.hub, &s->member);
	s->counter = w.counter;
	s->state = SRV_STATE_CHANNEL;
	log_info("session: started device=%s group=%s", s->peer.device, w.group);
	remember_applied(s, hello);
	r = send_welcome(s, &w);
	return r < 0 ? r : srv_session_announce(s);
}
