/* Fills the replies that describe the agent's state. Pure over the agent's structs; its thread. */
#ifndef AGENT_AGENT_ANSWERS_H
#define AGENT_AGENT_ANSWERS_H

#include <sys/types.h>

#include "agent/socket.h"
#include "microvisor/microvisor.h"

struct agent;
struct agent_template;
struct agent_vm;

void agent_answer_vm(const struct agent_vm *vm, struct agent_rep_vm *out);
/* uid: whose micro-VMs are counted. */
void agent_answer_status(struct agent *agent, uid_t uid, struct agent_rep_status *out);
void agent_answer_image(const struct agent *agent, const char *name, struct agent_rep_image *out);
void agent_answer_template(const struct agent_template *one, struct agent_rep_template *out);
void agent_answer_event(const struct mv_event *event, struct agent_rep_event *out);

#endif
