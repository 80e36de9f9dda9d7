#include "server/rest/auth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/config.h"
#include "server/db.h"
#include "server/secret.h"
#include "server/store/tokens.h"

int srv_auth_by_token(const struct srv_api *api, const char *token, struct srv_identity *ret_who,
		      struct err *err)
{
	uint8_t secret[SRV_SECRET_BYTES], hash[SRV_HASH_BYTES];
	struct srv_api_token row = {0};

	/* What is no token of ours at all never reaches the database. */
	if (srv_api_token_parse(token, strlen(token), secret) < 0)
		return err_set(err, -EACCES, "not an API token");
	srv_secret_hash(secret, hash);
	explicit_bzero(secret, sizeof(secret));
	struct srv_conn *conn = srv_db_get(api->context->db, err);

	if (!conn)
		return err->code;
	int r = srv_tokens_find_api(conn, hash, &row, err);

	srv_db_put(api->context->db, conn);
	if (r < 0)
		return r;
	snprintf(ret_who->id, sizeof(ret_who->id), "%s", row.id);
	snprintf(ret_who->name, sizeof(ret_who->name), "%s", row.name[0] ? row.name : row.id);
	r = srv_role_parse(row.role, &ret_who->role);
	return r < 0 ? err_set(err, -EACCES, "token %s has a role unknown here", row.id) : 0;
}
