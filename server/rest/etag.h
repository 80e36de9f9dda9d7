/* Entity tags (RFC 9110, 8.8.3): which version of a thing a client has seen, so that two who change it at once
 * cannot undo each other without knowing. Tags are strong; any thread. */
#ifndef SERVER_REST_ETAG_H
#define SERVER_REST_ETAG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

enum {
	SRV_ETAG_TEXT = 40 /* with its quotes and its end */
};

/* The tag of a thing as JSON, whatever the order of its fields. -ENOMEM. */
int srv_etag_of(const json_t *json, char out[SRV_ETAG_TEXT]) must_check;
/* Whether "*" or a list of tags, as If-Match and If-None-Match have it, has this one. A weak tag ("W/") is none:
 * both headers are used with strong comparison here. What is malformed matches nothing. */
bool srv_etag_matches(const char *header, const char *etag);

#endif
