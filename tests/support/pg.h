/* A private PostgreSQL for the tests of one program: started in main() before the suite, stopped when the
 * program ends; each test gets a database of its own. Without PostgreSQL the program says so and exits 77.
 * Tests run from the top of the tree (build-aux/run-tests does). */
#ifndef TESTS_SUPPORT_PG_H
#define TESTS_SUPPORT_PG_H

#include <check.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/db.h"
#include "server/migrate.h"

#define PG_SCRIPT "tests/support/pg-private"

extern char **environ;

static char pg_dir[64];
static pid_t pg_owner;

/* Runs the script; its exit status. */
static inline int pg_run(const char *verb)
{
	char script[] = PG_SCRIPT, word[16];
	char *argv[] = {script, word, pg_dir, NULL};
	pid_t pid;
	int status;

	(void)snprintf(word, sizeof(word), "%s", verb);
	if (posix_spawn(&pid, script, NULL, NULL, argv, environ) != 0)
		return -1;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void pg_stop(void)
{
	if (getpid() == pg_owner) /* not a test's child */
		(void)pg_run("stop");
}

static inline void pg_conninfo(const char *database, char *out, size_t cap)
{
	(void)snprintf(out, cap, "host=%s dbname=%s%s", pg_dir, database,
		       geteuid() == 0 ? " user=postgres" : "");
}

/* Starts the cluster and migrates the database that the tests' ones are copied from. */
static inline void pg_start(void)
{
	char conninfo[256];
	struct err err = {0};

	(void)snprintf(pg_dir, sizeof(pg_dir), "/tmp/ampoule-pg-XXXXXX");
	if (!mkdtemp(pg_dir) || chmod(pg_dir, 0755) < 0)
		exit(EXIT_FAILURE);
	int r = pg_run("start");

	if (r == 77) {
		puts("needs PostgreSQL, see deploy/bootstrap.sh");
		(void)rmdir(pg_dir);
		exit(77);
	}
	pg_owner = getpid();
	(void)atexit(pg_stop);
	pg_conninfo("ampoule", conninfo, sizeof(conninfo));
	if (r != 0 || srv_migrate(conninfo, &err) < 0) {
		printf("the private PostgreSQL does not work: %s\n", err.text);
		exit(EXIT_FAILURE);
	}
}

static inline void pg_admin(const char *sql)
{
	char conninfo[256];
	struct err err = {0};

	pg_conninfo("postgres", conninfo, sizeof(conninfo));
	struct srv_conn *conn = srv_conn_open(conninfo, &err);

	ck_assert_msg(conn != NULL, "%s", err.text);
	ck_assert_msg(srv_script(conn, sql, &err) == 0, "%s", err.text);
	srv_conn_close(conn);
}

/* A new database, migrated or empty; its conninfo. */
static inline void pg_database(bool migrated, char *ret_conninfo, size_t cap)
{
	char name[64], sql[160];

	(void)snprintf(name, sizeof(name), "t_%d", (int)getpid());
	(void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", name,
		       migrated ? "ampoule" : "template0");
	pg_admin(sql);
	pg_conninfo(name, ret_conninfo, cap);
}

/* One number out of a query. */
static inline int64_t pg_number(const char *conninfo, const char *sql)
{
	struct err err = {0};
	struct srv_rows *rows = NULL;
	struct srv_conn *conn = srv_conn_open(conninfo, &err);

	ck_assert_msg(conn != NULL, "%s", err.text);
	ck_assert_msg(srv_query(conn, &rows, &err, sql) == 0, "%s: %s", sql, err.text);
	ck_assert_uint_eq(srv_rows_count(rows), 1);
	int64_t v = srv_rows_int(rows, 0, 0);

	srv_rows_free(rows);
	srv_conn_close(conn);
	return v;
}

/* Waits until a query gives the number, for what others write meanwhile; fails after PG_PATIENCE_S. */
enum {
	PG_PATIENCE_S = 30
};
static inline void pg_await(const char *conninfo, const char *sql, int64_t number)
{
	int64_t is = 0;

	for (int i = 0; i < PG_PATIENCE_S * 100; i++) {
		is = pg_number(conninfo, sql);
		if (is == number)
			return;
		usleep(10000);
	}
	ck_abort_msg("%s: %lld, not %lld", sql, (long long)is, (long long)number);
}

#endif
