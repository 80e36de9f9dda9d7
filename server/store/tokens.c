#include "server/store/tokens.h"

#include <errno.h>
#include <stdio.h>

#include "server/store/scope.h"

int srv_tokens_find_api(struct srv_conn *conn, const uint8_t hash[32], struct srv_api_token *out,
			struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT t.id::text, t.name, t.role, "
			  "coalesce(last_used_at < now() - interval '1 minute', true), "
			  "t.groups::text, t.maker::text "
			  "FROM tokens t LEFT JOIN people p ON p.id = t.maker "
			  "WHERE secret_hash = $1 AND kind = 'api' "
			  "AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) "
			  "AND p.disabled_at IS NULL",
			  SRV_BYTES(hash, 32));

	if (r < 0)
		return r;
	if (srv_rows_count(rows) != 1)
		return err_set(err, -EACCES, "no usable API token has this secret");
	snprintf(out->id, sizeof(out->id), "%s", srv_rows_text(rows, 0, 0));
	snprintf(out->name, sizeof(out->name), "%s", srv_rows_text(rows, 0, 1));
	snprintf(out->role, sizeof(out->role), "%s", srv_rows_text(rows, 0, 2));
	snprintf(out->groups, sizeof(out->groups), "%s", srv_rows_text(rows, 0, 4));
	snprintf(out->maker, sizeof(out->maker), "%s", srv_rows_text(rows, 0, 5));
	if (!srv_rows_bool(rows, 0, 3))
		return 0;
	return srv_query(conn, NULL, err,
			 "UPDATE tokens SET last_used_at = now() WHERE id = $1::uuid",
			 SRV_TEXT(out->id));
}

int srv_tokens_add(struct srv_conn *conn, const struct srv_new_token *token,
		   char ret_id[SRV_TOKEN_ID], struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_param uses = token->uses ? SRV_INT(token->uses) : SRV_NULL;
	struct srv_param ttl_s = token->ttl_s ? SRV_INT(token->ttl_s) : SRV_NULL;
	int r = srv_query(
		conn, &rows, err,
		"INSERT INTO tokens (kind, secret_hash, name, role, group_name, uses, "
		"uses_left, expires_at, created_by, groups, maker, parent, approval) "
		"SELECT $1, $2, $3, $4, $5, $6::int8::int4, $6::int8::int4, "
		"least(now() + $7::int8 * interval '1 second', "
		"(SELECT expires_at FROM tokens WHERE id = $11::uuid)), $8, $9::text[], $10::uuid, "
		"$11::uuid, $12::boolean WHERE NOT EXISTS (SELECT FROM unnest($9::text[]) g WHERE "
		"g <> '*' "
		"AND NOT EXISTS (SELECT FROM groups WHERE name = g)) RETURNING id::text",
		SRV_TEXT(token->kind), SRV_BYTES(token->hash, 32), SRV_TEXT(token->name),
		SRV_TEXT(token->role), SRV_TEXT(token->group), uses, ttl_s,
		SRV_TEXT(token->created_by), SRV_TEXT(token->groups), SRV_TEXT(token->maker),
		SRV_TEXT(token->parent), SRV_BOOL(token->approval));

	if (r == 0 && !srv_rows_count(rows))
		return err_set(err, -ENOENT, "no such group");
	if (r == 0)
		snprintf(ret_id, SRV_TOKEN_ID, "%s", srv_rows_text(rows, 0, 0));
	return r;
}

int srv_tokens_list(struct srv_conn *conn, const struct srv_token_filter *filter,
		    struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(
		conn, ret_rows, err,
		"SELECT id::text, kind, name, role, group_name, uses, uses_left, "
		"CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN "
		"'expired' "
		"WHEN uses_left = 0 THEN 'used' ELSE 'active' END, "
		"expires_at, created_at, created_by, last_used_at, groups::text, approval "
		"FROM tokens WHERE (maker = $2::uuid OR '*' = ANY ($1::text[]) "
		"OR coalesce(groups, ARRAY[group_name]) <@ $1::text[]) "
		"AND ($3::uuid IS NULL OR id = $3::uuid) "
		"AND ($4::uuid IS NULL OR id > $4::uuid) ORDER BY id LIMIT $5::int8",
		SRV_SCOPE(filter->scope), SRV_TEXT(filter->maker), SRV_TEXT(filter->id),
		SRV_TEXT(filter->after), SRV_INT(filter->limit));
}

int srv_tokens_revoke(struct srv_conn *conn, const char *id, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "WITH RECURSIVE line AS (SELECT id FROM tokens WHERE id = $1::uuid "
			  "UNION SELECT t.id FROM tokens t JOIN line ON t.parent = line.id) "
			  "UPDATE tokens SET revoked_at = coalesce(revoked_at, now()) "
			  "WHERE id IN (SELECT id FROM line)",
			  SRV_TEXT(id));

	if (r < 0)
		return r;
	return srv_rows_affected(rows) ? 0 : err_set(err, -ENOENT, "no token %s", id);
}

int srv_keys_list(struct srv_conn *conn, const char *purpose, struct srv_rows **ret_rows,
		  struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT key, note, added_at FROM trusted_keys WHERE purpose = $1 "
			 "ORDER BY added_at, key",
			 SRV_TEXT(purpose));
}

int srv_keys_add(struct srv_conn *conn, const char *purpose, const uint8_t key[SIGN_KEY_BYTES],
		 const char *note, bool *ret_added, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "INSERT INTO trusted_keys (purpose, key, note) VALUES ($1, $2, $3) "
			  "ON CONFLICT DO NOTHING",
			  SRV_TEXT(purpose), SRV_BYTES(key, SIGN_KEY_BYTES), SRV_TEXT(note));

	if (r == 0)
		*ret_added = srv_rows_affected(rows) > 0;
	return r;
}
