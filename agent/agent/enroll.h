/* Enrolment: from a token to an identity and a certificate. */
#ifndef AGENT_AGENT_ENROLL_H
#define AGENT_AGENT_ENROLL_H

#include "agent/agent/identity.h"
#include "agent/agent/options.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/token.h"

/* Runs ampoule-link in its enrolment mode (it makes the key, as its own uid) and stores what the server
 * answered. -EEXIST: this endpoint is enrolled; -EACCES: the server refused, with its word; -ETIMEDOUT;
 * -errno. The state folder must be locked by the caller. */
int agent_enroll(const struct agent_options *options, const struct token *token,
		 struct agent_identity *ret_identity, struct err *err) must_check;

#endif
