/* Policies on the channel: fetched as signed, and what the device says became of them. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "proto/frame.h"
#include "server/fleet/ledger.h"
#include "server/fleet/session.h"

/* An older one, which a device asks for when another was announced while it asked. */
static int send_older(struct srv_session *s, const char *group, uint64_t serial)
{
	cleanup_rows struct srv_rows *rows = NULL;
	Ampoule__PolicyBody body;
	Ampoule__Frame frame;
	struct err err = {0};
	size_t n;
	struct srv_db *db = s->services->context.db;
	struct srv_conn *conn = srv_db_get(db, &err);
	int r = conn ? srv_query(conn, &rows, &err,
				 "SELECT envelope FROM policies WHERE group_name = $1 AND serial = "
				 "$2",
				 SRV_TEXT(group), SRV_INT(serial))
		     : -ENOTCONN;

	srv_db_put(db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (srv_rows_count(rows) == 0)
		return srv_wire_refuse(&s->wire, "unknown-policy",
				       "this device's group has no policy of that serial");
	const uint8_t *envelope = srv_rows_bytes(rows, 0, 0, &n);

	ampoule__policy_body__init(&body);
	ampoule__frame__init(&frame);
	body.serial = serial;
	body.envelope = (ProtobufCBinaryData){n, (uint8_t *)(uintptr_t)envelope}; /* only read */
	frame.kind_case = AMPOULE__FRAME__KIND_POLICY_BODY;
	frame.policy_body = &body;
	return srv_wire_send(&s->wire, &frame);
}

int srv_on_policy_fetch(struct srv_session *s, Ampoule__Frame *frame)
{
	uint64_t serial = frame->policy_fetch->serial;
	struct srv_policy *policy = srv_hub_policy(s->services->context.hub, &s->member);
	char group[SRV_GROUP_MAX];
	int r;

	srv_hub_group(s->services->context.hub, &s->member, group);
	if (policy && policy->serial == serial)
		r = srv_wire_send_packed(&s->wire, &policy->body);
	else
		r = send_older(s, group, serial);
	srv_policy_unref(policy);
	return r;
}

int srv_on_policy_state(struct srv_session *s, Ampoule__Frame *frame)
{
	const Ampoule__PolicyState *state = frame->policy_state;

	if (state->phase <= AMPOULE__POLICY_STATE__PHASE__NONE ||
	    state->phase > AMPOULE__POLICY_STATE__PHASE__FAILED || state->serial == 0 ||
	    state->serial > INT64_MAX || state->digest.len != DIGEST_BYTES ||
	    strlen(state->reason) > SRV_REASON_BYTES)
		return srv_session_end(s, "bad-request", "a field of PolicyState is malformed");
	int r = srv_ledger_policy(s->services->ledger, s->peer.device, state);

	if (r < 0)
		return srv_session_end(s, "unavailable", "the server is busy; try again later");
	if (state->phase == AMPOULE__POLICY_STATE__PHASE__FAILED)
		log_warn("policy: failed device=%s serial=%" PRIu64, s->peer.device, state->serial);
	return 0;
}
