/* The policy store: the one signed policy in force, verified at every load, kept byte for byte on disk.
 *
 * A policy is accepted when a pinned key signed it, its audience is this endpoint's group, its serial is
 * above the one in force, it has not expired and the language accepts it. An expired policy that is in
 * force stays in force. The agent's thread. */
#ifndef AGENT_AGENT_POLICIES_H
#define AGENT_AGENT_POLICIES_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent/identity.h"
#include "common/cleanup.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/policy/policy.h"

enum {
	AGENT_ENVELOPE_MAX = (1 << 20) + 4096
};

/* Plain data; policy is NULL when none is in force. */
struct agent_policies {
	char path[PATH_MAX];
	struct policy *policy; /* owned */
	char id[MV_NAME_MAX];
	uint64_t serial;
	uint64_t expires_s;
	uint64_t issued_s;
	char device[MV_NAME_MAX]; /* id of this endpoint */
	char hostname[256];
	uint64_t latest_s;   /* the highest time seen: exceptions end by it */
	uint64_t applied_ns; /* when it came into force here */
	uint8_t digest[DIGEST_BYTES];
};

/* Loads what is in force. Nothing on disk is success with policy NULL. A stored policy that no longer
 * verifies is an error: the agent then runs no tasks, -EKEYREJECTED and the like as below. */
int agent_policies_open(struct agent_policies *policies, const char *state_dir,
			const struct agent_identity *identity, struct err *err) must_check;
void agent_policies_release(struct agent_policies *policies);

/* Verifies an envelope and puts it in force: 0. 1: it already is. Nothing changes on
 * -EBADMSG: not an envelope; -EKEYREJECTED: no pinned key made this signature; -EPERM: for another group;
 * -ESTALE: serial not above the one in force; -EKEYEXPIRED: expired at now_s;
 * -EINVAL: the language refuses the document; -errno of writing it. */
int agent_policies_accept(struct agent_policies *policies, const struct agent_identity *identity,
			  const void *envelope, size_t n, uint64_t now_s,
			  struct err *err) must_check;

/* The time by which exceptions end: the clock's, but never before the policy in force was issued nor before
 * what it was already, so that a clock set back brings none back. */
uint64_t agent_policies_now_s(struct agent_policies *policies);
/* Fills what exceptions ask of a request: device, host name, time. Borrows from policies. */
void agent_policies_facts(struct agent_policies *policies, struct policy_request *request);

/* The n-th image that the policy in force names, each once; NULL past the end. Borrowed. */
const char *agent_policies_image(const struct agent_policies *policies, size_t n);

#endif
