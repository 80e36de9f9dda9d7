/* ampoule-agent's own commands as a client of a running agent. */
#ifndef AGENT_AGENT_CLIENT_H
#define AGENT_AGENT_CLIENT_H

#include "agent/agent/options.h"
#include "common/cleanup.h"
#include "common/err.h"

/* Sends one request of root to the agent of run_dir, with a descriptor when fd is not -1, and waits for
 * its word. -ENOENT: no agent runs there; -EACCES: refused, with its text; -errno. */
int agent_client_ask(const struct agent_options *options, unsigned type, int fd,
		     struct err *err) must_check;

#endif
