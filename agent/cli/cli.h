/* ampoule: the user's command. One process, one thread, one connection to the agent per call. */
#ifndef AGENT_CLI_H
#define AGENT_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/socket.h"
#include "common/cleanup.h"
#include "common/err.h"

/* Exit statuses of `ampoule run` beside the task's own, as env(1) and the shells use them. The other
 * subcommands end with 0, 1 (refused or failed) or 2 (usage). */
enum {
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_RUN_FAILED = 125,    /* Ampoule refused or failed; stderr says why */
	CLI_RUN_CANNOT = 126,    /* the program cannot be executed in the guest */
	CLI_RUN_NO_PROGRAM = 127 /* the image has no such program */
};

/* What a subcommand gets: its arguments behind the options that all share. */
struct cli {
	const char *run_dir; /* where agent.sock lies */
	bool json;
	bool raw;
	int argc;
	char **argv;
};

/* Connects to the agent. A descriptor that the caller owns, or -errno with what to do in err. */
int cli_connect(const struct cli *cli, struct err *err) must_check;
/* Sends one request without descriptors; id may be NULL. 0 or -errno. */
int cli_ask(int sock, unsigned type, unsigned value, const char *id, struct err *err) must_check;
/* Receives one reply and checks its size against its type. 1, 0 when the agent has closed the
 * connection, or -errno. Strings inside are terminated. */
int cli_receive(int sock, union agent_any_rep *ret_rep, struct err *err) must_check;

/* The subcommands; each returns the process's exit status and prints its own errors. */
int cli_run(const struct cli *cli);
int cli_ls(const struct cli *cli);
int cli_stop(const struct cli *cli);
int cli_status(const struct cli *cli);
int cli_explain(const struct cli *cli);

/* Prints "ampoule: TEXT" to stderr, without control characters, and returns status. */
int cli_fail(int status, const char *text);

#endif
