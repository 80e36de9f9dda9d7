/* One micro-VM: the request it serves, its process, its control socket, its state.
 *
 * Life: agent_vm_start() asks ampoule-helper for the places of the view, then starts ampoule-microvm; it
 * ends with its process, whatever the microvm said before; an ended one is kept for `explain`. What the
 * microvm sends is taken as hostile: a message that does not fit ends it. The agent's thread. */
#ifndef AGENT_AGENT_VM_H
#define AGENT_AGENT_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent/bases.h"
#include "agent/agent/history.h"
#include "agent/agent/loop.h"
#include "agent/agent/opener.h"
#include "agent/agent/request.h"
#include "agent/agent/task.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "microvisor/microvisor.h"

struct agent;
struct agent_session;

struct agent_vm {
	struct agent_vm *next;
	struct agent *agent;
	struct agent_session *session; /* NULL when its client went */
	struct agent_request *request; /* owned */
	char id[MV_NAME_MAX];
	char task_id[MV_NAME_MAX];
	char image[MV_NAME_MAX];
	char program[MV_PATH_MAX];
	struct manifest manifest;
	int oom_score;  /* of its process, as in spawn.h */
	unsigned slot;  /* its uid is AGENT_VM_UID_FIRST + slot */
	uint32_t state; /* enum mv_state; 0: not started or ended */
	bool ended;
	bool is_clone; /* of the template with this key */
	uint8_t template_key[DIGEST_BYTES];
	bool announced; /* its client knows that the task runs */
	uint32_t end;   /* enum mv_end */
	uint32_t detail;
	uint64_t lifetime_ms; /* by the policy, 0: none */
	uint64_t started_ns;
	uint64_t ended_ms;
	uint64_t wanted_serial;  /* of the policy sent last */
	uint64_t applied_serial; /* of the policy it said it has */
	int control;             /* owned; -1 when closed */
	struct agent_watch watch;
	struct agent_child child;
	struct agent_timer kill_timer;
	struct agent_timer
		life_timer; /* the microvm keeps the lifetime itself; one that fell does not */
	struct agent_opener opener;
	struct agent_bases bases; /* where what it writes may be saved */
	uint64_t store_bytes;     /* how much it may write; 0: it has no store */
	struct agent_history history;
};

/* Starts a micro-VM for the task; takes the request, also on error. The VM is in agent->vms from then on,
 * and tells its session of everything. NULL with the reason in err. */
struct agent_vm *agent_vm_start(struct agent *agent, struct agent_session *session,
				struct agent_request *request, const struct agent_task *task,
				struct err *err);
/* Asks it to end; it is killed when it does not. */
void agent_vm_stop(struct agent_vm *vm);
/* A signal for its task; ignored before the task runs. */
void agent_vm_signal(struct agent_vm *vm, uint32_t number);
/* Sends the policy now in force, compiled for its task; a table that denies everything when the task is
 * gone. */
void agent_vm_update_policy(struct agent_vm *vm);
/* Ends it at once and frees it. */
void agent_vm_free(struct agent_vm *vm);

/* Tells of one access of this micro-VM: kept for `explain`, stored for the server. */
void agent_vm_record(struct agent_vm *vm, const struct mv_event *event);

/* Used by launch.c: the process runs, its control socket is ours. Takes control. */
int agent_vm_attach(struct agent_vm *vm, pid_t pid, int control, struct err *err) must_check;

#endif
