/* Who this endpoint is and whom it trusts: the pins of its enrolment token, its device id and group.
 *
 * One file, identity.json in the state folder, readable by root only, replaced whole. Plain data in
 * memory; the agent's thread. */
#ifndef AGENT_AGENT_IDENTITY_H
#define AGENT_AGENT_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/token.h"
#include "microvisor/arbiter/access.h"

struct agent_identity {
	char server[TOKEN_SERVER_MAX]; /* "" when only local policies are used */
	char device_id[MV_NAME_MAX];   /* "" when not enrolled */
	char group[MV_NAME_MAX];
	uint8_t ca[32];
	uint64_t counter; /* of the last Welcome */
	size_t policy_key_count;
	uint8_t policy_keys[TOKEN_KEYS_MAX][SIGN_KEY_BYTES];
	size_t image_key_count;
	uint8_t image_keys[TOKEN_KEYS_MAX][SIGN_KEY_BYTES];
};

/* -ENOENT and an empty identity when there is none; -EINVAL for a damaged file; -errno. */
int agent_identity_load(const char *state_dir, struct agent_identity *out,
			struct err *err) must_check;
int agent_identity_save(const char *state_dir, const struct agent_identity *identity,
			struct err *err) must_check;
bool agent_identity_is_enrolled(const struct agent_identity *identity);
/* Takes the pins over from a token; the device id and group stay. */
void agent_identity_pin(struct agent_identity *identity, const struct token *token);

#endif
