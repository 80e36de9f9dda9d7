/* One simulated endpoint: the agent's own TLS, channel, enrolment, policy store and compiler, with a counter
 * where the real one has micro-VMs and a spool.
 *
 * An agent is one thread's at a time: a connector's (pool.h) from sim_agent_queue() until it is in the
 * loop's epoll, the loop's (loop.h) otherwise. `state` says whose, and is the only thing others read. */
#ifndef TESTS_FLEET_SIM_AGENT_H
#define TESTS_FLEET_SIM_AGENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/agent/identity.h"
#include "agent/agent/policies.h"
#include "agent/link/backoff.h"
#include "agent/link/channel.h"
#include "common/token.h"

enum {
	SIM_BATCH = 256, /* as AGENT_LINK_EVENTS_MAX */
	SIM_ANSWER_MS = 30000
};

enum sim_state {
	SIM_DOWN,   /* the loop's; due_ms is the next try, 0: none */
	SIM_QUEUED, /* a connector's */
	SIM_HELLO,  /* the loop's: said Hello */
	SIM_UP      /* the loop's: was welcomed */
};

enum sim_behaviour {
	SIM_GOOD,
	SIM_SLOW,  /* comes up and reads nothing any more */
	SIM_STUCK, /* fetches policies and says nothing of them */
	SIM_BEHAVIOURS
};

/* What all agents share: set before the threads start, or atomic. */
struct sim_shared {
	const struct token *token;
	int epoll;
	atomic_uint up, enrolled, failed;
	atomic_ullong refused;      /* Refusal frames received */
	atomic_ullong acked;        /* events, of all agents */
	atomic_ullong verify_us;    /* spent on verifying and compiling policies */
	atomic_uint keepalive_s;    /* 0: as the server says */
	atomic_ullong events_ms;    /* when events began; 0: none are made */
	atomic_ullong events_until; /* ms */
	atomic_uint burst;          /* events at once */
	atomic_uint every_ms;       /* between bursts */
};

struct sim_agent {
	struct sim_shared *shared;
	unsigned number;
	enum sim_behaviour behaviour;
	_Atomic(enum sim_state) state;
	char folder[64]; /* key.pem, cert.pem, policy.envelope; on tmpfs */
	struct agent_identity identity;
	struct agent_policies policies;
	struct agent_channel channel;
	struct agent_backoff backoff;
	uint8_t stream[16];
	uint64_t acked, in_flight;
	uint64_t base;               /* acked before the events of now began */
	uint64_t due_ms;             /* of the next try, or of the end of patience in SIM_HELLO */
	uint64_t ping_ms;            /* of the next ping */
	uint64_t phase_ms;           /* of its bursts */
	atomic_ullong applied;       /* serial */
	atomic_ullong applied_at_ms; /* wall clock, when its report had left */
	atomic_ullong up_ms;         /* monotonic, of the last Welcome */
	struct sim_agent *next;      /* in the pool's queue */
};

uint64_t sim_now_ms(void);
/* Makes the agent's folder below store. -errno. */
int sim_agent_init(struct sim_agent *a, struct sim_shared *shared, unsigned number,
		   const char *store) must_check;
void sim_agent_release(struct sim_agent *a);

/* For a connector whose working folder is the agent's: enrols when that was not done, connects, says Hello
 * and joins the epoll. On failure the agent is down and has its next try. */
void sim_agent_connect(struct sim_agent *a);
/* For the loop: what came over the channel, and what time brings. */
void sim_agent_on_ready(struct sim_agent *a);
void sim_agent_on_time(struct sim_agent *a, uint64_t now_ms);
/* How many events the agent has made until now. */
uint64_t sim_agent_made(const struct sim_agent *a, uint64_t now_ms);
/* Closes the channel; the next try comes as the real link's would. */
void sim_agent_go_down(struct sim_agent *a);

#endif
