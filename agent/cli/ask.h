/* Asks the user on his terminal what of a task's changes is saved. One question at a time. */
#ifndef AGENT_CLI_ASK_H
#define AGENT_CLI_ASK_H

#include <stdbool.h>

#include "agent/socket.h"

struct agent_ask {
	int tty; /* owned; -1: nobody can be asked */
	bool waiting;
};

/* Opens the terminal, if there is one and stderr is one. */
void agent_ask_open(struct agent_ask *ask);
void agent_ask_close(struct agent_ask *ask);
/* Puts the question. An enum agent_answer when nobody can answer it, else 0: wait for the terminal. */
unsigned agent_ask_put(struct agent_ask *ask, const struct agent_rep_ask *question);
/* The terminal has a line: an enum agent_answer, or 0 when it was none and the question was put again. */
unsigned agent_ask_read(struct agent_ask *ask);

#endif
