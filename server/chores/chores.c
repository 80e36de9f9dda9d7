#include "server/chores/chores.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "server/hub.h"
#include "server/worker.h"

enum {
	LOCK_SPACE = 0x616d7063 /* of our advisory locks: "ampc", and the chore's number */
};

typedef int chore_fn(const struct srv_context *context, struct srv_conn *conn, struct err *err);

struct srv_chores {
	const struct srv_context *context;
	struct srv_worker worker;
};

static int end_exceptions(const struct srv_context *context, struct srv_conn *conn, struct err *err)
{
	size_t groups = 0;
	int r = srv_chore_exceptions(context, conn, &groups, err);

	if (r == 0)
		r = srv_commit(conn, err);
	if (r == 0 && groups)
		srv_hub_policy_changed(context->hub, "", 0);
	return r;
}

static int tell_of_devices(const struct srv_context *context, struct srv_conn *conn,
			   struct err *err)
{
	(void)context;
	int r = srv_chore_devices(conn, err);

	return r < 0 ? r : srv_commit(conn, err);
}

static const struct {
	const char *name;
	time_t every_s;
	chore_fn *run; /* in a transaction, which it commits */
} table[] = {
	{"exceptions", 2, end_exceptions},
	{"devices", 60, tell_of_devices},
};

enum {
	CHORES = sizeof(table) / sizeof(table[0])
};

/* Whether this instance is the one to do it now; the lock goes with the transaction. */
static int take_turn(struct srv_conn *conn, size_t n, bool *ret_ours, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT pg_try_advisory_xact_lock($1::int8::int4, $2::int8::int4)",
			  SRV_INT(LOCK_SPACE), SRV_INT(n));

	if (r == 0)
		*ret_ours = srv_rows_bool(rows, 0, 0);
	return r;
}

static int run_chore(struct srv_chores *chores, size_t n, struct err *err)
{
	struct srv_conn *conn = srv_db_get(chores->context->db, err);
	bool ours = false;
	int r = conn ? srv_begin(conn, err) : err->code;

	if (r == 0)
		r = take_turn(conn, n, &ours, err);
	if (r == 0 && ours)
		r = table[n].run(chores->context, conn, err);
	srv_db_put(chores->context->db, conn); /* undoes what was not committed */
	return r;
}

static void *run(void *arg)
{
	struct srv_chores *chores = arg;
	bool failing[CHORES] = {false};
	time_t due_s[CHORES] = {0}, now_s = 0;

	while (srv_worker_pause(&chores->worker, 1000)) {
		for (size_t n = 0; n < CHORES; n++) {
			struct err err = {0};

			if (now_s < due_s[n])
				continue;
			due_s[n] = now_s + table[n].every_s;
			int r = run_chore(chores, n, &err);

			if (r < 0 && !failing[n]) /* once, not at each turn */
				log_error("chores: %s, trying again: %s", table[n].name, err.text);
			failing[n] = r < 0;
		}
		now_s++;
	}
	return NULL;
}

struct srv_chores *srv_chores_start(const struct srv_context *context, struct err *err)
{
	struct srv_chores *chores = calloc(1, sizeof(*chores));

	if (!chores) {
		(void)err_set(err, -ENOMEM, "chores: out of memory");
		return NULL;
	}
	chores->context = context;
	if (srv_worker_start(&chores->worker, "chores", run, chores, err) == 0)
		return chores;
	free(chores);
	return NULL;
}

void srv_chores_stop(struct srv_chores *chores)
{
	if (!chores)
		return;
	srv_worker_stop(&chores->worker);
	free(chores);
}
