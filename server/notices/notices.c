#include "server/notices/notices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "server/audit.h"
#include "server/db.h"
#include "server/notices/deliver.h"
#include "server/vitals.h"
#include "server/worker.h"

/* A cause that is seen keeps its row; a row whose cause was not seen for an hour goes, so that the next time is told
 * again. Who sends claims the row first: another instance takes it over after five minutes. */

enum {
	EVERY_S = 60,
	AT_ONCE = 20, /* sent in one turn */
	DAY_S = 86400
};

struct srv_notices {
	const struct srv_context *context;
	struct srv_worker worker;
};

/* Causes that the database knows: each gives (subject, text). */
static const struct {
	const char *kind;
	const char *sql;
} causes[] = {
	{"devices-silent",
	 "SELECT to_char(now(), 'YYYY-MM-DD'), count(*) || ' devices were not heard for a day.' "
	 "FROM "
	 "devices WHERE state <> 'revoked' AND coalesce(last_seen, enrolled_at) < now() - interval "
	 "'1 day' HAVING count(*) > 0"},
	{"emergency", "SELECT id::text, author_name || ' went on without a second person: ' || "
		      "action || ', because: "
		      "' || reason FROM approvals WHERE emergency AND reviewed_at IS NULL"},
	{"emergency-not-reviewed",
	 "SELECT id::text, 'Nobody looked within 24 hours at the emergency of ' || author_name || "
	 "'.' "
	 "FROM approvals WHERE emergency AND reviewed_at IS NULL AND decided_at < now() - interval "
	 "'1 day'"},
};

static int put_notice(struct srv_conn *conn, const char *kind, const char *subject,
		      const char *text, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "INSERT INTO notices (kind, subject, text) VALUES ($1, $2, $3) "
			 "ON CONFLICT (kind, subject) DO UPDATE SET seen_at = now(), text = "
			 "excluded.text",
			 SRV_TEXT(kind), SRV_TEXT(subject), SRV_TEXT(text));
}

/* ---- causes on this machine ---- */

static int raise_certificate(const struct srv_context *c, struct srv_conn *conn, const char *file,
			     const char *host, struct err *err)
{
	char path[SRV_PATH_MAX], subject[200], text[300];
	struct err why = {0};
	time_t ends = 0, left_s;
	int r = srv_config_path(c->config, file, path, sizeof(path));

	if (r < 0 || srv_vitals_certificate(path, &ends, &why) < 0)
		return r < 0 ? err_set(err, r, "the state folder's name is too long") : 0;
	left_s = ends - time(NULL);
	if (left_s >= SRV_CERTIFICATE_WARN_S)
		return 0;
	snprintf(subject, sizeof(subject), "%s on %s", file, host);
	snprintf(text, sizeof(text),
		 "%s ends in %" PRId64 " days. ampoule-server doctor says what to do.", path,
		 (int64_t)left_s / DAY_S);
	return put_notice(conn, "certificate", subject, text, err);
}

static int raise_disk(const struct srv_context *c, struct srv_conn *conn, const char *host,
		      struct err *err)
{
	struct srv_disk disk = {0};
	char text[300];
	int r = srv_vitals_disk(c->config->state_dir, &disk, err);

	if (r < 0 || srv_disk_free_percent(&disk) >= SRV_DISK_WARN_PERCENT)
		return r;
	snprintf(text, sizeof(text), "%u %% of the disk with %s is free.",
		 srv_disk_free_percent(&disk), c->config->state_dir);
	return put_notice(conn, "disk", host, text, err);
}

static int raise_audit(const struct srv_context *c, struct srv_conn *conn, const char *host,
		       struct err *err)
{
	struct srv_audit_state state = {0};

	srv_audit_look(c->audit, &state);
	return state.broken ? put_notice(conn, "audit-broken", host,
					 "The audit log is no longer the one that was chained: "
					 "ampoulectl audit verify.",
					 err)
			    : 0;
}

/* ---- a turn ---- */

static int raise_of_database(struct srv_conn *conn, size_t n, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	int r = srv_query(conn, &rows, err, causes[n].sql);

	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++)
		r = put_notice(conn, causes[n].kind, srv_rows_text(rows, i, 0),
			       srv_rows_text(rows, i, 1), err);
	return r;
}

static int raise_all(const struct srv_context *c, struct srv_conn *conn, struct err *err)
{
	char host[128] = "";
	int r = 0;

	(void)gethostname(host, sizeof(host) - 1); /* without a name it is "" */
	for (size_t n = 0; r == 0 && n < sizeof(causes) / sizeof(causes[0]); n++)
		r = raise_of_database(conn, n, err);
	if (r == 0)
		r = raise_certificate(c, conn, "server.pem", host, err);
	if (r == 0)
		r = raise_certificate(c, conn, "ca.pem", host, err);
	if (r == 0)
		r = raise_disk(c, conn, host, err);
	if (r == 0)
		r = raise_audit(c, conn, host, err);
	if (r == 0)
		r = srv_script(
			conn, "DELETE FROM notices WHERE seen_at < now() - interval '1 hour'", err);
	return r;
}

/* Those that are nobody's yet, for this instance to send. */
static int claim(struct srv_conn *conn, struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(
		conn, ret_rows, err,
		"UPDATE notices SET claimed_at = now() WHERE (kind, subject) IN (SELECT kind, "
		"subject FROM notices WHERE sent_at IS NULL AND (claimed_at IS NULL OR "
		"claimed_at < now() - interval '5 minutes') ORDER BY raised_at LIMIT $1::int8 "
		"FOR UPDATE SKIP LOCKED) RETURNING kind, subject, text, to_char(raised_at AT "
		"TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
		SRV_INT(AT_ONCE));
}

static int note_sent(const struct srv_context *c, const struct srv_notice *n, struct err *err)
{
	struct srv_conn *conn = srv_db_get(c->db, err);
	int r = conn ? srv_query(conn, NULL, err,
				 "UPDATE notices SET sent_at = now() WHERE kind = $1 AND subject = "
				 "$2",
				 SRV_TEXT(n->kind), SRV_TEXT(n->subject))
		     : err->code;

	srv_db_put(c->db, conn);
	return r;
}

int srv_notices_turn(const struct srv_context *c, size_t *ret_sent, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct srv_conn *conn = srv_db_get(c->db, err);
	int r = conn ? raise_all(c, conn, err) : err->code;

	if (r == 0)
		r = claim(conn, &rows, err);
	srv_db_put(c->db, conn);
	*ret_sent = 0;
	for (size_t i = 0; r == 0 && i < srv_rows_count(rows); i++) {
		const struct srv_notice n = {.kind = srv_rows_text(rows, i, 0),
					     .subject = srv_rows_text(rows, i, 1),
					     .text = srv_rows_text(rows, i, 2),
					     .at = srv_rows_text(rows, i, 3)};
		struct err why = {0};

		if (srv_notice_deliver(c->config, &n, &why) < 0) {
			log_error("notices: not sent kind=%s, trying again: %s", n.kind, why.text);
			continue;
		}
		log_warn("notices: kind=%s: %s", n.kind, n.text);
		r = note_sent(c, &n, err);
		*ret_sent += r == 0;
	}
	return r;
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct srv_notices *notices = arg;
	bool failing = false;

	do {
		struct err err = {0};
		size_t sent = 0;
		int r = srv_notices_turn(notices->context, &sent, &err);

		if (r < 0 && !failing) /* once, not every minute */
			log_error("notices: trying again: %s", err.text);
		failing = r < 0;
	} while (srv_worker_pause(&notices->worker, EVERY_S * 1000));
	return NULL;
}

struct srv_notices *srv_notices_start(const struct srv_context *context, struct err *err)
{
	struct srv_notices *notices = calloc(1, sizeof(*notices));

	if (!notices) {
		(void)err_set(err, -ENOMEM, "notices: out of memory");
		return NULL;
	}
	notices->context = context;
	if (srv_worker_start(&notices->worker, "notices", run, notices, err) == 0)
		return notices;
	free(notices);
	return NULL;
}

void srv_notices_stop(struct srv_notices *notices)
{
	if (!notices)
		return;
	srv_worker_stop(&notices->worker);
	free(notices);
}
