/* GET /metrics: counters of this instance, and the state of the installation as the database has it. It is asked with
 * a token, as everything else is: the figures tell an attacker what he hits. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/audit.h"
#include "server/config.h"
#include "server/db.h"
#include "server/migrate.h"
#include "server/rest/metrics.h"
#include "server/store/gauges.h"
#include "server/vitals.h"

static int put_gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	return buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRId64 "\n", name, help, name,
			  name, value);
}

static int put_certificates(const struct srv_config *config, struct buf *out)
{
	static const char name[] = "ampoule_certificate_end_seconds";
	static const char *const files[] = {"server", "ca"};
	int r = buf_printf(out,
			   "# HELP %s When a certificate ends, in seconds since 1970.\n"
			   "# TYPE %s gauge\n# UNIT %s seconds\n",
			   name, name, name);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && r == 0; i++) {
		char file[16], path[SRV_PATH_MAX];
		struct err ignored = {0};
		time_t ends = 0;

		snprintf(file, sizeof(file), "%s.pem", files[i]);
		/* One that cannot be read ended long ago, as far as an alert goes. */
		if (srv_config_path(config, file, path, sizeof(path)) < 0 ||
		    srv_vitals_certificate(path, &ends, &ignored) < 0)
			ends = 0;
		r = buf_printf(out, "%s{certificate=\"%s\"} %" PRId64 "\n", name, files[i],
			       (int64_t)ends);
	}
	return r;
}

static int put_disk(const struct srv_config *config, struct buf *out)
{
	struct srv_disk disk = {0};
	struct err ignored = {0};

	(void)!srv_vitals_disk(config->state_dir, &disk, &ignored); /* then nothing is free */
	int r = put_gauge(out, "ampoule_disk_bytes", "Of the file system with the state folder.",
			  (int64_t)disk.bytes);

	return r < 0 ? r
		     : put_gauge(out, "ampoule_disk_free_bytes", "Free on it.",
				 (int64_t)disk.free_bytes);
}

static int count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", "..", the folder itself */
}

static int put_process(struct buf *out)
{
	unsigned long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%lu %lu", &pages, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	int r = put_gauge(out, "process_resident_memory_bytes", "Resident memory.",
			  (int64_t)resident * sysconf(_SC_PAGESIZE));

	return r < 0 ? r
		     : put_gauge(out, "process_open_fds", "Open descriptors.", count_descriptors());
}

static int put_audit(struct srv_audit *audit, struct buf *out)
{
	struct srv_audit_state state = {0};

	srv_audit_look(audit, &state);
	int r = put_gauge(out, "ampoule_audit_sequence", "Rows of the audit log that are chained.",
			  state.sequence);

	return r < 0 ? r
		     : put_gauge(out, "ampoule_audit_broken",
				 "1 when the audit log is no longer the one that was chained.",
				 state.broken);
}

/* What the database counts, a row for each gauge of one value or with a label. */
static int put_rows(struct srv_conn *conn, struct buf *out, struct err *err)
{
	cleanup_rows struct srv_rows *rows = NULL;
	const char *before = "";
	int r = srv_gauges_list(conn, SRV_SILENT_S, &rows, err);

	for (size_t i = 0; i < srv_rows_count(rows) && r == 0; i++) {
		const char *name = srv_rows_text(rows, i, SRV_GAUGE_NAME);

		if (strcmp(name, before) != 0)
			r = buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name,
				       srv_rows_text(rows, i, SRV_GAUGE_HELP), name);
		before = name;
		if (r == 0)
			r = buf_printf(out, "%s%s %" PRId64 "\n", name,
				       srv_rows_text(rows, i, SRV_GAUGE_LABELS),
				       srv_rows_int(rows, i, SRV_GAUGE_VALUE));
	}
	return r;
}

int srv_metrics_handle_get(struct srv_call *call, struct err *err)
{
	const struct srv_api *api = call->api;
	struct buf *out = &call->req->reply;
	int version = srv_schema_version(call->conn, err);
	int r = version < 0 ? version : put_rows(call->conn, out, err);

	if (r < 0) {
		buf_clear(out);
		return r;
	}
	r = put_gauge(out, "ampoule_schema_version", "Of the database.", version);
	if (r == 0)
		r = put_certificates(api->context->config, out);
	if (r == 0)
		r = put_disk(api->context->config, out);
	if (r == 0)
		r = put_audit(api->context->audit, out);
	if (r == 0)
		r = put_process(out);
	if (r == 0)
		r = srv_metrics_put(api->metrics, api, out);
	if (r == 0)
		r = buf_printf(out, "# EOF\n");
	if (r < 0)
		return err_set(err, r, "out of memory");
	call->req->status = 200;
	call->req->reply_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
	return 0;
}
