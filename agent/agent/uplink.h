/* The agent's side of ampoule-link: starts it, starts it again when it ends, talks to it.
 *
 * What the link sends is hostile until verified: sizes and types are checked here, contents where they
 * are used. The agent never waits for it: a link that does not read is ended. The agent's thread. */
#ifndef AGENT_AGENT_UPLINK_H
#define AGENT_AGENT_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent/loop.h"
#include "agent/link.h"
#include "common/cleanup.h"
#include "common/err.h"

struct agent;
struct agent_options;

/* Embedded; zeroed before use. */
struct agent_uplink {
	struct agent *agent;
	int fd; /* owned; 0 or -1 when there is no link */
	struct agent_watch watch;
	struct agent_child child;
	struct agent_timer restart;
	uint64_t backoff_ms;
	bool connected;                 /* to the server */
	uint64_t in_flight;             /* last sequence of the batch under way; 0: none */
	char text[AGENT_LINK_TEXT_MAX]; /* why it is not connected */
};

/* Starts the link when this endpoint is enrolled; later failures start it again. */
void agent_uplink_start(struct agent_uplink *uplink, struct agent *agent);
/* Serves a link whose socket is fd, which is taken. -errno. */
int agent_uplink_adopt(struct agent_uplink *uplink, struct agent *agent, int fd) must_check;
void agent_uplink_stop(struct agent_uplink *uplink);
/* Sends one message; a link that cannot take it is ended and started again. -errno. */
int agent_uplink_send(struct agent_uplink *uplink, const void *message, size_t n, const int *fds,
		      size_t nfds) must_check;
/* Sends the next batch of events when none is under way. */
void agent_uplink_send_events(struct agent_uplink *uplink);
/* Tells the server where this endpoint stands with a policy. */
void agent_uplink_policy_state(struct agent_uplink *uplink, enum agent_policy_phase phase,
			       uint64_t serial, const uint8_t digest[32], const char *reason);

/* Starts ampoule-link with its folder below state_dir and sends it config: its socket, owned by the
 * caller. Used by enrolment, too. -errno. */
int agent_uplink_spawn(const struct agent_options *options, const struct agent_link_config *config,
		       pid_t *ret_pid, struct err *err) must_check;

#endif
