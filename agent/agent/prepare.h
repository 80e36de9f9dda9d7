/* Making an endpoint nobody again, before its disk is copied: `ampoule-agent prepare-image`. The state folder's
 * lock is held by the caller. */
#ifndef AGENT_AGENT_PREPARE_H
#define AGENT_AGENT_PREPARE_H

#include "common/cleanup.h"
#include "common/err.h"

/* Removes who this endpoint is (identity, key, certificate), what it was told (policy) and what it has to tell
 * (events); images stay, so that copies need not fetch them. Running it again removes what is left. -errno. */
int agent_prepare_image(const char *state_dir, struct err *err) must_check;

#endif
