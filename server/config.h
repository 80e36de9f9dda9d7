/* The server's configuration: DIR/server.conf, written by setup, "key=value" lines. Immutable after
 * loading; any thread may read it. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

enum {
	SRV_TEXT_MAX = 1024,
	SRV_PATH_MAX = 1024,
	SRV_NUMBER_MAX = 16
};

struct srv_config {
	char state_dir[SRV_PATH_MAX];     /* ca.pem, ca.key, server.pem, server.key, server.conf */
	char db[SRV_TEXT_MAX];            /* libpq conninfo; may hold a password: never logged */
	char listen_agents[SRV_TEXT_MAX]; /* "host:port" */
	char listen_api[SRV_TEXT_MAX];    /* "host:port" */
	char public_agents
		[SRV_TEXT_MAX]; /* "host:port" as endpoints reach it: goes into enrolment tokens */
	char signer_socket[SRV_PATH_MAX];
	char notice_webhook[SRV_TEXT_MAX];     /* URL; "" = none, as the next (server/notices) */
	char notice_mail_server[SRV_TEXT_MAX]; /* "smtp://host:port" */
	char notice_mail_from[SRV_TEXT_MAX];
	char notice_mail_to[SRV_TEXT_MAX];
	char names
		[SRV_TEXT_MAX]; /* of the server certificate, comma-separated host names and addresses */
	char events_days[SRV_NUMBER_MAX]; /* how long events are kept; "": server/upkeep.h says */
	char events_gib[SRV_NUMBER_MAX];  /* their disk budget; "" or "0": none */
};

/* Reads DIR/server.conf. -ENOENT when the folder was never set up, -EINVAL with the line. */
int srv_config_load(const char *state_dir, struct srv_config *out, struct err *err) must_check;
/* Writes DIR/server.conf, mode 0600. */
int srv_config_save(const struct srv_config *config, struct err *err) must_check;
/* "DIR/name" into path. -ENAMETOOLONG. */
int srv_config_path(const struct srv_config *config, const char *name, char *ret_path,
		    size_t cap) must_check;

/* What the listeners of one process share; borrowed by all of them. */
struct srv_context {
	const struct srv_config *config;
	struct srv_db *db;
	struct srv_hub *hub;
	struct srv_audit *audit; /* NULL in tests that keep none, as the next */
	struct srv_upkeep *upkeep;
};

#endif
