/* What was refused in a micro-VM, by which rule, in words. */
#ifndef AGENT_CLI_EXPLAIN_H
#define AGENT_CLI_EXPLAIN_H

#include <jansson.h>

#include "agent/socket.h"

/* Prints the micro-VM's head line. */
void agent_explain_vm(const struct agent_rep_vm *vm);
/* Prints one event as a sentence; names that a guest chose are quoted. */
void agent_explain_event(const struct agent_rep_event *event);
/* The same as JSON, a new reference. */
json_t *agent_explain_json(const struct agent_rep_event *event);

#endif
