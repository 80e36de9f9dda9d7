/* The user's side of the agent's socket. One thread. */
#ifndef AGENT_CLI_CONNECTION_H
#define AGENT_CLI_CONNECTION_H

#include <stddef.h>

#include "agent/socket.h"
#include "common/cleanup.h"
#include "common/err.h"

/* Connects to the agent of AMPOULE_RUN_DIR, else /run/ampoule: a descriptor, owned by the caller. -errno
 * with what to do. */
int agent_connect(struct err *err) must_check;
/* Sends a request that is not AGENT_REQ_RUN; id may be NULL. */
int agent_ask(int sock, unsigned type, unsigned value, const char *id, struct err *err) must_check;
/* Receives one reply, checked to be of its type's size, texts terminated. -EPIPE when the agent went. */
int agent_receive(int sock, union agent_any_rep *reply, struct err *err) must_check;
/* The same; *ret_fd is a descriptor that came with it, owned by the caller, or -1. */
int agent_receive_fd(int sock, union agent_any_rep *reply, int *ret_fd, struct err *err) must_check;

#endif
