/* Policies on the channel: fetched as signed, and what the device says became of them. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "server/fleet/session.h"

enum {
	REASON_BYTES = 1024
};

static int send_body(struct srv_session *s, uint64_t serial, const struct srv_rows *rows)
{
	Ampoule__PolicyBody body;
	Ampoule__Frame frame;
	size_t n;
	const uint8_t *envelope = srv_rows_bytes(rows, 0, 0, &n);

	ampoule__policy_body__init(&body);
	ampoule__frame__init(&frame);
	body.serial = serial;
	body.envelope.data = (uint8_t *)(uintptr_t)envelope; /* only read */
	body.envelope.len = n;
	frame.kind_case = AMPOULE__FRAME__KIND_POLICY_BODY;
	frame.policy_body = &body;
	return srv_wire_send(&s->wire, &frame);
}

int srv_on_policy_fetch(struct srv_session *s, const Ampoule__Frame *frame)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	char group[SRV_GROUP_MAX];
	uint64_t serial = frame->policy_fetch->serial;
	struct srv_conn *conn = srv_db_get(s->context->db, &err);

	srv_hub_group(s->context->hub, &s->member, group);
	int r = conn ? srv_query(conn, &rows, &err,
				 "SELECT envelope FROM policies WHERE group_name = $1 AND serial = "
				 "$2",
				 SRV_TEXT(group), SRV_INT(serial))
		     : -ENOTCONN;

	srv_db_put(s->context->db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (srv_rows_count(rows) == 0)
		return srv_wire_refuse(&s->wire, "unknown-policy",
				       "this device's group has no policy of that serial");
	return send_body(s, serial, rows);
}

/* One statement per phase; the phase is the row. Applying a serial settles earlier failures. */
static const char *const statements[] = {
	[AMPOULE__POLICY_STATE__PHASE__RECEIVED] = "INSERT INTO device_policy_state (device, "
						   "received_serial, received_digest, received_at) "
						   "VALUES ($1, $2, $3, now()) ON CONFLICT "
						   "(device) DO UPDATE SET received_serial = $2, "
						   "received_digest = $3, received_at = now()",
	[AMPOULE__POLICY_STATE__PHASE__APPLIED] =
		"INSERT INTO device_policy_state (device, applied_serial, applied_digest, "
		"applied_at) "
		"VALUES ($1, $2, $3, now()) ON CONFLICT (device) DO UPDATE SET applied_serial = "
		"$2, "
		"applied_digest = $3, applied_at = now(), "
		"failed_serial = CASE WHEN device_policy_state.failed_serial > $2 THEN "
		"device_policy_state.failed_serial END, "
		"failed_reason = CASE WHEN device_policy_state.failed_serial > $2 THEN "
		"device_policy_state.failed_reason END",
	[AMPOULE__POLICY_STATE__PHASE__FAILED] =
		"INSERT INTO device_policy_state (device, failed_serial, failed_digest, "
		"failed_reason, "
		"failed_at) VALUES ($1, $2, $3, $4, now()) ON CONFLICT (device) DO UPDATE SET "
		"failed_serial = $2, failed_digest = $3, failed_reason = $4, failed_at = now()",
};

int srv_on_policy_state(struct srv_session *s, const Ampoule__Frame *frame)
{
	const Ampoule__PolicyState *state = frame->policy_state;
	unsigned phase = (unsigned)state->phase;
	struct err err = {0};

	if (phase >= sizeof(statements) / sizeof(statements[0]) || !statements[phase] ||
	    state->serial == 0 || state->serial > INT64_MAX || state->digest.len != DIGEST_BYTES ||
	    strlen(state->reason) > REASON_BYTES)
		return srv_session_end(s, "bad-request", "a field of PolicyState is malformed");
	struct srv_conn *conn = srv_db_get(s->context->db, &err);
	const struct srv_param params[] = {
		SRV_TEXT(s->peer.device),
		SRV_INT(state->serial),
		SRV_BYTES(state->digest.data, state->digest.len),
		SRV_TEXT(state->reason),
	};
	size_t n = phase == AMPOULE__POLICY_STATE__PHASE__FAILED ? 4 : 3;
	int r = conn ? srv_exec(conn, statements[phase], params, n, NULL, &err) : -ENOTCONN;

	srv_db_put(s->context->db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	log_info("policy: device=%s serial=%" PRIu64 " phase=%s", s->peer.device, state->serial,
		 phase == AMPOULE__POLICY_STATE__PHASE__APPLIED  ? "applied"
		 : phase == AMPOULE__POLICY_STATE__PHASE__FAILED ? "failed"
								 : "received");
	return 0;
}
