#include "server/rest/auth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/config.h"
#include "server/db.h"
#include "server/secret.h"
#include "server/store/people.h"
#include "server/store/sessions.h"
#include "server/store/tokens.h"

/* What the token may do: its own role and groups, as far as its maker reaches them now. */
static int token_grants(struct srv_conn *conn, const struct srv_api_token *row,
			struct srv_grants *grants, struct err *err)
{
	char reach[SRV_SCOPE_TEXT], groups[SRV_GROUPS_TEXT];
	struct srv_grants maker = {0};
	unsigned role;

	if (srv_role_parse(row->role, &role) < 0)
		return err_set(err, -EACCES, "token %s has a role unknown here", row->id);
	snprintf(groups, sizeof(groups), "%s", row->groups);
	if (row->maker[0]) {
		int r = srv_people_grants(conn, row->maker, &maker, err);

		if (r < 0)
			return r;
		srv_grants_scope(&maker, srv_role_givers(role), reach);
		srv_groups_intersect(row->groups, reach, groups, sizeof(groups));
	}
	return srv_grants_add(grants, row->role, groups) < 0
		       ? err_set(err, -EACCES, "token %s reaches nothing its maker may", row->id)
		       : 0;
}

static int with_token(struct srv_conn *conn, const uint8_t hash[SRV_HASH_BYTES],
		      struct srv_identity *ret_who, struct err *err)
{
	struct srv_api_token row = {0};
	int r = srv_tokens_find_api(conn, hash, &row, err);

	if (r == 0)
		r = token_grants(conn, &row, &ret_who->grants, err);
	if (r < 0)
		return r;
	snprintf(ret_who->id, sizeof(ret_who->id), "%s", row.id);
	snprintf(ret_who->token, sizeof(ret_who->token), "%s", row.id);
	snprintf(ret_who->person, sizeof(ret_who->person), "%s", row.maker);
	snprintf(ret_who->name, sizeof(ret_who->name), "%s", row.name[0] ? row.name : row.id);
	return 0;
}

static int with_session(struct srv_conn *conn, const uint8_t hash[SRV_HASH_BYTES],
			struct srv_identity *ret_who, struct err *err)
{
	struct srv_session row = {0};
	int r = srv_sessions_find(conn, hash, &row, err);

	if (r == 0)
		r = srv_people_grants(conn, row.person, &ret_who->grants, err);
	if (r < 0)
		return r;
	snprintf(ret_who->id, sizeof(ret_who->id), "%s", row.person);
	snprintf(ret_who->person, sizeof(ret_who->person), "%s", row.person);
	snprintf(ret_who->session, sizeof(ret_who->session), "%s", row.id);
	snprintf(ret_who->name, sizeof(ret_who->name), "%s", row.name);
	ret_who->expires_us = row.expires_us;
	ret_who->proved = row.proved;
	return 0;
}

static int look_up(const struct srv_api *api, const uint8_t secret[SRV_SECRET_BYTES],
		   int (*with)(struct srv_conn *conn, const uint8_t hash[SRV_HASH_BYTES],
			       struct srv_identity *ret_who, struct err *err),
		   struct srv_identity *ret_who, struct err *err)
{
	uint8_t hash[SRV_HASH_BYTES];

	srv_secret_hash(secret, hash);
	struct srv_conn *conn = srv_db_get(api->context->db, err);

	if (!conn)
		return err->code;
	int r = with(conn, hash, ret_who, err);

	srv_db_put(api->context->db, conn);
	return r;
}

int srv_auth_by_token(const struct srv_api *api, const char *token, struct srv_identity *ret_who,
		      struct err *err)
{
	uint8_t secret[SRV_SECRET_BYTES];

	/* What is no token of ours at all never reaches the database. */
	if (srv_api_token_parse(token, strlen(token), secret) < 0)
		return err_set(err, -EACCES, "not an API token");
	int r = look_up(api, secret, with_token, ret_who, err);

	explicit_bzero(secret, sizeof(secret));
	return r;
}

int srv_auth_by_cookie(const struct srv_api *api, const char *cookie, struct srv_identity *ret_who,
		       struct err *err)
{
	uint8_t secret[SRV_SECRET_BYTES];

	if (srv_secret_parse(SRV_SESSION_PREFIX, cookie, secret) < 0)
		return err_set(err, -EACCES, "not a session");
	int r = look_up(api, secret, with_session, ret_who, err);

	explicit_bzero(secret, sizeof(secret));
	return r;
}
