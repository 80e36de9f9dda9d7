/* The second factor: time-based codes (RFC 6238: SHA-1, 6 digits, 30 s), and recovery codes for who has lost
 * the thing that makes them. The one wrapper of liboath. Pure but for randomness; any thread. */
#ifndef SERVER_TOTP_H
#define SERVER_TOTP_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum {
	SRV_TOTP_SECRET = 20,
	SRV_TOTP_TEXT = 40, /* the secret in Base32, NUL */
	SRV_RECOVERY_CODES = 10,
	SRV_RECOVERY_TEXT = 20 /* "XXXX-XXXX-XXXX-XXXX", NUL */
};

int srv_totp_make(uint8_t secret[SRV_TOTP_SECRET]) must_check;
void srv_totp_text(const uint8_t secret[SRV_TOTP_SECRET], char out[SRV_TOTP_TEXT]);
/* The step that code is of, within one step of now_s: whoever remembers the last one makes codes good once.
 * -EACCES when it is of none. */
int srv_totp_check(const uint8_t secret[SRV_TOTP_SECRET], int64_t now_s, const char *code,
		   int64_t *ret_step) must_check;

/* A random one, and its hash. */
int srv_recovery_make(char out[SRV_RECOVERY_TEXT], uint8_t ret_hash[32]) must_check;
/* The hash of what a person typed: dashes, blanks and case do not matter. -EINVAL when it is no such code. */
int srv_recovery_hash(const char *text, uint8_t ret_hash[32]) must_check;

#endif
