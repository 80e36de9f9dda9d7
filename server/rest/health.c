#include "server/config.h"
#include "server/db.h"
#include "server/rest/grants.h"
#include "server/rest/handlers.h"

/* For load balancers: no token, no numbers that would help an attacker. */
int srv_health_get(struct srv_call *call, struct err *err)
{
	struct srv_conn *conn = srv_db_get(call->api->context->db, err);
	int r = conn ? srv_query(conn, NULL, err, "SELECT 1") : err->code;

	srv_db_put(call->api->context->db, conn);
	if (r == 0)
		srv_reply_json(call->req, 200, json_pack("{s:s}", "status", "ok"));
	return r;
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
