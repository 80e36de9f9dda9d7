/* The schema's versions: server/schema/NNN_name.sql, built into the binary, applied in order, each in a
 * transaction of its own. Migrating is explicit (`ampoule-server migrate` and `setup`); serving only
 * checks. */
#ifndef SERVER_MIGRATE_H
#define SERVER_MIGRATE_H

#include "common/cleanup.h"
#include "common/err.h"

struct srv_conn;

enum {
	SRV_MIGRATE_WAIT_MS = 60000
};

/* The newest version this program knows. */
int srv_schema_latest(void);
/* The database's version; 0 when it is empty. Negative errno. */
int srv_schema_version(struct srv_conn *conn, struct err *err) must_check;
/* Brings the database to the latest version; the number of versions applied. Polls for the advisory lock
 * that keeps two migrations apart (a blocked waiter would deadlock CREATE INDEX CONCURRENTLY): -EBUSY when
 * it is not free within SRV_MIGRATE_WAIT_MS. -EPROTO: the database is newer than this program. */
int srv_migrate(const char *conninfo, struct err *err) must_check;
/* -EPROTO unless the version is the latest or the one before, and not below 2, which brought people. */
int srv_schema_check(struct srv_conn *conn, struct err *err) must_check;

#endif
