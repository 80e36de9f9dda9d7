/* What a stranger may send to be let in: the Cookie header, a session, a link, a recovery code, a password. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/password.h"
#include "server/rest/origin.h"
#include "server/secret.h"
#include "server/totp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A secret that is accepted must be written as it was read. */
static void check_secret(const char *prefix, const char *text)
{
	uint8_t secret[SRV_SECRET_BYTES];
	char again[SRV_SECRET_TEXT];

	if (srv_secret_parse(prefix, text, secret) < 0)
		return;
	srv_secret_text(prefix, secret, again);
	if (strcmp(again, text) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char value[SRV_COOKIE_MAX] = "", *text = malloc(size + 1);
	uint8_t hash[32];
	struct err err = {0};

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (srv_cookie_find(text, value) == 1)
		check_secret(SRV_SESSION_PREFIX, value);
	check_secret(SRV_LINK_PREFIX, text);
	if (srv_recovery_hash(text, hash) == 0 && strlen(text) < 16)
		abort();
	if (srv_password_check(text, "ann", &err) == 0 &&
	    strlen(text) < SRV_PASSWORD_CHARACTERS_MIN)
		abort();
	free(text);
	return 0;
}
