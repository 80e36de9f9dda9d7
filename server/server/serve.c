#include "server/server/serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "common/log.h"
#include "server/audit.h"
#include "server/ca.h"
#include "server/chores/chores.h"
#include "server/db.h"
#include "server/fleet/listener.h"
#include "server/hub.h"
#include "server/migrate.h"
#include "server/rest/rest.h"

/* Three descriptors per connection of a device, and some for the rest. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn("serve: the limit of descriptors stays, ignoring: %m");
}

static int check_schema(struct srv_db *db, struct err *err)
{
	struct srv_conn *conn = srv_db_get(db, err);
	int r = conn ? srv_schema_check(conn, err) : -ENOTCONN;

	srv_db_put(db, conn);
	return r;
}

static void wait_for_signal(const sigset_t *set)
{
	int number = 0;

	while (sigwait(set, &number) != 0)
		;
	log_info("serve: stopping signal=%s", strsignal(number));
}

static int listen_and_wait(const struct srv_context *context, const struct srv_ca *ca,
			   const sigset_t *signals, struct err *err)
{
	struct srv_fleet *fleet = srv_fleet_start(context, ca, SRV_FLEET_CONNECTIONS, err);

	if (!fleet)
		return -EIO;
	struct srv_chores *chores = srv_chores_start(context, err);
	struct srv_rest *rest = chores ? srv_rest_start(context, err) : NULL;

	if (rest) {
		log_info("serve: ready agents=%s api=%s instance=%s",
			 context->config->listen_agents, context->config->listen_api,
			 srv_hub_instance(context->hub));
		wait_for_signal(signals);
	}
	srv_rest_stop(rest);
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
		const struct srv_context context = {
			.config = config, .db = db, .hub = hub, .audit = audit};

		r = audit ? listen_and_wait(&context, ca, signals, err) : -EIO;
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
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	struct srv_db *db = srv_db_open(config->db, SRV_DB_CONNECTIONS, err);

	if (!db)
		return -ENOTCONN;
	int r = with_database(config, db, &signals, err);

	srv_db_close(db);
	return r;
}
