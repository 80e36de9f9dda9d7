#include "server/server/serve.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "server/audit.h"
#include "server/ca.h"
#include "server/chores/chores.h"
#include "server/db.h"
#include "server/fleet/listener.h"
#include "server/hub.h"
#include "server/migrate.h"
#include "server/notices/notices.h"
#include "server/rest/rest.h"
#include "server/upkeep.h"

enum {
	LOOK_S = 15 /* between looks at the certificate's file */
};

/* Three descriptors per connection of a device, and some for the rest. */
static void raise_descriptor_limit(void)
{
	int r = fd_raise_limit();

	if (r < 0)
		log_warn("serve: the limit of descriptors stays, ignoring: %s", strerror(-r));
}

/* Keys and passwords must not reach a disk by a crash, nor another process of this user by ptrace. */
static void forbid_core_dumps(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		log_warn("serve: core dumps stay possible, ignoring: %m");
#ifndef __SANITIZE_ADDRESS__ /* whose search for leaks traces this process */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		log_warn("serve: the process stays traceable, ignoring: %m");
#endif
}

static int check_schema(struct srv_db *db, struct err *err)
{
	struct srv_conn *conn = srv_db_get(db, err);
	int r = conn ? srv_schema_check(conn, err) : -ENOTCONN;

	srv_db_put(db, conn);
	return r;
}

/* When server.pem was made, 0 when it is away; a new one has another time or another inode. */
static uint64_t certificate_mark(const struct srv_config *config)
{
	char path[SRV_PATH_MAX];
	struct stat st;

	if (srv_config_path(config, "server.pem", path, sizeof(path)) < 0 || stat(path, &st) < 0)
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * 1000003 + (uint64_t)st.st_mtim.tv_nsec + st.st_ino;
}

/* A certificate that does not fit its key leaves the one of before in use. */
static void reload(const struct srv_config *config, struct srv_rest *rest, struct srv_fleet *fleet)
{
	struct err err = {0};
	int r = srv_rest_reload(rest, &err);

	if (r == 0)
		r = srv_fleet_reload(fleet, &err);
	if (r < 0)
		log_error("serve: certificate not taken: %s", err.text);
	else
		log_info("serve: certificate taken anew state=%s", config->state_dir);
}

/* Until SIGTERM. Looks now and then whether the certificate is another one, and at once on SIGHUP. */
static void wait_for_end(const struct srv_config *config, const sigset_t *set,
			 struct srv_rest *rest, struct srv_fleet *fleet)
{
	const struct timespec look = {.tv_sec = LOOK_S};
	uint64_t mark = certificate_mark(config);

	for (;;) {
		int number = sigtimedwait(set, NULL, &look);
		uint64_t now = certificate_mark(config);

		if (number == SIGHUP || (now && now != mark))
			reload(config, rest, fleet);
		mark = now ? now : mark;
		if (number > 0 && number != SIGHUP) {
			log_info("serve: stopping signal=%s", strsignal(number));
			return;
		}
	}
}

static int listen_and_wait(const struct srv_context *context, const struct srv_ca *ca,
			   const sigset_t *signals, struct err *err)
{
	struct srv_fleet *fleet = srv_fleet_start(context, ca, SRV_FLEET_CONNECTIONS, err);

	if (!fleet)
		return -EIO;
	struct srv_chores *chores = srv_chores_start(context, err);
	struct srv_notices *notices = chores ? srv_notices_start(context, err) : NULL;
	struct srv_rest *rest = notices ? srv_rest_start(context, err) : NULL;

	if (rest) {
		log_info("serve: ready agents=%s api=%s instance=%s",
			 context->config->listen_agents, context->config->listen_api,
			 srv_hub_instance(context->hub));
		wait_for_end(context->config, signals, rest, fleet);
	}
	srv_rest_stop(rest);
	srv_notices_stop(notices);
	srv_chores_stop(chores);
	srv_fleet_stop(fleet);
	return rest ? 0 : -EIO;
}

static int with_database(const struct srv_config *config, struct srv_db *db,
			 const sigset_t *signals, struct err *err)
{
	int r = check_schema(db, err);

	if (r < 0)
		return r;
	struct srv_ca *ca = srv_ca_open(config->state_dir, err);
	struct srv_hub *hub = ca ? srv_hub_start(db, config->db, err) : NULL;

	if (hub) {
		struct srv_audit *audit = srv_audit_start(db, config, err);
		struct srv_upkeep *upkeep = audit ? srv_upkeep_start(db, config, err) : NULL;
		const struct srv_context context = {
			.config = config, .db = db, .hub = hub, .audit = audit, .upkeep = upkeep};

		r = upkeep ? listen_and_wait(&context, ca, signals, err) : -EIO;
		srv_upkeep_stop(upkeep);
		srv_audit_stop(audit);
	} else {
		r = -EIO;
	}
	srv_hub_stop(hub);
	srv_ca_close(ca);
	return r;
}

int srv_serve(const struct srv_config *config, struct err *err)
{
	sigset_t signals;

	/* Before the first thread, so that each inherits it and sigwait() alone gets them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	forbid_core_dumps();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, -ENOMEM, "libcurl does not start");
	struct srv_db *db = srv_db_open(config->db, SRV_DB_CONNECTIONS, err);

	if (!db)
		return -ENOTCONN;
	int r = with_database(config, db, &signals, err);

	srv_db_close(db);
	return r;
}
