/* What becomes of a change when its task has ended: the policy's word, and what no policy can say. Pure. */
#ifndef AGENT_AGENT_FATE_H
#define AGENT_AGENT_FATE_H

#include "agent/listing.h"
#include "common/policy/policy.h"
#include "microvisor/arbiter/policy.h"

/* Fills fate, reason and rule of the change: SAVE, ASK or KEEP. table: compiled from the policy for the task. */
void agent_fate_decide(const struct mv_policy *table, const struct policy *policy,
		       struct agent_change *change);

#endif
