#include "server/store/overview.h"

#include <errno.h>

#include "server/rest/handlers.h"

/* Merges the object of the only row into out. */
static int add(json_t *out, const struct srv_rows *rows, struct err *err)
{
	json_t *part = json_loads(srv_rows_text(rows, 0, 0), JSON_REJECT_DUPLICATES, NULL);
	int r = part ? json_object_update(out, part) : -1;

	json_decref(part);
	return r < 0 ? err_set(err, -ENOMEM, "out of memory") : 0;
}

int srv_overview_get(struct srv_call *call, struct err *err)
{
	cleanup_rows struct srv_rows *fleet = NULL, *accesses = NULL;
	json_t *out = NULL;
	int r = srv_overview_fleet(call->conn, call->scope, &fleet, err);

	if (r == 0)
		r = srv_overview_accesses(call->conn, call->scope, &accesses, err);
	if (r < 0)
		return r;
	out = json_object();
	json_object_set_new(out, "accesses", json_object());
	r = add(out, fleet, err);
	if (r == 0)
		r = add(json_object_get(out, "accesses"), accesses, err);
	if (r < 0) {
		json_decref(out);
		return r;
	}
	srv_reply_json(call->req, 200, out);
	return 0;
}
