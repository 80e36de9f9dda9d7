/* `ampoule-server serve`: the hub, the agents' listener and the REST listener, until SIGTERM or SIGINT. */
#ifndef SERVER_SERVER_SERVE_H
#define SERVER_SERVER_SERVE_H

#include "common/cleanup.h"
#include "common/err.h"
#include "server/config.h"

/* Blocks. 0 after a signal; a negative errno with err when something could not be started. */
int srv_serve(const struct srv_config *config, struct err *err) must_check;

#endif
