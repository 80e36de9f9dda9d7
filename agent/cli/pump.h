/* What the task writes to a terminal: out of a pipe of ours, through the filter, onto the terminal.
 *
 * The micro-VM gets the pipe and never the terminal itself. One thread; the terminal may make it wait. */
#ifndef AGENT_CLI_PUMP_H
#define AGENT_CLI_PUMP_H

#include "common/cleanup.h"
#include "common/filter.h"

struct agent_pump {
	int from; /* owned; -1: nothing to move (any more) */
	int to;   /* borrowed: the terminal */
	struct filter filter;
};

/* Makes the pipe; its other end, for the task, is the caller's. -errno. */
int agent_pump_open(struct agent_pump *pump, int to, int *ret_task_end) must_check;
/* Moves one chunk if there is one; at the end of the pipe, or of the terminal, closes it. */
void agent_pump_move(struct agent_pump *pump);
/* Moves all that is there, closes the pipe and leaves the terminal in its own colours. */
void agent_pump_end(struct agent_pump *pump);

#endif
