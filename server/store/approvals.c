#include "server/store/approvals.h"

#include <errno.h>
#include <stdio.h>

int srv_four_eyes_get(struct srv_conn *conn, struct srv_four_eyes *out, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT (SELECT count(DISTINCT g.person) FROM grants g "
			  "JOIN people p ON p.id = g.person WHERE g.role = 'approver' "
			  "AND '*' = ANY (g.groups) AND p.disabled_at IS NULL), "
			  "EXISTS (SELECT FROM meta WHERE key = 'four_eyes' AND value = 'on')");

	if (r < 0)
		return r;
	out->approvers = srv_rows_int(rows, 0, 0);
	out->on = srv_rows_bool(rows, 0, 1);
	return 0;
}

int srv_four_eyes_set(struct srv_conn *conn, bool on, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "INSERT INTO meta VALUES ('four_eyes', CASE WHEN $1::bool THEN 'on' ELSE "
			 "'off' END) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
			 SRV_BOOL(on));
}

int srv_approvals_devices(struct srv_conn *conn, const char *groups, int64_t *ret_reached,
			  int64_t *ret_all, struct srv_rows **ret_ids, struct err *err)
{
	int r = srv_query(
		conn, ret_ids, err,
		"SELECT coalesce(string_agg(id::text, ',' ORDER BY id) FILTER (WHERE "
		"group_name = ANY ($1::text[])), ''), count(*) FILTER (WHERE group_name = "
		"ANY ($1::text[])), count(*) FROM devices WHERE state <> 'revoked'",
		SRV_TEXT(groups));

	if (r < 0)
		return r;
	*ret_reached = srv_rows_int(*ret_ids, 0, 1);
	*ret_all = srv_rows_int(*ret_ids, 0, 2);
	return 0;
}

int srv_approvals_put(struct srv_conn *conn, const struct srv_new_approval *a,
		      char ret_id[SRV_APPROVAL_ID], struct err *err)
{
	cleanup_rows struct srv_rows *there = NULL, *made = NULL;
	int r = srv_query(conn, &there, err,
			  "SELECT id::text FROM approvals WHERE digest = $1 AND author = $2 "
			  "AND state = 'waiting' AND expires_at > now()",
			  SRV_BYTES(a->digest, 32), SRV_TEXT(a->author));

	if (r == 0 && !srv_rows_count(there))
		r = srv_query(
			conn, &made, err,
			"INSERT INTO approvals (digest, action, object, summary, devices, "
			"author, author_name, concerns) VALUES ($1, $2, $3, $4, $5::int8, $6, $7, "
			"$8) RETURNING id::text",
			SRV_BYTES(a->digest, 32), SRV_TEXT(a->action), SRV_TEXT(a->object),
			SRV_TEXT(a->summary), SRV_INT(a->devices), SRV_TEXT(a->author),
			SRV_TEXT(a->author_name), SRV_TEXT(a->concerns));
	if (r == 0)
		snprintf(ret_id, SRV_APPROVAL_ID, "%s", srv_rows_text(made ? made : there, 0, 0));
	return r;
}

int srv_approvals_use(struct srv_conn *conn, const uint8_t digest[32], const char *author,
		      struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(
		conn, &rows, err,
		"UPDATE approvals SET state = 'used', used_at = now() WHERE id = (SELECT id "
		"FROM approvals WHERE digest = $1 AND author = $2 AND state IN ('approved', "
		"'emergency') AND expires_at > now() ORDER BY decided_at LIMIT 1 FOR UPDATE)",
		SRV_BYTES(digest, 32), SRV_TEXT(author));

	if (r < 0)
		return r;
	return srv_rows_affected(rows) ? 0 : err_set(err, -ENOENT, "no approval");
}

int srv_approvals_list(struct srv_conn *conn, const char *id, const char *after, int64_t limit,
		       struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(
		conn, ret_rows, err,
		"SELECT id::text, CASE WHEN state IN ('waiting', 'approved', 'emergency') AND "
		"expires_at <= now() THEN 'expired' ELSE state END, digest, action, object, "
		"summary, devices, reason, author, author_name, concerns, decided_by_name, "
		"made_at, expires_at, emergency, reviewed_by_name FROM approvals "
		"WHERE ($1::uuid IS NULL OR id = $1::uuid) "
		"AND ($2::uuid IS NULL OR (made_at, id) < (SELECT made_at, id FROM approvals "
		"WHERE id = $2::uuid)) ORDER BY made_at DESC, id DESC LIMIT $3::int8",
		SRV_TEXT(id), SRV_TEXT(after), SRV_INT(limit));
}

int srv_approvals_decide(struct srv_conn *conn, const char *id, const char *state,
			 const char *person, const char *name, const char *reason, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "UPDATE approvals SET state = $2, decided_by = $3, decided_by_name = $4, "
			  "reason = $5, decided_at = now(), emergency = ($2 = 'emergency') "
			  "WHERE id::text = $1 AND state = 'waiting' AND expires_at > now()",
			  SRV_TEXT(id), SRV_TEXT(state), SRV_TEXT(person), SRV_TEXT(name),
			  SRV_TEXT(reason));

	if (r < 0)
		return r;
	return srv_rows_affected(rows) ? 0 : err_set(err, -ENOENT, "it does not wait");
}

int srv_approvals_review(struct srv_conn *conn, const char *id, const char *name, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "UPDATE approvals SET reviewed_by_name = $2, reviewed_at = now() "
			  "WHERE id::text = $1 AND emergency AND reviewed_at IS NULL",
			  SRV_TEXT(id), SRV_TEXT(name));

	if (r < 0)
		return r;
	return srv_rows_affected(rows) ? 0 : err_set(err, -ENOENT, "nothing to review");
}
