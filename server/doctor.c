#include "server/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/sign.h"
#include "server/config.h"
#include "server/db.h"
#include "server/migrate.h"
#include "server/signer/client.h"
#include "server/tls.h"
#include "server/vitals.h"

/* Each check says one thing, with what to do unless it is well. A check that needs what another one found missing is
 * left out: one cause, one line. */

enum {
	CLOCK_OFF_S = 60,
	DAY_S = 86400
};

enum state {
	WELL,
	SOON,
	BROKEN
};

static const char *const states[] = {[WELL] = "ok", [SOON] = "warning", [BROKEN] = "broken"};

struct doctor {
	const struct srv_config *config;
	struct srv_conn *conn; /* NULL: no database */
	json_t *checks;        /* owned */
	enum state worst;
};

static void say(struct doctor *d, const char *name, enum state state, const char *mend,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void say(struct doctor *d, const char *name, enum state state, const char *mend,
		const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* a cut text is still one */
	va_end(ap);
	json_t *check = json_pack("{s:s, s:s, s:s, s:s?}", "name", name, "state", states[state],
				  "text", text, "mend", state == WELL ? NULL : mend);

	(void)json_array_append_new(d->checks, check); /* out of memory: the status still tells */
	d->worst = state > d->worst ? state : d->worst;
}

/* ---- files ---- */

static void check_private(struct doctor *d, const char *file)
{
	char path[SRV_PATH_MAX], mend[SRV_PATH_MAX + 40];
	struct stat st;

	if (srv_config_path(d->config, file, path, sizeof(path)) < 0)
		return;
	snprintf(mend, sizeof(mend), "chmod 0600 '%s', owned by the server's user.", path);
	if (lstat(path, &st) < 0)
		say(d, file, BROKEN,
		    "Copy it from another instance or a backup (see the recovery sheet).",
		    "cannot look at '%s': %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		say(d, file, BROKEN, mend, "'%s' is no plain file.", path);
	else if (st.st_mode & 0077)
		say(d, file, BROKEN, mend, "others than its owner may use '%s' (mode %04o).", path,
		    st.st_mode & 07777);
	else if (access(path, R_OK) < 0)
		say(d, file, BROKEN, mend, "'%s' cannot be read by this user.", path);
	else
		say(d, file, WELL, NULL, "for its owner alone.");
}

static void check_folder(struct doctor *d)
{
	struct stat st;

	if (stat(d->config->state_dir, &st) < 0)
		say(d, "state folder", BROKEN, "Run `ampoule-server setup`, or give --state.",
		    "'%s': %s", d->config->state_dir, strerror(errno));
	else if (st.st_mode & 0022)
		say(d, "state folder", BROKEN, "chmod 0711 on it.",
		    "others may write into '%s' (mode %04o).", d->config->state_dir,
		    st.st_mode & 07777);
	else
		say(d, "state folder", WELL, NULL, "'%s'.", d->config->state_dir);
}

static void check_certificate(struct doctor *d, const char *file, const char *mend)
{
	char path[SRV_PATH_MAX];
	struct err err = {0};
	time_t ends = 0, now = time(NULL);
	int r = srv_config_path(d->config, file, path, sizeof(path));

	if (r == 0)
		r = srv_vitals_certificate(path, &ends, &err);
	if (r < 0)
		say(d, file, BROKEN, "Copy it from another instance or a backup.", "%s.", err.text);
	else if (ends <= now)
		say(d, file, BROKEN, mend, "ended %" PRId64 " days ago.",
		    (int64_t)(now - ends) / DAY_S);
	else
		say(d, file, ends - now < SRV_CERTIFICATE_WARN_S ? SOON : WELL, mend,
		    "ends in %" PRId64 " days.", (int64_t)(ends - now) / DAY_S);
}

static void check_tls(struct doctor *d)
{
	struct err err = {0};
	struct srv_tls *tls = srv_tls_open(d->config->state_dir, &err);

	if (tls)
		say(d, "tls", WELL, NULL, "certificate and key fit.");
	else
		say(d, "tls", BROKEN, "server.pem and server.key must be of one issue.", "%s.",
		    err.text);
	srv_tls_close(tls);
}

static void check_disk(struct doctor *d)
{
	struct srv_disk disk = {0};
	struct err err = {0};

	if (srv_vitals_disk(d->config->state_dir, &disk, &err) < 0)
		say(d, "disk", BROKEN, "Is it mounted?", "%s.", err.text);
	else
		say(d, "disk", srv_disk_free_percent(&disk) < SRV_DISK_WARN_PERCENT ? SOON : WELL,
		    "Make room; the database and the audit log stop when it is full.",
		    "%u %% free of %" PRIu64 " MiB.", srv_disk_free_percent(&disk),
		    disk.bytes >> 20);
}

/* ---- the database ---- */

static void check_schema(struct doctor *d)
{
	struct err err = {0};
	int version = srv_schema_version(d->conn, &err);

	if (version < 0 || srv_schema_check(d->conn, &err) < 0)
		say(d, "schema", BROKEN, "Run `ampoule-server migrate` with the newest program.",
		    "%s.", err.text);
	else
		say(d, "schema", version < srv_schema_latest() ? SOON : WELL,
		    "Run `ampoule-server migrate`.", "version %d, this program knows %d.", version,
		    srv_schema_latest());
}

static void check_clock(struct doctor *d)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};

	if (srv_query(d->conn, &rows, &err, "SELECT extract(epoch FROM clock_timestamp())::int8") <
	    0)
		return; /* check_database() has said what is wrong */
	int64_t off_s = (int64_t)time(NULL) - srv_rows_int(rows, 0, 0);

	say(d, "clock", off_s > CLOCK_OFF_S || off_s < -CLOCK_OFF_S ? BROKEN : WELL,
	    "Let both machines follow a time server (systemd-timesyncd, chrony): sessions, codes "
	    "and "
	    "certificates go by it.",
	    "%" PRId64 " s from the database's.", off_s);
}

static void check_admin(struct doctor *d)
{
	cleanup_rows struct srv_rows *rows = NULL;
	struct err err = {0};
	int r = srv_query(d->conn, &rows, &err,
			  "SELECT count(*) FROM grants g JOIN people p ON p.id = g.person "
			  "WHERE g.role = 'admin' AND '*' = ANY (g.groups) "
			  "AND p.disabled_at IS NULL");

	if (r < 0)
		return; /* no such tables: check_schema() has said it */
	say(d, "admins", srv_rows_int(rows, 0, 0) ? WELL : SOON,
	    "`ampoule-server link` prints a one-time link for one.",
	    "%" PRId64 " people can manage people.", srv_rows_int(rows, 0, 0));
}

/* Enrolment tokens pin the key in the table: a signer with another one signs what no device believes. */
static void check_signer(struct doctor *d)
{
	cleanup_rows struct srv_rows *rows = NULL;
	uint8_t key[SIGN_KEY_BYTES];
	struct err err = {0};

	if (srv_signer_key(d->config->signer_socket, key, &err) < 0) {
		say(d, "signer", BROKEN,
		    "systemctl status ampoule-signer; signer_socket in server.conf.", "%s.",
		    err.text);
		return;
	}
	if (!d->conn)
		return;
	int r = srv_query(d->conn, &rows, &err,
			  "SELECT FROM trusted_keys WHERE purpose = 'policy' AND key = $1",
			  SRV_BYTES(key, sizeof(key)));

	if (r == 0 && srv_rows_count(rows))
		say(d, "signer", WELL, NULL, "answers, with the key that devices know.");
	else if (r == 0)
		say(d, "signer", BROKEN, "Give it back the key it had (see the recovery sheet).",
		    "answers with a key that devices do not know.");
}

static void check_database(struct doctor *d)
{
	struct err err = {0};

	d->conn = srv_conn_open(d->config->db, &err);
	if (d->conn)
		say(d, "database", WELL, NULL, "answers.");
	else
		say(d, "database", BROKEN,
		    "Is PostgreSQL running, and are db= in server.conf and its pg_hba.conf right?",
		    "%s.", err.text);
	if (!d->conn)
		return;
	check_schema(d);
	check_clock(d);
	check_admin(d);
}

/* ---- all of it ---- */

static void check_all(struct doctor *d)
{
	check_folder(d);
	check_private(d, "server.conf");
	check_private(d, "ca.key");
	check_private(d, "server.key");
	check_certificate(d, "ca.pem",
			  "Devices must trust a new CA before this one ends: plan it now.");
	check_certificate(d, "server.pem",
			  "`ampoule-server renew` makes another; running instances take it by "
			  "themselves.");
	check_tls(d);
	check_disk(d);
	check_database(d);
	check_signer(d);
}

static void print_lines(const json_t *checks, FILE *out)
{
	const json_t *check;
	size_t i;

	json_array_foreach(checks, i, check)
	{
		const char *mend = json_string_value(json_object_get(check, "mend"));

		fprintf(out, "%-8s %s: %s\n", json_string_value(json_object_get(check, "state")),
			json_string_value(json_object_get(check, "name")),
			json_string_value(json_object_get(check, "text")));
		if (mend)
			fprintf(out, "         mend: %s\n", mend);
	}
}

enum srv_doctor_exit srv_doctor(const char *state_dir, bool json, FILE *out)
{
	static const enum srv_doctor_exit exits[] = {
		[WELL] = SRV_DOCTOR_WELL, [SOON] = SRV_DOCTOR_SOON, [BROKEN] = SRV_DOCTOR_BROKEN};
	struct srv_config config = {0};
	struct doctor d = {.config = &config, .checks = json_array()};
	struct err err = {0};

	if (!d.checks)
		return SRV_DOCTOR_BROKEN;
	if (srv_config_load(state_dir, &config, &err) == 0)
		check_all(&d);
	else
		say(&d, "configuration", BROKEN, "Run `ampoule-server setup`, or give --state.",
		    "%s.", err.text);
	explicit_bzero(config.db, sizeof(config.db)); /* it may have a password */
	srv_conn_close(d.conn);
	if (json) {
		json_t *all = json_pack("{s:s, s:O}", "state", states[d.worst], "checks", d.checks);

		json_dumpf(all, out, JSON_INDENT(2));
		fputc('\n', out);
		json_decref(all);
	} else {
		print_lines(d.checks, out);
	}
	json_decref(d.checks);
	return exits[d.worst];
}
