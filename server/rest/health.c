#include <errno.h>

#include "server/config.h"
#include "server/db.h"
#include "server/migrate.h"
#include "server/rest/grants.h"
#include "server/rest/handlers.h"

/* Whether the process answers at all: restarting it would not help a database that is away. */
int srv_live_get(struct srv_call *call, struct err *err)
{
	(void)err;
	srv_reply_json(call->req, 200, json_pack("{s:s}", "status", "ok"));
	return 0;
}

/* For load balancers: no token, no numbers that would help an attacker. The database answers and has a schema that
 * this program can serve. */
int srv_health_get(struct srv_call *call, struct err *err)
{
	struct srv_conn *conn = srv_db_get(call->api->context->db, err);
	int r = conn ? srv_schema_check(conn, err) : err->code;

	srv_db_put(call->api->context->db, conn);
	if (r == -EPROTO)
		srv_reply_problem(call->req, SRV_UNAVAILABLE,
				  "The database has a schema that this server cannot serve.");
	else if (r == 0)
		srv_reply_json(call->req, 200, json_pack("{s:s}", "status", "ok"));
	return r == -EPROTO ? 0 : r;
}

int srv_whoami_get(struct srv_call *call, struct err *err)
{
	(void)err;
	srv_reply_json(call->req, 200,
		       json_pack("{s:s, s:s, s:s, s:o}", "kind",
				 call->who.session[0] ? "person" : "api", "id", call->who.id,
				 "name", call->who.name, "roles",
				 srv_grants_json(&call->who.grants)));
	return 0;
}
