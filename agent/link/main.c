/* ampoule-link: the endpoint's one process that talks to the network. Started by ampoule-agent only, with
 * its own uid, the agent's socket as descriptor AGENT_LINK_FD and its folder as AGENT_LINK_FOLDER_FD. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/link.h"
#include "agent/link/enroll.h"
#include "agent/link/run.h"
#include "common/fd.h"
#include "common/log.h"

static int run_enroll(const struct agent_link_config *config)
{
	struct agent_link_msg down = {.type = AGENT_LINK_DOWN};
	struct agent_link_up up;
	struct err err = {0};

	if (agent_link_enroll(config, &up, &err) == 0)
		return fd_send(AGENT_LINK_FD, &up, sizeof(up), NULL, 0);
	(void)snprintf(down.text, sizeof(down.text), "%.255s", err.text);
	return fd_send(AGENT_LINK_FD, &down, sizeof(down), NULL, 0);
}

int main(void)
{
	struct agent_link_config config;
	ssize_t n = fd_recv(AGENT_LINK_FD, &config, sizeof(config), NULL, NULL);

	if (n != sizeof(config) || config.type != AGENT_LINK_CONFIG ||
	    !memchr(config.server, '\0', sizeof(config.server)) ||
	    !memchr(config.applied_policy, '\0', sizeof(config.applied_policy))) {
		fprintf(stderr, "ampoule-link is started by ampoule-agent, not by hand\n");
		return 2;
	}
	/* The key stays in this process: no core dump, no ptrace by others of its uid. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || fchdir(AGENT_LINK_FOLDER_FD) < 0) {
		log_error("link: cannot use its folder: %m");
		return 1;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is a return value */
	int r = config.mode == AGENT_LINK_ENROLL ? run_enroll(&config) : agent_link_run(&config);

	explicit_bzero(&config, sizeof(config));
	if (r < 0)
		log_error("link: ended: %s", strerror(-r));
	return r < 0 ? 1 : 0;
}
