/* The pool of shells: jailed microvms made before anybody asks for them (microvisor/vm/shell.h). Each is a clone
 * of one template that has rehearsed a launch; who is launched next gets one, and has neither its process nor its
 * page faults to wait for.
 *
 * At most options.shells, spread over the ready templates, and made one at a time while no micro-VM is starting; 0:
 * none. A shell has an identity, a cgroup and a jail of its own from the start, as if its micro-VM ran, and goes
 * before every micro-VM when memory ends; it is used once or killed. One whose template is gone is killed, and so
 * are all when memory is short. A shell that fails is no error for anybody: tasks start without one, and the next
 * is made later each time. The agent's thread. */
#ifndef AGENT_AGENT_SHELLS_H
#define AGENT_AGENT_SHELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent/loop.h"
#include "agent/agent/options.h"
#include "agent/agent/templates.h"
#include "common/cleanup.h"
#include "common/err.h"

struct agent;

enum {
	AGENT_SHELLS_DELAY_MS = 200,   /* of quiet, before the next is made */
	AGENT_SHELLS_LIMIT_MS = 60000, /* for a rehearsal */
	AGENT_SHELLS_RETRY_MS = 5000,  /* doubled with each failure */
	AGENT_SHELLS_RETRY_MAX_MS = 600000
};

struct agent_shell {
	struct agent_shells *pool; /* NULL: this place is free */
	char id[MV_NAME_MAX];      /* becomes its micro-VM's */
	unsigned uid_slot;         /* its uid is AGENT_VM_UID_FIRST + uid_slot */
	uint8_t key[DIGEST_BYTES]; /* of its template */
	bool is_ready;
	int control; /* owned */
	struct agent_watch watch;
	struct agent_child child;
};

/* What is left of a shell that was taken out of the pool; the taker's. */
struct agent_shell_taken {
	char id[MV_NAME_MAX];
	unsigned uid_slot;
	pid_t pid; /* a child, not watched any more */
	int control;
};

/* Embedded; zeroed before use. */
struct agent_shells {
	struct agent *agent;
	struct agent_shell list[AGENT_SHELLS_MAX];
	struct agent_timer timer; /* the next one is made */
	struct agent_timer limit; /* of the one that rehearses */
	unsigned failures;        /* in a row */
};

void agent_shells_start(struct agent_shells *pool, struct agent *agent);
/* Templates, or who is running, have changed: kills those that have no ready template, makes what is missing. */
void agent_shells_refill(struct agent_shells *pool);
/* Takes one that is ready and alive; false when there is none. */
bool agent_shells_take(struct agent_shells *pool, const struct agent_template *template,
		       struct agent_shell_taken *out);
/* Kills all, for what they hold; they are made again later. How many there were. */
unsigned agent_shells_drop(struct agent_shells *pool);
/* Its process and its control socket are served from now on. For this file, and tests that play the microvm. */
int agent_shells_watch(struct agent_shell *shell, pid_t pid, struct err *err) must_check;
void agent_shells_stop(struct agent_shells *pool);
size_t agent_shells_count(const struct agent_shells *pool, bool only_ready);

#endif
