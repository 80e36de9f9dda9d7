/* The enrolment token: one line of text that carries where the server is and whom to trust.
 *
 * "ampoule-1:" + base64url (no padding) of JSON {"server": "host:port", "ca": "<64 hex: SHA-256 of the CA
 * certificate's SubjectPublicKeyInfo>", "policy_keys": ["<64 hex>"], "image_keys": ["<64 hex>"],
 * "secret": "<64 hex>"}. Never on a command line: read from stdin or a file. */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/sign.h"

enum {
	TOKEN_TEXT_MAX = 4096,
	TOKEN_KEYS_MAX = 4,
	TOKEN_SECRET_BYTES = 32,
	TOKEN_SERVER_MAX = 300
};

struct token {
	char server[TOKEN_SERVER_MAX]; /* "host:port", host without brackets unless IPv6 */
	uint8_t ca[32];
	size_t policy_key_count;
	uint8_t policy_keys[TOKEN_KEYS_MAX][SIGN_KEY_BYTES];
	size_t image_key_count;
	uint8_t image_keys[TOKEN_KEYS_MAX][SIGN_KEY_BYTES];
	uint8_t secret[TOKEN_SECRET_BYTES];
};

/* Parses a token, surrounding white space allowed. -EINVAL with what is wrong; never quotes the secret. */
int token_parse(const char *text, size_t n, struct token *out, struct err *err) must_check;
/* Appends the token's text. At least one key of each kind. -ENOMEM. */
int token_put(struct buf *out, const struct token *token) must_check;

#endif
