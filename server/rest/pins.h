/* What an enrolment token pins: where agents reach the server, its CA, the policy and image keys. */
#ifndef SERVER_REST_PINS_H
#define SERVER_REST_PINS_H

#include "common/cleanup.h"
#include "common/err.h"
#include "common/token.h"
#include "server/config.h"
#include "server/db.h"

/* Fills everything but the secret. -ENOKEY when a kind of key is missing or there are more than a token
 * holds, with what to do in err; -errno when the CA cannot be read. */
int srv_pins_fill(const struct srv_config *config, struct srv_conn *conn, struct token *token,
		  struct err *err) must_check;

#endif
