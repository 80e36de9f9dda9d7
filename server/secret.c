#include "server/secret.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"

#define PREFIX "ampoule_api_"

int srv_secret_make(uint8_t secret[SRV_SECRET_BYTES])
{
	return RAND_bytes(secret, SRV_SECRET_BYTES) == 1 ? 0 : -EIO;
}

void srv_secret_hash(const uint8_t secret[SRV_SECRET_BYTES], uint8_t ret_hash[SRV_HASH_BYTES])
{
	(void)SHA256(secret, SRV_SECRET_BYTES, ret_hash); /* returns ret_hash */
}

void srv_secret_text(const char *prefix, const uint8_t secret[SRV_SECRET_BYTES],
		     char out[SRV_SECRET_TEXT])
{
	char hex[DIGEST_HEX];

	digest_hex(secret, hex);
	(void)snprintf(out, SRV_SECRET_TEXT, "%s%s", prefix, hex);
	explicit_bzero(hex, sizeof(hex));
}

int srv_secret_parse(const char *prefix, const char *text, uint8_t ret_secret[SRV_SECRET_BYTES])
{
	size_t n = strlen(prefix);

	/* One text for one secret: digest_parse() would take capitals too. */
	if (strncmp(text, prefix, n) != 0 || strlen(text) != n + DIGEST_HEX - 1 ||
	    strpbrk(text + n, "ABCDEF"))
		return -EINVAL;
	return digest_parse(text + n, ret_secret);
}

void srv_api_token_text(const uint8_t secret[SRV_SECRET_BYTES], char out[SRV_API_TOKEN_TEXT])
{
	char hex[DIGEST_HEX];

	digest_hex(secret, hex);
	(void)snprintf(out, SRV_API_TOKEN_TEXT, PREFIX "%s", hex);
	explicit_bzero(hex, sizeof(hex));
}

int srv_api_token_parse(const char *text, size_t n, uint8_t ret_secret[SRV_SECRET_BYTES])
{
	char hex[DIGEST_HEX];

	if (n != SRV_API_TOKEN_TEXT - 1 || memcmp(text, PREFIX, strlen(PREFIX)) != 0)
		return -EINVAL;
	memcpy(hex, text + strlen(PREFIX), DIGEST_HEX - 1);
	hex[DIGEST_HEX - 1] = '\0';
	int r = digest_parse(hex, ret_secret);

	explicit_bzero(hex, sizeof(hex));
	return r;
}
