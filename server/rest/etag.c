#include "server/rest/etag.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TAG_BYTES =
		16 /* of the digest: nobody gains by two versions with one tag but who made both */
};

int srv_etag_of(const json_t *json, char out[SRV_ETAG_TEXT])
{
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	size_t at = 0;

	if (!text)
		return -ENOMEM;
	SHA256((const uint8_t *)text, strlen(text), digest);
	free(text);
	out[at++] = '"';
	for (size_t i = 0; i < TAG_BYTES; i++, at += 2)
		snprintf(out + at, 3, "%02x", digest[i]);
	snprintf(out + at, 2, "\"");
	return 0;
}

bool srv_etag_matches(const char *header, const char *etag)
{
	size_t n = strlen(etag);

	if (!n)
		return false;
	for (const char *at = header; *at;) {
		at += strspn(at, " \t,");
		if (*at == '*')
			return at[1 + strspn(at + 1, " \t")] == '\0' && at == header;
		size_t len = strcspn(at, ",");

		while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
			len--;
		if (len == n && !memcmp(at, etag, n))
			return true;
		at += strcspn(at, ",");
	}
	return false;
}
