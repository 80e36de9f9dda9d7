/* The agents' listener: accepts, and runs the sessions as their peers and others give them something to do.
 *
 * SRV_FLEET_WORKERS threads share one epoll and one queue of sessions that have something to do; a session is
 * run by one of them at a time, so that its code is plain and it may ask the database. Waiting costs no thread:
 * an idle device costs its TLS state and a kilobyte. Connections above the cap are closed at once. */
#ifndef SERVER_FLEET_LISTENER_H
#define SERVER_FLEET_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "server/ca.h"
#include "server/config.h"

enum {
	SRV_FLEET_CONNECTIONS = 20000,
	SRV_FLEET_WORKERS = 6,
	SRV_FLEET_DB =
		SRV_FLEET_WORKERS + 2 /* its own pool: one for each worker, ledger and ingest */
};

struct srv_fleet;

/* Listens on context->config->listen_agents with the keys in its state folder. Everything is borrowed.
 * NULL with err. */
struct srv_fleet *srv_fleet_start(const struct srv_context *context, const struct srv_ca *ca,
				  size_t connections, struct err *err);
/* Takes DIR/server.pem and DIR/server.key as they are now, for connections to come. */
int srv_fleet_reload(struct srv_fleet *fleet, struct err *err) must_check;
/* Stops accepting, settles what is under way, ends every session. */
void srv_fleet_stop(struct srv_fleet *fleet);
/* The port bound, for a configuration that says ":0". */
uint16_t srv_fleet_port(const struct srv_fleet *fleet);

#endif
