/* The REST listener: /api/v1 over HTTPS. Started by `ampoule-server serve`, after the hub. */
#ifndef SERVER_REST_REST_H
#define SERVER_REST_REST_H

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/config.h"

struct srv_rest;

/* Listens on context->config->listen_api with DIR/server.pem and DIR/server.key. context is borrowed.
 * NULL with err. */
struct srv_rest *srv_rest_start(const struct srv_context *context, struct err *err);
/* The port that is listened on. */
uint16_t srv_rest_port(const struct srv_rest *rest);
/* Takes DIR/server.pem and DIR/server.key as they are now. On failure those of before stay. */
int srv_rest_reload(struct srv_rest *rest, struct err *err) must_check;
/* Stops accepting, lets running requests end (bounded), closes. */
void srv_rest_stop(struct srv_rest *rest);

#endif
