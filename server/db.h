/* PostgreSQL, wrapped: a small pool of connections, parameters, typed results. libpq's types stop here.
 *
 * The pool may be used by any thread; a connection by the one thread that got it, until it is put back.
 * Never hold a connection while waiting for a peer (an agent, a browser): the pool is small and everyone
 * else waits for it.
 *
 *	struct srv_conn *conn = srv_db_get(db, err);
 *	struct srv_rows *rows = NULL;
 *	r = srv_query(conn, &rows, err, "SELECT id::text FROM devices WHERE group_name = $1",
 *		      SRV_TEXT(group));
 *	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
 *		puts(srv_rows_text(rows, i, 0));
 *	srv_rows_free(rows);
 *	srv_db_put(db, conn);
 *
 * What every call may return: -ENOTCONN (the database cannot be reached; the connection is renewed by the
 * next srv_db_get), -EEXIST (unique violation), -ENOENT (foreign key violation), -EINVAL (a value that a
 * constraint or type refuses), -EAGAIN (deadlock or serialization: run the transaction again), -EBUSY
 * (lock or statement time limit), -ENOMEM, else -EIO. err then tells; it never quotes parameters. */
#ifndef SERVER_DB_H
#define SERVER_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

struct srv_db;
struct srv_conn;
struct srv_rows;

enum {
	SRV_DB_CONNECTIONS = 8,     /* of one instance's pool */
	SRV_DB_WAIT_MS = 10000,     /* longest wait for a free connection */
	SRV_DB_STATEMENT_MS = 30000 /* statement_timeout of each connection */
};

/* Opens the pool and makes one connection to prove conninfo. NULL with err. Free with srv_db_close(),
 * when every connection has been put back. */
struct srv_db *srv_db_open(const char *conninfo, size_t connections, struct err *err);
void srv_db_close(struct srv_db *db);
/* Takes a connection, waiting at most SRV_DB_WAIT_MS. NULL with err: -EBUSY or -ENOTCONN. */
struct srv_conn *srv_db_get(struct srv_db *db, struct err *err);
/* Gives it back; an open transaction is rolled back first. NULL is accepted. */
void srv_db_put(struct srv_db *db, struct srv_conn *conn);

/* A connection outside any pool, for LISTEN and for migrations. */
struct srv_conn *srv_conn_open(const char *conninfo, struct err *err);
void srv_conn_close(struct srv_conn *conn);

/* A parameter: made by the macros below, borrowed for the call. */
struct srv_param {
	enum {
		SRV_PARAM_NULL,
		SRV_PARAM_TEXT,
		SRV_PARAM_BYTES,
		SRV_PARAM_INT
	} kind;
	const void *bytes; /* TEXT: NUL-terminated; a NULL pointer is SQL NULL */
	size_t n;
	int64_t value;
};
#define SRV_NULL        ((struct srv_param){.kind = SRV_PARAM_NULL})
#define SRV_TEXT(s)     ((struct srv_param){.kind = SRV_PARAM_TEXT, .bytes = (s)})
#define SRV_BYTES(p, l) ((struct srv_param){.kind = SRV_PARAM_BYTES, .bytes = (p), .n = (l)})
#define SRV_INT(v)      ((struct srv_param){.kind = SRV_PARAM_INT, .value = (int64_t)(v)})
#define SRV_BOOL(v)     SRV_TEXT((v) ? "true" : "false")

/* Runs one statement with n parameters ($1...). ret_rows may be NULL when nothing is to be read;
 * otherwise it is set on success and freed with srv_rows_free(). */
int srv_exec(struct srv_conn *conn, const char *sql, const struct srv_param *params, size_t n,
	     struct srv_rows **ret_rows, struct err *err) must_check;
/* srv_query(conn, &rows or NULL, err, sql, SRV_...(), ...): the same with the parameters in place. */
#define srv_query(conn, ret_rows, err, sql, ...)                                         \
	srv_exec((conn), (sql), (const struct srv_param[]){SRV_NULL, ##__VA_ARGS__} + 1, \
		 sizeof((const struct srv_param[]){SRV_NULL, ##__VA_ARGS__}) /           \
				 sizeof(struct srv_param) -                              \
			 1,                                                              \
		 (ret_rows), (err))
/* Runs a script of several statements without parameters: migrations, BEGIN, COMMIT. */
int srv_script(struct srv_conn *conn, const char *sql, struct err *err) must_check;
/* COPY ... FROM STDIN: sends the n bytes, which must be in the format that sql names. */
int srv_copy_in(struct srv_conn *conn, const char *sql, const void *bytes, size_t n,
		struct err *err) must_check;

/* Transactions nest: one begun inside another is a savepoint, and counts when the outer one commits. */
int srv_begin(struct srv_conn *conn, struct err *err) must_check;
int srv_commit(struct srv_conn *conn, struct err *err) must_check;
void srv_rollback(struct srv_conn *conn);

/* Rows: of a SELECT or RETURNING. Row and column must be in range (asserted). */
void srv_rows_free(struct srv_rows *rows);
size_t srv_rows_count(const struct srv_rows *rows);
/* Rows touched by INSERT, UPDATE or DELETE. */
size_t srv_rows_affected(const struct srv_rows *rows);
bool srv_rows_is_null(const struct srv_rows *rows, size_t row, size_t column);
/* text, varchar, name; cast uuid, json and numeric to text in SQL. "" for NULL. Borrowed from rows. */
const char *srv_rows_text(const struct srv_rows *rows, size_t row, size_t column);
/* bytea, or text as bytes. Borrowed from rows; n = 0 for NULL. */
const uint8_t *srv_rows_bytes(const struct srv_rows *rows, size_t row, size_t column,
			      size_t *ret_n);
/* int2, int4, int8, xid8; 0 for NULL. */
int64_t srv_rows_int(const struct srv_rows *rows, size_t row, size_t column);
bool srv_rows_bool(const struct srv_rows *rows, size_t row, size_t column);
/* timestamptz in microseconds since the epoch (1970); 0 for NULL. */
int64_t srv_rows_time_us(const struct srv_rows *rows, size_t row, size_t column);

/* LISTEN on a connection of one's own: the descriptor to poll, then the next notification's payload.
 * 1 with payload cut to cap, 0 when there is none, -ENOTCONN when the connection is gone. */
int srv_conn_fd(const struct srv_conn *conn);
int srv_conn_next_notify(struct srv_conn *conn, char *ret_payload, size_t cap) must_check;

static inline void srv_rows_freep(struct srv_rows **rows)
{
	srv_rows_free(*rows);
}
#define cleanup_rows cleanup_(srv_rows_freep)

#endif
