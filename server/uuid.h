/* UUIDs (RFC 9562) as text, lower case, version 4. Any thread. */
#ifndef SERVER_UUID_H
#define SERVER_UUID_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "server/hub.h"

/* A random one. -EIO when the random generator fails. */
int srv_uuid_make(char out[SRV_UUID_TEXT]) must_check;
/* Copies text when it is a UUID in lower case, else -EINVAL. */
int srv_uuid_parse(const char *text, size_t n, char out[SRV_UUID_TEXT]) must_check;
/* The 16 bytes of a UUID that srv_uuid_parse() or srv_uuid_make() made. */
void srv_uuid_bytes(const char text[SRV_UUID_TEXT], uint8_t out[16]);

#endif
