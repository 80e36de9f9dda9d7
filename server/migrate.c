#include "server/migrate.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "server/db.h"

static const struct {
	int version;
	const char *name;
	const char *sql;
} migrations[] = {
#include "server/schema.inc"
};

enum {
	MIGRATIONS = sizeof(migrations) / sizeof(migrations[0]),
	OLDEST = 4, /* what each event needs, whatever is latest: days, groups that devices had */
	POLL_MS = 200
};

/* Any number will do, as long as nobody else on this database uses it. */
static const int64_t lock_key = 0x414d504f554c4531;

int srv_schema_latest(void)
{
	return migrations[MIGRATIONS - 1].version;
}

int srv_schema_version(struct srv_conn *conn, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err, "SELECT to_regclass('schema_migrations') IS NOT NULL");

	if (r < 0)
		return r;
	if (!srv_rows_bool(rows, 0, 0))
		return 0;
	cleanup_rows struct srv_rows *version = NULL;

	r = srv_query(conn, &version, err,
		      "SELECT coalesce(max(version), 0) FROM schema_migrations");
	return r < 0 ? r : (int)srv_rows_int(version, 0, 0);
}

static int take_lock(struct srv_conn *conn, struct err *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

	for (int waited = 0; waited <= SRV_MIGRATE_WAIT_MS; waited += POLL_MS) {
		cleanup_rows struct srv_rows *rows = NULL;
		int r = srv_query(conn, &rows, err, "SELECT pg_try_advisory_lock($1)",
				  SRV_INT(lock_key));

		if (r < 0)
			return r;
		if (srv_rows_bool(rows, 0, 0))
			return 0;
		(void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
	}
	return err_set(err, -EBUSY, "another migration is running");
}

static int apply(struct srv_conn *conn, size_t n, struct err *err)
{
	int r = srv_begin(conn, err);

	if (r == 0)
		r = srv_script(conn, migrations[n].sql, err);
	if (r == 0)
		r = srv_query(conn, NULL, err,
			      "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)",
			      SRV_INT(migrations[n].version), SRV_TEXT(migrations[n].name));
	if (r == 0)
		r = srv_commit(conn, err);
	if (r < 0)
		(void)err_prefix(err, "migration %s", migrations[n].name);
	return r;
}

static int apply_missing(struct srv_conn *conn, struct err *err)
{
	int applied = 0;
	int r = srv_script(
		conn,
		"SET statement_timeout = 0;"
		"CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY,"
		" name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
		err);
	int version = r < 0 ? r : srv_schema_version(conn, err);

	if (version < 0)
		return version;
	if (version > srv_schema_latest())
		return err_set(err, -EPROTO, "the database has schema %d, this program knows %d",
			       version, srv_schema_latest());
	for (size_t i = 0; i < MIGRATIONS; i++) {
		if (migrations[i].version <= version)
			continue;
		r = apply(conn, i, err);
		if (r < 0)
			return r;
		applied++;
	}
	return applied;
}

int srv_migrate(const char *conninfo, struct err *err)
{
	struct srv_conn *conn = srv_conn_open(conninfo, err);

	if (!conn)
		return err && err->code ? err->code : -ENOTCONN;
	int r = take_lock(conn, err);

	if (r == 0)
		r = apply_missing(conn, err);
	srv_conn_close(conn); /* the advisory lock goes with the session */
	return r;
}

int srv_schema_check(struct srv_conn *conn, struct err *err)
{
	int version = srv_schema_version(conn, err);
	int latest = srv_schema_latest();
	int before = migrations[MIGRATIONS - 2].version; /* numbers have gaps */
	int oldest = before > OLDEST ? before : OLDEST;

	if (version < 0)
		return version;
	if (version == 0)
		return err_set(err, -EPROTO, "the database is empty: run `ampoule-server migrate`");
	if (version < oldest || version > latest)
		return err_set(err, -EPROTO,
			       "the database has schema %d, this program needs %d to %d: run "
			       "`ampoule-server migrate` of the newer program",
			       version, oldest, latest);
	return 0;
}
