#include "server/upkeep.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "server/worker.h"

enum {
	DAYS_MAX = 3650,
	GIB_MAX = 1 << 20
};

/* Any number will do, as long as nobody else on this database uses it. */
static const int64_t lock_key = 0x414d504f554c4533;

struct srv_upkeep {
	struct srv_db *db;
	int64_t days, budget_bytes;
	atomic_bool full;
	struct srv_worker worker;
};

static int read_number(const char *text, const char *name, int64_t max, int64_t otherwise,
		       int64_t *ret, struct err *err)
{
	char *end = NULL;
	long long n = strtoll(text, &end, 10);

	if (!text[0])
		n = otherwise;
	else if (*end || n < 0 || n > max)
		return err_set(err, -EINVAL, "server.conf: %s must be a number up to %lld", name,
			       (long long)max);
	*ret = n;
	return 0;
}

/* 1 when the round is ours to do. The lock goes with the transaction. */
static int is_leader(struct srv_conn *conn, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err, "SELECT pg_try_advisory_xact_lock($1)",
			  SRV_INT(lock_key));

	return r < 0 ? r : srv_rows_bool(rows, 0, 0);
}

/* As the leader, in one transaction. */
static int keep(struct srv_upkeep *u, struct srv_conn *conn, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_script(conn, "SELECT events_prepare()", err);

	if (r == 0)
		r = srv_query(conn, &rows, err, "SELECT events_retain($1::integer, $2::bigint)",
			      SRV_INT(u->days), SRV_INT(u->budget_bytes));
	if (r == 0 && srv_rows_int(rows, 0, 0))
		log_info("upkeep: dropped days=%d", (int)srv_rows_int(rows, 0, 0));
	return r;
}

static int measure(struct srv_upkeep *u, struct srv_conn *conn, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err,
			  "SELECT coalesce(sum(bytes), 0)::bigint FROM event_days");

	if (r < 0)
		return r;
	bool full = u->budget_bytes && srv_rows_int(rows, 0, 0) > u->budget_bytes;

	if (full != atomic_exchange(&u->full, full))
		log_warn("upkeep: events %s", full ? "have used up their disk budget: no more are "
						     "taken until this day is over"
						   : "are within their disk budget again");
	return 0;
}

static void go_round(struct srv_upkeep *u)
{
	struct err err = {0};
	struct srv_conn *conn = srv_db_get(u->db, &err);
	int r = conn ? srv_begin(conn, &err) : err.code;
	int leader = r == 0 ? is_leader(conn, &err) : r;

	if (leader == 1)
		r = keep(u, conn, &err);
	if (r == 0 && leader >= 0)
		r = srv_commit(conn, &err);
	if (r == 0 && leader >= 0)
		r = measure(u, conn, &err);
	srv_db_put(u->db, conn);
	if (r < 0 || leader < 0)
		log_warn("upkeep: trying again later: %s", err.text);
}

static void *run(void *context)
{
	struct srv_upkeep *u = context;

	do
		go_round(u);
	while (srv_worker_pause(&u->worker, SRV_UPKEEP_S * 1000));
	return NULL;
}

struct srv_upkeep *srv_upkeep_start(struct srv_db *db, const struct srv_config *config,
				    struct err *err)
{
	struct srv_upkeep *u = calloc(1, sizeof(*u));
	int64_t gib = 0;

	if (!u) {
		(void)err_set(err, -ENOMEM, "upkeep: out of memory");
		return NULL;
	}
	u->db = db;
	int r = read_number(config->events_days, "events_days", DAYS_MAX, SRV_EVENTS_DAYS, &u->days,
			    err);

	if (r == 0)
		r = read_number(config->events_gib, "events_gib", GIB_MAX, 0, &gib, err);
	u->budget_bytes = gib << 30;
	if (r == 0)
		r = srv_worker_start(&u->worker, "upkeep", run, u, err);
	if (r == 0)
		return u;
	free(u);
	return NULL;
}

void srv_upkeep_stop(struct srv_upkeep *u)
{
	if (!u)
		return;
	srv_worker_stop(&u->worker);
	free(u);
}

bool srv_upkeep_is_full(const struct srv_upkeep *u)
{
	return u && atomic_load(&u->full);
}
