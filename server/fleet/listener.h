/* The agents' listener: accepts, shakes hands, runs a session per connection on a thread of its own.
 *
 * A thread per connection keeps every session plain, blocking code; its stack is SRV_FLEET_STACK bytes of
 * address space, of which an idle one touches a few pages. Connections above the cap are closed at once.
 * Ten thousand devices on one instance ask for an event loop instead: that is another issue. */
#ifndef SERVER_FLEET_LISTENER_H
#define SERVER_FLEET_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "server/ca.h"
#include "server/config.h"

enum {
	SRV_FLEET_CONNECTIONS = 2000,
	SRV_FLEET_STACK = 512 << 10
};

struct srv_fleet;

/* Listens on context->config->listen_agents with the keys in its state folder. Everything is borrowed.
 * NULL with err. */
struct srv_fleet *srv_fleet_start(const struct srv_context *context, const struct srv_ca *ca,
				  size_t connections, struct err *err);
/* Stops accepting, ends every session and waits for their threads. */
void srv_fleet_stop(struct srv_fleet *fleet);
/* The port bound, for a configuration that says ":0". */
uint16_t srv_fleet_port(const struct srv_fleet *fleet);

#endif
