#include "server/store/sessions.h"

#include <errno.h>
#include <stdio.h>

int srv_sessions_find(struct srv_conn *conn, const uint8_t hash[32], struct srv_session *out,
		      struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(
		conn, &rows, err,
		"SELECT s.id::text, p.id::text, p.name, s.expires_at, "
		"s.seen_at < now() - interval '30 seconds', "
		"coalesce(s.proved_at > now() - $3::int8 * interval '1 second', false) "
		"FROM sessions s JOIN people p ON p.id = s.person WHERE s.secret_hash = $1 "
		"AND s.expires_at > now() "
		"AND s.seen_at > now() - $2::int8 * interval '1 second' "
		"AND p.disabled_at IS NULL",
		SRV_BYTES(hash, 32), SRV_INT(SRV_SESSION_IDLE_S), SRV_INT(SRV_PROOF_S));

	if (r < 0)
		return r;
	if (srv_rows_count(rows) != 1)
		return err_set(err, -EACCES, "no session has this secret");
	snprintf(out->id, sizeof(out->id), "%s", srv_rows_text(rows, 0, 0));
	snprintf(out->person, sizeof(out->person), "%s", srv_rows_text(rows, 0, 1));
	snprintf(out->name, sizeof(out->name), "%s", srv_rows_text(rows, 0, 2));
	out->expires_us = srv_rows_time_us(rows, 0, 3);
	out->proved = srv_rows_bool(rows, 0, 5);
	if (!srv_rows_bool(rows, 0, 4))
		return 0;
	return srv_query(conn, NULL, err, "UPDATE sessions SET seen_at = now() WHERE id = $1::uuid",
			 SRV_TEXT(out->id));
}

int srv_sessions_add(struct srv_conn *conn, const struct srv_new_session *session,
		     struct srv_session *out, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, NULL, err,
			  "DELETE FROM sessions WHERE expires_at <= now() "
			  "OR seen_at <= now() - $2::int8 * interval '1 second' OR id IN "
			  "(SELECT id FROM sessions WHERE person = $1::uuid ORDER BY seen_at DESC "
			  "OFFSET $3::int8)",
			  SRV_TEXT(session->person), SRV_INT(SRV_SESSION_IDLE_S),
			  SRV_INT(SRV_SESSIONS_PER_PERSON - 1));

	if (r == 0)
		r = srv_query(
			conn, &rows, err,
			"INSERT INTO sessions (secret_hash, person, expires_at, address, agent) "
			"VALUES ($1, $2::uuid, now() + $3::int8 * interval '1 second', $4, "
			"left($5, 200)) RETURNING id::text, expires_at",
			SRV_BYTES(session->hash, 32), SRV_TEXT(session->person),
			SRV_INT(SRV_SESSION_ABSOLUTE_S), SRV_TEXT(session->address),
			SRV_TEXT(session->agent));
	if (r < 0)
		return r;
	snprintf(out->id, sizeof(out->id), "%s", srv_rows_text(rows, 0, 0));
	snprintf(out->person, sizeof(out->person), "%s", session->person);
	out->expires_us = srv_rows_time_us(rows, 0, 1);
	return 0;
}

int srv_sessions_list(struct srv_conn *conn, const char *person, const char *after, int64_t limit,
		      struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT s.id::text, p.id::text, p.name, s.created_at, s.seen_at, "
			 "s.expires_at, s.address, s.agent FROM sessions s "
			 "JOIN people p ON p.id = s.person "
			 "WHERE ($1::uuid IS NULL OR s.person = $1::uuid) "
			 "AND ($2::uuid IS NULL OR s.id > $2::uuid) AND s.expires_at > now() "
			 "AND s.seen_at > now() - $4::int8 * interval '1 second' "
			 "ORDER BY s.id LIMIT $3::int8",
			 SRV_TEXT(person), SRV_TEXT(after), SRV_INT(limit),
			 SRV_INT(SRV_SESSION_IDLE_S));
}

int srv_sessions_prove(struct srv_conn *conn, const char *id, const uint8_t hash[32],
		       struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "UPDATE sessions SET secret_hash = $2, proved_at = now() "
			  "WHERE id = $1::uuid",
			  SRV_TEXT(id), SRV_BYTES(hash, 32));

	if (r < 0)
		return r;
	return srv_rows_affected(rows) ? 0 : err_set(err, -ENOENT, "no such session");
}

int srv_sessions_end(struct srv_conn *conn, const char *id, const char *person, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "DELETE FROM sessions WHERE id = $1::uuid "
			  "AND ($2::uuid IS NULL OR person = $2::uuid)",
			  SRV_TEXT(id), SRV_TEXT(person));

	if (r < 0)
		return r;
	return srv_rows_affected(rows) ? 0 : err_set(err, -ENOENT, "no such session");
}

int srv_delays_take(struct srv_conn *conn, int64_t bucket, int64_t free_failures,
		    int64_t *ret_wait_s, struct err *err)
{
	cleanup_rows struct srv_rows *taken = NULL, *wait = NULL;
	int r = srv_query(
		conn, &taken, err,
		"INSERT INTO login_delays AS d (bucket, failures) VALUES ($1::int8::int4, 1) "
		"ON CONFLICT (bucket) DO UPDATE SET last_at = now(), "
		"failures = CASE WHEN d.last_at < now() - interval '1 hour' THEN 1 "
		"ELSE least(d.failures + 1, 1000) END, "
		"next_at = now() + CASE WHEN d.last_at < now() - interval '1 hour' "
		"OR d.failures < $2::int8 THEN interval '0' "
		"ELSE least(900, power(2, least(d.failures - $2::int8, 20))) * interval '1 second' "
		"END "
		"WHERE d.next_at <= now()",
		SRV_INT(bucket), SRV_INT(free_failures));

	*ret_wait_s = 0;
	if (r < 0 || srv_rows_affected(taken))
		return r;
	r = srv_query(conn, &wait, err,
		      "SELECT greatest(1, ceil(extract(epoch FROM next_at - now())))::int8 "
		      "FROM login_delays WHERE bucket = $1::int8::int4",
		      SRV_INT(bucket));
	if (r == 0)
		*ret_wait_s = srv_rows_count(wait) ? srv_rows_int(wait, 0, 0) : 1;
	return r;
}

int srv_delays_give_back(struct srv_conn *conn, int64_t bucket, bool all, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "UPDATE login_delays SET next_at = now(), "
			 "failures = CASE WHEN $2::bool THEN 0 ELSE greatest(0, failures - 1) END "
			 "WHERE bucket = $1::int8::int4",
			 SRV_INT(bucket), SRV_BOOL(all));
}
