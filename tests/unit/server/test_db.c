#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include "tests/support/pg.h"
#include "tests/support/suite.h"

static struct srv_db *db;
static struct srv_conn *conn;
static struct err err;
static char conninfo[256];

static void open_pool(void)
{
	pg_database(true, conninfo, sizeof(conninfo));
	db = srv_db_open(conninfo, 2, &err);
	ck_assert_msg(db != NULL, "%s", err.text);
	conn = srv_db_get(db, &err);
	ck_assert_msg(conn != NULL, "%s", err.text);
}

static void close_pool(void)
{
	srv_db_put(db, conn);
	srv_db_close(db);
}

START_TEST(values_come_back_as_they_went)
{
	struct srv_rows *rows = NULL;
	size_t n;
	int r = srv_query(conn, &rows, &err,
			  "SELECT $1::text, $2::bytea, $3::bigint, $4::boolean, $5::text, "
			  "to_timestamp(1), $6::smallint, $7::bytea",
			  SRV_TEXT("a'b"), SRV_BYTES("\0\1\2", 3), SRV_INT(INT64_MIN),
			  SRV_BOOL(true), SRV_NULL, SRV_INT(-7), SRV_BYTES(NULL, 0));

	ck_assert_msg(r == 0, "%s", err.text);
	ck_assert_str_eq(srv_rows_text(rows, 0, 0), "a'b");
	ck_assert_mem_eq(srv_rows_bytes(rows, 0, 1, &n), "\0\1\2", 3);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(srv_rows_int(rows, 0, 2), INT64_MIN);
	ck_assert(srv_rows_bool(rows, 0, 3));
	ck_assert(srv_rows_is_null(rows, 0, 4));
	ck_assert_str_eq(srv_rows_text(rows, 0, 4), "");
	ck_assert_int_eq(srv_rows_time_us(rows, 0, 5), 1000000);
	ck_assert_int_eq(srv_rows_int(rows, 0, 6), -7);
	ck_assert(!srv_rows_is_null(rows, 0, 7));
	srv_rows_free(rows);
}
END_TEST

static const struct {
	const char *sql;
	int code;
} failures[] = {
	{"INSERT INTO groups (name) VALUES ('default')", -EEXIST},
	{"INSERT INTO groups (name) VALUES ('No Group')", -EINVAL},
	{"INSERT INTO policies (group_name, serial, policy_id, document, envelope, digest) VALUES "
	 "('nowhere', 1, 'x', '', '', decode(repeat('00', 32), 'hex'))",
	 -ENOENT},
	{"SELECT 'x'::integer", -EINVAL},
	{"no sql at all", -EIO},
	{"SELECT pg_terminate_backend(pg_backend_pid())", -ENOTCONN},
};

START_TEST(a_failure_has_its_errno_and_a_text)
{
	ck_assert_int_eq(srv_query(conn, NULL, &err, failures[_i].sql), failures[_i].code);
	ck_assert_int_eq(strncmp(err.text, "database: ", 10), 0);
}
END_TEST

START_TEST(an_error_does_not_quote_the_values)
{
	ck_assert_int_lt(srv_query(conn, NULL, &err,
				   "INSERT INTO tokens (kind, secret_hash) VALUES ('api', $1)",
				   SRV_BYTES("hidden", 6)),
			 0);
	ck_assert_ptr_null(strstr(err.text, "hidden"));
	ck_assert_ptr_null(strstr(err.text, "68696464656e"));
}
END_TEST

START_TEST(the_commit_of_a_failed_transaction_fails)
{
	ck_assert_int_eq(srv_begin(conn, &err), 0);
	ck_assert_int_lt(srv_script(conn, "SELECT 1/0", &err), 0);
	ck_assert_int_eq(srv_commit(conn, &err), -EIO);
}
END_TEST

START_TEST(an_open_transaction_is_rolled_back_when_put_back)
{
	ck_assert_int_eq(srv_begin(conn, &err), 0);
	ck_assert_int_eq(srv_script(conn, "INSERT INTO groups (name) VALUES ('left')", &err), 0);
	srv_db_put(db, conn);
	ck_assert_int_eq(pg_number(conninfo, "SELECT count(*) FROM groups WHERE name = 'left'"), 0);
	conn = srv_db_get(db, &err);
	ck_assert_ptr_nonnull(conn);
}
END_TEST

START_TEST(a_connection_that_the_database_closed_is_replaced)
{
	struct pollfd p = {.fd = srv_conn_fd(conn), .events = POLLIN};

	srv_db_put(db, conn);
	pg_admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> "
		 "'postgres' "
		 "AND application_name = 'ampoule-server' AND pid <> pg_backend_pid()");
	ck_assert_int_eq(poll(&p, 1, PG_PATIENCE_S * 1000), 1); /* the end has arrived */
	conn = srv_db_get(db, &err);
	ck_assert_msg(conn != NULL, "%s", err.text);
	ck_assert_int_eq(srv_query(conn, NULL, &err, "SELECT 1"), 0);
}
END_TEST

static void *put_later(void *context)
{
	usleep(200000);
	srv_db_put(db, context);
	return NULL;
}

START_TEST(a_full_pool_makes_the_next_one_wait)
{
	struct srv_conn *second = srv_db_get(db, &err);
	pthread_t thread;

	ck_assert_ptr_nonnull(second);
	ck_assert_int_eq(pthread_create(&thread, NULL, put_later, second), 0);
	struct srv_conn *third = srv_db_get(db, &err);

	ck_assert_ptr_eq(third, second);
	pthread_join(thread, NULL);
	srv_db_put(db, third);
}
END_TEST

START_TEST(copy_of_a_bad_row_stores_nothing)
{
	ck_assert_int_eq(srv_copy_in(conn, "COPY groups (name) FROM STDIN", "good\nBAD ONE\n", 13,
				     &err),
			 -EINVAL);
	ck_assert_int_eq(pg_number(conninfo, "SELECT count(*) FROM groups WHERE name = 'good'"), 0);
	ck_assert_int_eq(srv_query(conn, NULL, &err, "SELECT 1"), 0);
}
END_TEST

START_TEST(a_notification_arrives_with_its_payload)
{
	char payload[8];
	struct srv_conn *listener = srv_conn_open(conninfo, &err);

	ck_assert_int_eq(srv_script(listener, "LISTEN here", &err), 0);
	ck_assert_int_eq(srv_conn_next_notify(listener, payload, sizeof(payload)), 0);
	ck_assert_int_eq(srv_script(conn, "NOTIFY here, 'too long for it'", &err), 0);
	struct pollfd p = {.fd = srv_conn_fd(listener), .events = POLLIN};

	ck_assert_int_eq(poll(&p, 1, PG_PATIENCE_S * 1000), 1);
	ck_assert_int_eq(srv_conn_next_notify(listener, payload, sizeof(payload)), 1);
	ck_assert_str_eq(payload, "too lon");
	srv_conn_close(listener);
}
END_TEST

START_TEST(a_database_that_is_not_there_is_told)
{
	ck_assert_ptr_null(srv_db_open("host=/nonexistent dbname=x", 1, &err));
	ck_assert_int_eq(err.code, -ENOTCONN);
}
END_TEST

START_TEST(migrating_twice_applies_nothing_the_second_time)
{
	char empty[256];

	pg_database(false, empty, sizeof(empty));
	struct srv_conn *c = srv_conn_open(empty, &err);

	ck_assert_int_eq(srv_schema_check(c, &err), -EPROTO);
	ck_assert_int_eq(srv_migrate(empty, &err), srv_schema_latest());
	ck_assert_int_eq(srv_migrate(empty, &err), 0);
	ck_assert_int_eq(srv_schema_check(c, &err), 0);
	srv_conn_close(c);
}
END_TEST

START_TEST(a_newer_schema_is_refused)
{
	char newer[256];

	pg_database(true, newer, sizeof(newer));
	struct srv_conn *c = srv_conn_open(newer, &err);

	ck_assert_int_eq(srv_query(c, NULL, &err,
				   "INSERT INTO schema_migrations (version, name) VALUES ($1, 'x')",
				   SRV_INT(srv_schema_latest() + 1)),
			 0);
	ck_assert_int_eq(srv_schema_check(c, &err), -EPROTO);
	ck_assert_int_eq(srv_migrate(newer, &err), -EPROTO);
	srv_conn_close(c);
}
END_TEST

START_TEST(a_migration_waits_for_another_one)
{
	char empty[256];

	pg_database(false, empty, sizeof(empty));
	struct srv_conn *holder = srv_conn_open(empty, &err);

	/* The key of server/migrate.c. */
	ck_assert_int_eq(srv_query(holder, NULL, &err, "SELECT pg_advisory_lock($1)",
				   SRV_INT(0x414d504f554c4531)),
			 0);
	ck_assert_int_eq(srv_query(holder, NULL, &err, "SET idle_session_timeout = 500"),
			 0); /* then it lets go */
	ck_assert_int_eq(srv_migrate(empty, &err), srv_schema_latest());
	srv_conn_close(holder);
}
END_TEST

int main(void)
{
	TCase *pool = tcase_create("pool"), *schema = tcase_create("schema");

	pg_start();
	tcase_set_timeout(pool, 60);
	tcase_set_timeout(schema, 60);
	tcase_add_checked_fixture(pool, open_pool, close_pool);
	tcase_add_test(pool, values_come_back_as_they_went);
	tcase_add_loop_test(pool, a_failure_has_its_errno_and_a_text, 0,
			    sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(pool, an_error_does_not_quote_the_values);
	tcase_add_test(pool, the_commit_of_a_failed_transaction_fails);
	tcase_add_test(pool, an_open_transaction_is_rolled_back_when_put_back);
	tcase_add_test(pool, a_connection_that_the_database_closed_is_replaced);
	tcase_add_test(pool, a_full_pool_makes_the_next_one_wait);
	tcase_add_test(pool, copy_of_a_bad_row_stores_nothing);
	tcase_add_test(pool, a_notification_arrives_with_its_payload);
	tcase_add_test(schema, a_database_that_is_not_there_is_told);
	tcase_add_test(schema, migrating_twice_applies_nothing_the_second_time);
	tcase_add_test(schema, a_newer_schema_is_refused);
	tcase_add_test(schema, a_migration_waits_for_another_one);
	return suite_run("server/db", pool, schema);
}
