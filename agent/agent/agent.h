/* The running agent: everything it owns, in one place, and what its parts tell each other.
 *
 * One thread, one event loop. Parts are embedded or owned here and reach each other through this struct;
 * stores (identity, policies, images, spool) know nothing of it. */
#ifndef AGENT_AGENT_AGENT_H
#define AGENT_AGENT_AGENT_H

#include <stdbool.h>

#include "agent/agent/cgroups.h"
#include "agent/agent/deltas.h"
#include "agent/agent/downloads.h"
#include "agent/agent/identity.h"
#include "agent/agent/images.h"
#include "agent/agent/listener.h"
#include "agent/agent/loop.h"
#include "agent/agent/options.h"
#include "agent/agent/policies.h"
#include "agent/agent/spool.h"
#include "agent/agent/templates.h"
#include "agent/agent/uplink.h"
#include "agent/agent/vms.h"
#include "agent/socket.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_CLOCK_LOOK_MS = 60000, /* a clock may be set forward while an exception holds */
	AGENT_EXPIRE_EVERY_MS = 600000,
	AGENT_APPLY_LIMIT_MS = 10000 /* for running micro-VMs to say that they have a new policy */
};

struct agent {
	struct agent_options options;
	struct agent_loop loop;
	struct agent_identity identity;
	struct agent_policies policies;
	struct agent_images images;
	struct agent_spool *spool; /* owned */
	struct agent_timer spool_timer;
	struct agent_vms vms;
	struct agent_listener listener;
	struct agent_uplink uplink;
	struct agent_downloads downloads;
	struct agent_templates templates;
	struct agent_deltas deltas;
	struct agent_save *saves; /* owned */
	struct agent_timer store_timer;
	uint64_t expired_ms; /* when kept stores were last looked through */
	struct agent_watch signals;
	struct agent_timer apply_timer;
	struct agent_timer exception_timer; /* until the next exception of the policy ends */
	int lock_fd;                        /* owned; held while the state folder is ours */
	int signal_fd;                      /* owned */
	uint64_t exception_end_s;           /* 0: none is to end */
	bool applying; /* a policy is in force here, running micro-VMs have not all said so */
	bool isolation;
	struct err no_isolation; /* why not */
	struct agent_cgroups cgroups;
	char jail_text
		[AGENT_TEXT_MAX]; /* which walls of the jail this machine lacks; "" for none */
};

/* Opens the stores, the socket, and starts the link when enrolled. 0 or -errno with the text in err. */
int agent_start(struct agent *agent, const struct agent_options *options,
		struct err *err) must_check;
/* Runs until SIGTERM or SIGINT. */
int agent_run(struct agent *agent) must_check;
/* Ends every micro-VM and the link, closes the stores. Accepts a half-started agent. */
void agent_stop(struct agent *agent);

/* Reads identity and policy again, after `ampoule-agent enroll` or `trust`. */
int agent_reload(struct agent *agent, struct err *err) must_check;
/* Puts an envelope in force everywhere: store, running micro-VMs, downloads, server.
 * As agent_policies_accept(). */
int agent_apply_policy(struct agent *agent, const void *envelope, size_t n,
		       struct err *err) must_check;
/* A running micro-VM has a policy or has ended: the applying may be complete. */
void agent_check_applied(struct agent *agent);

/* Stores one event and sees to its being sent. */
void agent_record(struct agent *agent, const struct agent_event *event);
/* An event of the endpoint itself: class machine, the object in words. */
void agent_record_incident(struct agent *agent, const char *object, uint8_t severity);

/* Takes the state folder for this process alone: the lock's descriptor, owned by the caller.
 * -EBUSY: an agent is running. -errno. */
int agent_lock_state(const char *state_dir, struct err *err) must_check;

#endif
