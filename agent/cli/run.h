/* `ampoule run`: one program in one micro-VM. */
#ifndef AGENT_CLI_RUN_H
#define AGENT_CLI_RUN_H

#include <stdbool.h>

enum {
	AGENT_EXIT_REFUSED = 125,
	AGENT_EXIT_NOT_EXECUTABLE = 126,
	AGENT_EXIT_NOT_FOUND = 127
};

/* Runs argv to its end, and until what it changed is saved, asked about or kept: told on stderr, as JSON with
 * json. The task's own exit status, 128 + signal, or one of the above, with the reason on
 * stderr. */
int agent_command_run(bool raw, bool json, int argc, char **argv);

#endif
