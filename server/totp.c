#include "server/totp.h"

#include <ctype.h>
#include <errno.h>
#include <liboath/oath.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEP_S = 30,
	DIGITS = 6,
	CODE_BYTES = 10,
	CODE_CHARACTERS = 16
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648, 6 */

int srv_totp_make(uint8_t secret[SRV_TOTP_SECRET])
{
	return RAND_bytes(secret, SRV_TOTP_SECRET) == 1 ? 0 : -EIO;
}

/* Whole groups of 5 bits only: 20 and 10 bytes both are. */
static void put_base32(const uint8_t *bytes, size_t n, char *out)
{
	uint32_t bits = 0;
	unsigned have = 0;
	char *at = out;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | bytes[i];
		for (have += 8; have >= 5; have -= 5)
			*at++ = alphabet[bits >> (have - 5) & 31];
	}
	*at = '\0';
}

void srv_totp_text(const uint8_t secret[SRV_TOTP_SECRET], char out[SRV_TOTP_TEXT])
{
	put_base32(secret, SRV_TOTP_SECRET, out);
}

int srv_totp_check(const uint8_t secret[SRV_TOTP_SECRET], int64_t now_s, const char *code,
		   int64_t *ret_step)
{
	uint64_t step = 0;

	if (strlen(code) != DIGITS || strspn(code, "0123456789") != DIGITS)
		return -EACCES;
	if (oath_totp_validate4((const char *)secret, SRV_TOTP_SECRET, now_s, STEP_S, 0, 1, NULL,
				&step, 0, code) < 0)
		return -EACCES;
	*ret_step = (int64_t)step;
	return 0;
}

int srv_recovery_make(char out[SRV_RECOVERY_TEXT], uint8_t ret_hash[32])
{
	uint8_t bytes[CODE_BYTES];
	char plain[CODE_CHARACTERS + 1];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	put_base32(bytes, sizeof(bytes), plain);
	snprintf(out, SRV_RECOVERY_TEXT, "%.4s-%.4s-%.4s-%.4s", plain, plain + 4, plain + 8,
		 plain + 12);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(plain, sizeof(plain));
	return srv_recovery_hash(out, ret_hash);
}

int srv_recovery_hash(const char *text, uint8_t ret_hash[32])
{
	char plain[CODE_CHARACTERS];
	size_t n = 0;

	for (; *text; text++) {
		char c = (char)toupper((unsigned char)*text);

		if (c == '-' || c == ' ')
			continue;
		if (n == CODE_CHARACTERS || !strchr(alphabet, c))
			return -EINVAL;
		plain[n++] = c;
	}
	if (n != CODE_CHARACTERS)
		return -EINVAL;
	(void)SHA256((const uint8_t *)plain, n, ret_hash); /* returns ret_hash */
	explicit_bzero(plain, sizeof(plain));
	return 0;
}
