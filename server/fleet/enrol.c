/* Enrolment and renewal: how a device comes by its certificate. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "server/fleet/session.h"
#include "server/secret.h"
#include "server/uuid.h"

enum {
	HOST_NAME_MAX_BYTES = 253,
	MACHINE_ID_MAX_BYTES = 64
};

struct enrolment {
	char device[SRV_UUID_TEXT];
	char group[SRV_GROUP_MAX];
	char token[SRV_UUID_TEXT];
	time_t expires;
	struct buf certificate;
};

static bool is_name(const char *text, size_t max)
{
	size_t n = strlen(text);

	return n <= max && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789._-") == n;
}

/* Why no use could be taken of the token: only the holder of its 256-bit secret can ask. */
static int refuse_token(struct srv_session *s, struct srv_conn *conn, const uint8_t *hash)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	int r = srv_query(conn, &rows, &err,
			  "SELECT revoked_at IS NOT NULL, uses_left = 0 FROM tokens "
			  "WHERE secret_hash = $1 AND kind = 'enrol'",
			  SRV_BYTES(hash, SRV_HASH_BYTES));

	srv_db_put(s->services->context.db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (srv_rows_count(rows) == 0)
		return srv_session_end(s, "token-unknown", "this enrolment token is not known");
	if (srv_rows_bool(rows, 0, 0))
		return srv_session_end(s, "token-revoked", "this enrolment token was revoked");
	if (srv_rows_bool(rows, 0, 1))
		return srv_session_end(s, "token-used", "this enrolment token was used already");
	return srv_session_end(s, "token-expired", "this enrolment token has expired");
}

/* Takes one use of the token: 1 with token and group, 0 when it has none left. */
static int use_token(struct srv_conn *conn, const uint8_t *hash, struct enrolment *e,
		     struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "UPDATE tokens SET uses_left = uses_left - 1, last_used_at = now() "
			  "WHERE secret_hash = $1 AND kind = 'enrol' AND revoked_at IS NULL "
			  "AND expires_at > now() AND uses_left > 0 RETURNING id::text, group_name",
			  SRV_BYTES(hash, SRV_HASH_BYTES));

	if (r < 0 || srv_rows_count(rows) == 0)
		return r;
	(void)snprintf(e->token, sizeof(e->token), "%s", srv_rows_text(rows, 0, 0));
	(void)snprintf(e->group, sizeof(e->group), "%s", srv_rows_text(rows, 0, 1));
	return 1;
}

static int store_device(struct srv_conn *conn, const Ampoule__EnrollRequest *request,
			const struct enrolment *e, struct err *err)
{
	int r = srv_query(
		conn, NULL, err,
		"INSERT INTO devices (id, group_name, hostname, machine_id, enrol_token, "
		"certificate_expires) VALUES ($1, $2, $3, $4, $5, to_timestamp($6::bigint))",
		SRV_TEXT(e->device), SRV_TEXT(e->group), SRV_TEXT(request->hostname),
		SRV_TEXT(request->machine_id), SRV_TEXT(e->token), SRV_INT(e->expires));

	return r < 0 ? r : srv_commit(conn, err);
}

static int reply(struct srv_session *s, struct enrolment *e)
{
	Ampoule__EnrollReply answer;
	Ampoule__Frame frame;

	ampoule__enroll_reply__init(&answer);
	ampoule__frame__init(&frame);
	answer.device_id = e->device;
	answer.group = e->group;
	answer.certificate_der.data = e->certificate.data;
	answer.certificate_der.len = e->certificate.len;
	frame.kind_case = AMPOULE__FRAME__KIND_ENROLL_REPLY;
	frame.enroll_reply = &answer;
	return srv_wire_send(&s->wire, &frame);
}

/* The token's use and the device's row are one transaction: both are there or neither. */
static int enrol(struct srv_session *s, const Ampoule__EnrollRequest *request, struct enrolment *e)
{
	uint8_t hash[SRV_HASH_BYTES];
	struct err err = {0};
	struct srv_conn *conn = srv_db_get(s->services->context.db, &err);

	if (!conn)
		return srv_session_unavailable(s, &err);
	srv_secret_hash(request->token_secret.data, hash);
	int r = srv_begin(conn, &err);

	if (r == 0)
		r = use_token(conn, hash, e, &err);
	if (r == 0) {
		srv_rollback(conn);
		return refuse_token(s, conn, hash);
	}
	if (r > 0)
		r = store_device(conn, request, e, &err);
	srv_db_put(s->services->context.db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	log_info("device: enrolled device=%s group=%s token=%s hostname=%s", e->device, e->group,
		 e->token, request->hostname);
	return reply(s, e);
}

/* The certificate is made before the token is touched, so that a bad request uses nothing up. */
int srv_on_enroll(struct srv_session *s, Ampoule__Frame *frame)
{
	const Ampoule__EnrollRequest *request = frame->enroll_request;
	struct enrolment e = {0};
	struct err err = {0};

	if (request->token_secret.len != SRV_SECRET_BYTES || !request->hostname[0] ||
	    !is_name(request->hostname, HOST_NAME_MAX_BYTES) ||
	    !is_name(request->machine_id, MACHINE_ID_MAX_BYTES))
		return srv_session_end(s, "bad-request",
				       "token, host name or machine id is malformed");
	int r = srv_uuid_make(e.device);

	if (r == 0)
		r = srv_ca_issue_device(s->services->ca, request->csr_der.data,
					request->csr_der.len, e.device, time(NULL), &e.certificate,
					&e.expires, &err);
	if (r == 0)
		r = enrol(s, request, &e);
	else if (r == -EBADMSG || r == -EKEYREJECTED)
		r = srv_session_end(s, "bad-csr", err.text);
	else
		r = srv_session_unavailable(s, &err);
	buf_release(&e.certificate);
	return r < 0 ? r : -ESHUTDOWN; /* the enrolment room has nothing more to offer */
}

static int send_renewed(struct srv_session *s, struct buf *certificate)
{
	Ampoule__RenewReply answer;
	Ampoule__Frame frame;

	ampoule__renew_reply__init(&answer);
	ampoule__frame__init(&frame);
	answer.certificate_der.data = certificate->data;
	answer.certificate_der.len = certificate->len;
	frame.kind_case = AMPOULE__FRAME__KIND_RENEW_REPLY;
	frame.renew_reply = &answer;
	return srv_wire_send(&s->wire, &frame);
}

int srv_on_renew(struct srv_session *s, Ampoule__Frame *frame)
{
	cleanup_buf struct buf certificate = {0};
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	time_t expires = 0;
	int r = srv_ca_issue_device(s->services->ca, frame->renew->csr_der.data,
				    frame->renew->csr_der.len, s->peer.device, time(NULL),
				    &certificate, &expires, &err);

	if (r == -EBADMSG || r == -EKEYREJECTED)
		return srv_session_end(s, "bad-csr", err.text);
	struct srv_conn *conn = r == 0 ? srv_db_get(s->services->context.db, &err) : NULL;

	r = conn ? srv_query(conn, &rows, &err,
			     "UPDATE devices SET certificate_expires = to_timestamp($2::bigint) "
			     "WHERE id = $1 AND state = 'active' RETURNING true",
			     SRV_TEXT(s->peer.device), SRV_INT(expires))
		 : -ENOTCONN;
	srv_db_put(s->services->context.db, conn);
	if (r < 0)
		return srv_session_unavailable(s, &err);
	if (srv_rows_count(rows) == 0)
		return srv_session_end(s, "revoked", "this device was revoked");
	log_info("device: renewed device=%s", s->peer.device);
	return send_renewed(s, &certificate);
}
