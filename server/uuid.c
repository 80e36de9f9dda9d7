#include "server/uuid.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

int srv_uuid_make(char out[SRV_UUID_TEXT])
{
	uint8_t b[16];
	size_t at = 0;

	if (RAND_bytes(b, sizeof(b)) != 1)
		return -EIO;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++) {
		if (shape[at] == '-')
			out[at++] = '-';
		(void)snprintf(out + at, 3, "%02x", b[i]);
		at += 2;
	}
	return 0;
}

int srv_uuid_parse(const char *text, size_t n, char out[SRV_UUID_TEXT])
{
	if (n != SRV_UUID_TEXT - 1)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');

		if (shape[i] == '-' ? text[i] != '-' : !hex)
			return -EINVAL;
	}
	memcpy(out, text, n);
	out[n] = '\0';
	return 0;
}

void srv_uuid_bytes(const char text[SRV_UUID_TEXT], uint8_t out[16])
{
	size_t at = 0;

	memset(out, 0, 16);
	for (size_t i = 0; i < SRV_UUID_TEXT - 1; i++) {
		if (text[i] == '-')
			continue;
		int digit = text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10;

		out[at / 2] = (uint8_t)(out[at / 2] << 4 | digit);
		at++;
	}
}
