#include "server/store/people.h"

#include <errno.h>
#include <stdio.h>

int srv_people_list(struct srv_conn *conn, const char *id, const char *after, int64_t limit,
		    struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(
		conn, ret_rows, err,
		"SELECT id::text, name, disabled_at IS NOT NULL, totp_secret IS NOT NULL, "
		"created_at, created_by, "
		"(SELECT max(seen_at) FROM sessions s WHERE s.person = p.id) FROM people p "
		"WHERE ($1::uuid IS NULL OR id = $1::uuid) AND ($2::text IS NULL OR name > $2) "
		"ORDER BY name LIMIT $3::int8",
		SRV_TEXT(id), SRV_TEXT(after), SRV_INT(limit));
}

int srv_people_lock(struct srv_conn *conn, const char *id, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	/* As text: an id that is no UUID must not end the transaction. */
	int r = srv_query(conn, &rows, err, "SELECT FROM people WHERE id::text = $1 FOR UPDATE",
			  SRV_TEXT(id));

	if (r < 0)
		return r;
	return srv_rows_count(rows) ? 0 : err_set(err, -ENOENT, "no such person");
}

int srv_people_find(struct srv_conn *conn, const char *name, const char *id, struct srv_person *out,
		    struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT id::text, name, password_hash, disabled_at IS NOT NULL, "
			  "totp_secret IS NOT NULL FROM people "
			  "WHERE name = $1 OR ($1::text IS NULL AND id = $2::uuid)",
			  SRV_TEXT(name), SRV_TEXT(id));

	if (r < 0)
		return r;
	if (!srv_rows_count(rows))
		return err_set(err, -ENOENT, "no such person");
	snprintf(out->id, sizeof(out->id), "%s", srv_rows_text(rows, 0, 0));
	snprintf(out->name, sizeof(out->name), "%s", srv_rows_text(rows, 0, 1));
	snprintf(out->hash, sizeof(out->hash), "%s", srv_rows_text(rows, 0, 2));
	out->disabled = srv_rows_bool(rows, 0, 3);
	out->has_totp = srv_rows_bool(rows, 0, 4);
	return 0;
}

int srv_people_grants(struct srv_conn *conn, const char *id, struct srv_grants *grants,
		      struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(
		conn, &rows, err,
		"SELECT role, groups::text FROM grants WHERE person = $1::uuid ORDER BY role",
		SRV_TEXT(id));

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++) {
		if (srv_grants_add(grants, srv_rows_text(rows, i, 0), srv_rows_text(rows, i, 1)) <
		    0)
			r = err_set(err, -EIO, "a grant of %s is unknown here", id);
	}
	return r;
}

int srv_people_add(struct srv_conn *conn, const char *name, const char *hash,
		   const char *created_by, char ret_id[SRV_PERSON_ID], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(
		conn, &rows, err,
		"INSERT INTO people (name, password_hash, created_by) VALUES ($1, $2, $3) "
		"RETURNING id::text",
		SRV_TEXT(name), SRV_TEXT(hash), SRV_TEXT(created_by));

	if (r == 0)
		snprintf(ret_id, SRV_PERSON_ID, "%s", srv_rows_text(rows, 0, 0));
	return r;
}

static int add_grant(struct srv_conn *conn, const char *id, const struct srv_grant *grant,
		     struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(
		conn, &rows, err,
		"INSERT INTO grants (person, role, groups) SELECT $1::uuid, $2, $3::text[] "
		"WHERE NOT EXISTS (SELECT FROM unnest($3::text[]) g WHERE g <> '*' "
		"AND NOT EXISTS (SELECT FROM groups WHERE name = g))",
		SRV_TEXT(id), SRV_TEXT(srv_role_name(grant->role)), SRV_TEXT(grant->groups));

	if (r < 0)
		return r;
	return srv_rows_affected(rows) ? 0 : err_set(err, -ENOENT, "no such group");
}

int srv_people_set_grants(struct srv_conn *conn, const char *id, const struct srv_grants *grants,
			  struct err *err)
{
	int r = srv_query(conn, NULL, err, "DELETE FROM grants WHERE person = $1::uuid",
			  SRV_TEXT(id));

	for (size_t i = 0; r == 0 && i < grants->count; i++)
		r = add_grant(conn, id, &grants->list[i], err);
	return r;
}

static int end_sessions(struct srv_conn *conn, const char *id, const char *but, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "DELETE FROM sessions WHERE person = $1::uuid "
			 "AND ($2::uuid IS NULL OR id <> $2::uuid)",
			 SRV_TEXT(id), SRV_TEXT(but));
}

int srv_people_disable(struct srv_conn *conn, const char *id, bool disabled, struct err *err)
{
	int r = srv_query(conn, NULL, err,
			  "UPDATE people SET disabled_at = CASE WHEN $2::bool THEN "
			  "coalesce(disabled_at, now()) END WHERE id = $1::uuid",
			  SRV_TEXT(id), SRV_BOOL(disabled));

	return r == 0 && disabled ? end_sessions(conn, id, NULL, err) : r;
}

int srv_people_set_password(struct srv_conn *conn, const char *id, const char *hash,
			    const char *but_session, struct err *err)
{
	int r = srv_query(conn, NULL, err,
			  "UPDATE people SET password_hash = $2 WHERE id = $1::uuid", SRV_TEXT(id),
			  SRV_TEXT(hash));

	return r < 0 ? r : end_sessions(conn, id, but_session, err);
}

int srv_people_delete(struct srv_conn *conn, const char *id, struct err *err)
{
	return srv_query(conn, NULL, err, "DELETE FROM people WHERE id = $1::uuid", SRV_TEXT(id));
}

int srv_people_has_admin(struct srv_conn *conn, bool *ret_has, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_script(conn, "LOCK TABLE grants IN SHARE ROW EXCLUSIVE MODE", err);

	if (r == 0)
		r = srv_query(
			conn, &rows, err,
			"SELECT EXISTS (SELECT FROM grants g JOIN people p ON p.id = g.person "
			"WHERE g.role = 'admin' AND '*' = ANY (g.groups) "
			"AND p.disabled_at IS NULL)");
	if (r == 0)
		*ret_has = srv_rows_bool(rows, 0, 0);
	return r;
}

/* ---- the second factor ---- */

int srv_people_totp(struct srv_conn *conn, const char *id, bool pending, struct srv_rows **ret_rows,
		    struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT CASE WHEN $2::bool THEN totp_pending ELSE totp_secret END "
			 "FROM people WHERE id = $1::uuid",
			 SRV_TEXT(id), SRV_BOOL(pending));
}

int srv_people_totp_start(struct srv_conn *conn, const char *id, const void *sealed, size_t n,
			  struct err *err)
{
	return srv_query(conn, NULL, err, "UPDATE people SET totp_pending = $2 WHERE id = $1::uuid",
			 SRV_TEXT(id), SRV_BYTES(sealed, n));
}

int srv_people_totp_confirm(struct srv_conn *conn, const char *id, const uint8_t (*hashes)[32],
			    size_t count, struct err *err)
{
	int r = srv_query(conn, NULL, err,
			  "UPDATE people SET totp_secret = totp_pending, totp_pending = NULL "
			  "WHERE id = $1::uuid",
			  SRV_TEXT(id));

	if (r == 0)
		r = srv_query(conn, NULL, err, "DELETE FROM recovery_codes WHERE person = $1::uuid",
			      SRV_TEXT(id));
	for (size_t i = 0; r == 0 && i < count; i++)
		r = srv_query(
			conn, NULL, err,
			"INSERT INTO recovery_codes (person, code_hash) VALUES ($1::uuid, $2)",
			SRV_TEXT(id), SRV_BYTES(hashes[i], 32));
	return r;
}

int srv_people_totp_remove(struct srv_conn *conn, const char *id, struct err *err)
{
	int r = srv_query(conn, NULL, err,
			  "UPDATE people SET totp_secret = NULL, totp_pending = NULL "
			  "WHERE id = $1::uuid",
			  SRV_TEXT(id));

	return r < 0 ? r
		     : srv_query(conn, NULL, err,
				 "DELETE FROM recovery_codes WHERE person = $1::uuid",
				 SRV_TEXT(id));
}

/* Whether the statement touched a row; -EACCES when it did not. */
static int took(const struct srv_rows *rows, struct err *err)
{
	return srv_rows_affected(rows) ? 0 : err_set(err, -EACCES, "it was used or never was");
}

int srv_people_totp_use(struct srv_conn *conn, const char *id, int64_t step, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "UPDATE people SET totp_last_step = $2::int8 WHERE id = $1::uuid "
			  "AND totp_last_step < $2::int8",
			  SRV_TEXT(id), SRV_INT(step));

	return r < 0 ? r : took(rows, err);
}

int srv_people_recovery_use(struct srv_conn *conn, const char *id, const uint8_t hash[32],
			    struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "DELETE FROM recovery_codes WHERE person = $1::uuid AND code_hash = $2",
			  SRV_TEXT(id), SRV_BYTES(hash, 32));

	return r < 0 ? r : took(rows, err);
}

/* ---- links ---- */

int srv_links_add(struct srv_conn *conn, const uint8_t hash[32], int64_t ttl_s, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "INSERT INTO setup_links (secret_hash, expires_at) "
			 "VALUES ($1, now() + $2::int8 * interval '1 second')",
			 SRV_BYTES(hash, 32), SRV_INT(ttl_s));
}

int srv_links_find(struct srv_conn *conn, const uint8_t hash[32], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT FROM setup_links WHERE secret_hash = $1 AND used_at IS NULL "
			  "AND expires_at > now()",
			  SRV_BYTES(hash, 32));

	if (r < 0)
		return r;
	return srv_rows_count(rows) ? 0 : err_set(err, -EACCES, "no usable link has this secret");
}

int srv_links_use(struct srv_conn *conn, const uint8_t hash[32], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "UPDATE setup_links SET used_at = now() WHERE secret_hash = $1 "
			  "AND used_at IS NULL AND expires_at > now()",
			  SRV_BYTES(hash, 32));

	return r < 0 ? r : took(rows, err);
}
