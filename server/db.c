/* The pool is a stack of idle connections under one lock; a broken connection is closed when it is put
 * back, so the next get opens a fresh one. Session settings are made once per connection, because a
 * conninfo given by an admin may carry options of its own. */
#include "server/db.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <postgresql/libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PARAMS_MAX = 40,
	EPOCH_2000_S = 946684800
};

struct srv_conn {
	PGconn *pg;
	unsigned depth;        /* of transactions; those inside another are savepoints */
	struct srv_conn *next; /* guarded by db->lock while idle */
};

struct srv_db {
	char *conninfo;
	size_t max;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	size_t open;           /* guarded by lock: given out or idle */
	struct srv_conn *idle; /* guarded by lock */
};

struct srv_rows {
	PGresult *result;
};

static const char session_settings[] = "SET synchronous_commit = on; SET statement_timeout = 30000;"
				       "SET lock_timeout = 10000; SET TimeZone = 'UTC';"
				       "SET idle_in_transaction_session_timeout = 60000";

/* PostgreSQL's error codes (Appendix A) as errno; the rest is -EIO. */
static const struct {
	const char *state;
	int code;
} states[] = {
	{"23505", -EEXIST}, {"23503", -ENOENT}, {"23", -EINVAL},    {"22021", -EILSEQ},
	{"22", -EINVAL},    {"40", -EAGAIN},    {"55P03", -EBUSY},  {"57014", -EBUSY},
	{"57P", -ENOTCONN}, {"08", -ENOTCONN},  {"53100", -ENOSPC}, {"53200", -ENOMEM},
	{"25006", -EROFS},
};

static int code_of(const PGconn *pg, const PGresult *result)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

	if (PQstatus(pg) != CONNECTION_OK)
		return -ENOTCONN;
	for (size_t i = 0; state && i < sizeof(states) / sizeof(states[0]); i++) {
		if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
			return states[i].code;
	}
	return -EIO;
}

/* The primary message only: detail and context may quote values. */
static int fail(struct srv_conn *conn, const PGresult *result, struct err *err)
{
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (!text)
		text = PQerrorMessage(conn->pg);
	return err_set(err, code_of(conn->pg, result), "database: %.*s", (int)strcspn(text, "\n"),
		       text);
}

static void ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

struct srv_conn *srv_conn_open(const char *conninfo, struct err *err)
{
	const char *keys[] = {"connect_timeout", "tcp_user_timeout", "application_name",
			      "dbname",          "client_encoding",  NULL};
	const char *values[] = {"10", "30000", "ampoule-server", conninfo, "UTF8", NULL};
	struct srv_conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		(void)err_set(err, -ENOMEM, "database: out of memory");
		return NULL;
	}
	conn->pg = PQconnectdbParams(keys, values, 1);
	if (!conn->pg || PQstatus(conn->pg) != CONNECTION_OK) {
		const char *text = conn->pg ? PQerrorMessage(conn->pg) : "out of memory";

		(void)err_set(err, -ENOTCONN, "database: %.*s", (int)strcspn(text, "\n"), text);
		srv_conn_close(conn);
		return NULL;
	}
	(void)PQsetNoticeReceiver(conn->pg, ignore_notice, NULL); /* returns the one before */
	if (srv_script(conn, session_settings, err) < 0) {
		srv_conn_close(conn);
		return NULL;
	}
	return conn;
}

void srv_conn_close(struct srv_conn *conn)
{
	if (!conn)
		return;
	PQfinish(conn->pg);
	free(conn);
}

struct srv_db *srv_db_open(const char *conninfo, size_t connections, struct err *err)
{
	struct srv_conn *first = srv_conn_open(conninfo, err);

	if (!first)
		return NULL;
	struct srv_db *db = calloc(1, sizeof(*db));

	if (db)
		db->conninfo = strdup(conninfo);
	if (!db || !db->conninfo) {
		srv_conn_close(first);
		free(db);
		(void)err_set(err, -ENOMEM, "database: out of memory");
		return NULL;
	}
	pthread_mutex_init(&db->lock, NULL);
	pthread_condattr_t clock;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&db->freed, &clock);
	pthread_condattr_destroy(&clock);
	db->max = connections;
	db->open = 1;
	db->idle = first;
	return db;
}

void srv_db_close(struct srv_db *db)
{
	if (!db)
		return;
	while (db->idle) {
		struct srv_conn *conn = db->idle;

		db->idle = conn->next;
		srv_conn_close(conn);
		db->open--;
	}
	assert(db->open == 0);
	pthread_cond_destroy(&db->freed);
	pthread_mutex_destroy(&db->lock);
	free(db->conninfo);
	free(db);
}

/* Waits for an idle connection or room for a new one: 1 with *ret_idle, 0 with room taken, -EBUSY. */
static int reserve(struct srv_db *db, struct srv_conn **ret_idle)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SRV_DB_WAIT_MS / 1000;
	pthread_mutex_lock(&db->lock);
	while (!db->idle && db->open >= db->max && r == 0)
		r = pthread_cond_timedwait(&db->freed, &db->lock, &until);
	if (db->idle) {
		*ret_idle = db->idle;
		db->idle = db->idle->next;
		r = 1;
	} else if (db->open < db->max) {
		db->open++;
		r = 0;
	} else {
		r = -EBUSY;
	}
	pthread_mutex_unlock(&db->lock);
	return r;
}

static void release_room(struct srv_db *db)
{
	pthread_mutex_lock(&db->lock);
	db->open--;
	pthread_cond_signal(&db->freed);
	pthread_mutex_unlock(&db->lock);
}

/* Nothing is said on an idle connection, unless the database ends it (it was restarted): that is seen
 * without a round trip. */
static bool is_alive(struct srv_conn *conn)
{
	struct pollfd p = {.fd = PQsocket(conn->pg), .events = POLLIN};

	return poll(&p, 1, 0) == 0 && PQstatus(conn->pg) == CONNECTION_OK;
}

struct srv_conn *srv_db_get(struct srv_db *db, struct err *err)
{
	struct srv_conn *conn = NULL;
	int r = reserve(db, &conn);

	if (r < 0) {
		(void)err_set(err, -EBUSY, "database: every connection is in use");
		return NULL;
	}
	if (r == 1 && is_alive(conn))
		return conn;
	srv_conn_close(conn);
	conn = srv_conn_open(db->conninfo, err);
	if (!conn)
		release_room(db);
	return conn;
}

void srv_db_put(struct srv_db *db, struct srv_conn *conn)
{
	if (!conn)
		return;
	conn->depth = 0; /* whatever is open ends as a whole */
	if (PQtransactionStatus(conn->pg) != PQTRANS_IDLE)
		srv_rollback(conn);
	if (PQtransactionStatus(conn->pg) != PQTRANS_IDLE) {
		srv_conn_close(conn);
		release_room(db);
		return;
	}
	pthread_mutex_lock(&db->lock);
	conn->next = db->idle;
	db->idle = conn;
	pthread_cond_signal(&db->freed);
	pthread_mutex_unlock(&db->lock);
}

static bool is_good(const PGresult *result)
{
	ExecStatusType s = PQresultStatus(result);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

int srv_exec(struct srv_conn *conn, const char *sql, const struct srv_param *params, size_t n,
	     struct srv_rows **ret_rows, struct err *err)
{
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX], formats[PARAMS_MAX];
	char numbers[PARAMS_MAX][24];

	assert(n <= PARAMS_MAX);
	for (size_t i = 0; i < n; i++) {
		values[i] = params[i].kind == SRV_PARAM_NULL ? NULL : params[i].bytes;
		lengths[i] = (int)params[i].n;
		formats[i] = params[i].kind == SRV_PARAM_BYTES;
		if (params[i].kind == SRV_PARAM_BYTES && !values[i])
			values[i] = ""; /* an empty bytea, not NULL */
		if (params[i].kind != SRV_PARAM_INT)
			continue;
		(void)snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, params[i].value);
		values[i] = numbers[i];
	}
	PGresult *result = PQexecParams(conn->pg, sql, (int)n, NULL, values, lengths, formats, 1);

	if (!is_good(result)) {
		int r = fail(conn, result, err);

		PQclear(result);
		return r;
	}
	if (!ret_rows) {
		PQclear(result);
		return 0;
	}
	struct srv_rows *rows = malloc(sizeof(*rows));

	if (!rows) {
		PQclear(result);
		return err_set(err, -ENOMEM, "database: out of memory");
	}
	rows->result = result;
	*ret_rows = rows;
	return 0;
}

int srv_script(struct srv_conn *conn, const char *sql, struct err *err)
{
	PGresult *result = PQexec(conn->pg, sql);
	int r = is_good(result) ? 0 : fail(conn, result, err);

	PQclear(result);
	return r;
}

int srv_copy_in(struct srv_conn *conn, const char *sql, const void *bytes, size_t n,
		struct err *err)
{
	PGresult *result = PQexec(conn->pg, sql);
	int r = PQresultStatus(result) == PGRES_COPY_IN ? 0 : fail(conn, result, err);

	PQclear(result);
	if (r < 0)
		return r;
	assert(n <= INT32_MAX);
	if (PQputCopyData(conn->pg, bytes, (int)n) != 1 || PQputCopyEnd(conn->pg, NULL) != 1)
		r = fail(conn, NULL, err);
	while ((result = PQgetResult(conn->pg))) {
		if (r == 0 && !is_good(result))
			r = fail(conn, result, err);
		PQclear(result);
	}
	return r;
}

int srv_begin(struct srv_conn *conn, struct err *err)
{
	int r = srv_script(conn, conn->depth ? "SAVEPOINT inner_one" : "BEGIN", err);

	if (r == 0)
		conn->depth++;
	return r;
}

int srv_commit(struct srv_conn *conn, struct err *err)
{
	/* COMMIT of a failed transaction "succeeds" as ROLLBACK: that must never look like a commit. */
	if (PQtransactionStatus(conn->pg) != PQTRANS_INTRANS)
		return err_set(err, PQstatus(conn->pg) == CONNECTION_OK ? -EIO : -ENOTCONN,
			       "database: the transaction had failed");
	int r = srv_script(conn, conn->depth > 1 ? "RELEASE inner_one" : "COMMIT", err);

	if (r == 0 && conn->depth)
		conn->depth--;
	return r;
}

void srv_rollback(struct srv_conn *conn)
{
	/* A dead connection is seen when it is put back. */
	(void)!srv_script(conn,
			  conn->depth > 1 ? "ROLLBACK TO inner_one; RELEASE inner_one" : "ROLLBACK",
			  NULL);
	if (conn->depth)
		conn->depth--;
}

void srv_rows_free(struct srv_rows *rows)
{
	if (!rows)
		return;
	PQclear(rows->result);
	free(rows);
}

size_t srv_rows_count(const struct srv_rows *rows)
{
	return (size_t)PQntuples(rows->result);
}

size_t srv_rows_affected(const struct srv_rows *rows)
{
	return (size_t)strtoull(PQcmdTuples(rows->result), NULL, 10);
}

bool srv_rows_is_null(const struct srv_rows *rows, size_t row, size_t column)
{
	assert(row < srv_rows_count(rows) && column < (size_t)PQnfields(rows->result));
	return PQgetisnull(rows->result, (int)row, (int)column);
}

const char *srv_rows_text(const struct srv_rows *rows, size_t row, size_t column)
{
	return srv_rows_is_null(rows, row, column)
		       ? ""
		       : PQgetvalue(rows->result, (int)row, (int)column);
}

const uint8_t *srv_rows_bytes(const struct srv_rows *rows, size_t row, size_t column, size_t *ret_n)
{
	const char *value = srv_rows_text(rows, row, column);

	*ret_n = (size_t)PQgetlength(rows->result, (int)row, (int)column);
	return (const uint8_t *)value;
}

int64_t srv_rows_int(const struct srv_rows *rows, size_t row, size_t column)
{
	size_t n;
	const uint8_t *p = srv_rows_bytes(rows, row, column, &n);
	uint64_t v = n && (p[0] & 0x80) ? UINT64_MAX : 0;

	assert(n == 0 || n == 2 || n == 4 || n == 8);
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

bool srv_rows_bool(const struct srv_rows *rows, size_t row, size_t column)
{
	size_t n;
	const uint8_t *p = srv_rows_bytes(rows, row, column, &n);

	return n == 1 && p[0] == 1;
}

int64_t srv_rows_time_us(const struct srv_rows *rows, size_t row, size_t column)
{
	if (srv_rows_is_null(rows, row, column))
		return 0;
	return srv_rows_int(rows, row, column) + (int64_t)EPOCH_2000_S * 1000000;
}

int srv_conn_fd(const struct srv_conn *conn)
{
	return PQsocket(conn->pg);
}

int srv_conn_next_notify(struct srv_conn *conn, char *ret_payload, size_t cap)
{
	if (PQconsumeInput(conn->pg) != 1)
		return -ENOTCONN;
	PGnotify *notify = PQnotifies(conn->pg);

	if (!notify)
		return 0;
	(void)snprintf(ret_payload, cap, "%s", notify->extra); /* cut: it is only a wake-up */
	PQfreemem(notify);
	return 1;
}
