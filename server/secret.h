/* Secrets of tokens: 32 random bytes, of which the database keeps only the SHA-256. They have the full
 * entropy of a key, so a plain hash is enough. Any thread. */
#ifndef SERVER_SECRET_H
#define SERVER_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum {
	SRV_SECRET_BYTES = 32,
	SRV_HASH_BYTES = 32,
	SRV_API_TOKEN_TEXT = 12 + 64 + 1, /* "ampoule_api_", hex, NUL */
	SRV_SECRET_TEXT = 96              /* any prefix of ours, hex, NUL */
};

/* -EIO when the random generator fails. */
int srv_secret_make(uint8_t secret[SRV_SECRET_BYTES]) must_check;
void srv_secret_hash(const uint8_t secret[SRV_SECRET_BYTES], uint8_t ret_hash[SRV_HASH_BYTES]);
/* The text of a secret: a prefix, so that scanners for leaked secrets know it, and 64 hex digits. */
#define SRV_SESSION_PREFIX "ampoule_session_"
#define SRV_LINK_PREFIX    "ampoule_link_"
void srv_secret_text(const char *prefix, const uint8_t secret[SRV_SECRET_BYTES],
		     char out[SRV_SECRET_TEXT]);
/* -EINVAL unless text is exactly such a text. */
int srv_secret_parse(const char *prefix, const char *text,
		     uint8_t ret_secret[SRV_SECRET_BYTES]) must_check;
/* The text of an API token, as sent in "Authorization: Bearer ...". */
void srv_api_token_text(const uint8_t secret[SRV_SECRET_BYTES], char out[SRV_API_TOKEN_TEXT]);
/* -EINVAL unless the n bytes are exactly such a text. */
int srv_api_token_parse(const char *text, size_t n,
			uint8_t ret_secret[SRV_SECRET_BYTES]) must_check;

#endif
