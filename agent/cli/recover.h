/* `ampoule review` and `ampoule recover`: what tasks changed, and how it is brought back. */
#ifndef AGENT_CLI_RECOVER_H
#define AGENT_CLI_RECOVER_H

#include <stdbool.h>

struct agent_recover {
	bool json;
	bool before; /* the versions that were replaced, not the task's */
	bool all;    /* every file */
	bool destroy;
	const char *to;   /* NULL: to its place */
	const char *id;   /* NULL: all micro-VMs are listed */
	const char *file; /* NULL: none */
};

/* Each returns the exit status: 0, or 1 with the reason on stderr. */
int agent_command_review(bool json, const char *id);
int agent_command_recover(const struct agent_recover *what);

#endif
