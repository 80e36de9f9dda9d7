/* The link's life when the endpoint is enrolled: connect, say Hello, carry messages both ways, and again.
 *
 * One thread, one poll(2) over the agent's socket, the channel and the download connection. The server is
 * believed what it says of transport matters only; content goes to the agent, which verifies it. */
#ifndef AGENT_LINK_RUN_H
#define AGENT_LINK_RUN_H

#include "agent/link.h"
#include "common/cleanup.h"

/* Runs until the agent's socket closes: 0. -errno of that socket. config is borrowed. */
int agent_link_run(const struct agent_link_config *config) must_check;

#endif
