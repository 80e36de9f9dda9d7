/* Where a request comes from: the session cookie, and whether another site's page sent it. Pure. */
#ifndef SERVER_REST_ORIGIN_H
#define SERVER_REST_ORIGIN_H

#include <stdbool.h>

#include "common/cleanup.h"
#include "server/rest/http.h"

/* "__Host-": browsers take it from this host alone, over TLS alone, for "/" alone (RFC 6265bis, 4.1.3.2). */
#define SRV_COOKIE_NAME "__Host-ampoule"

enum {
	SRV_COOKIE_MAX = 128
};

/* The session cookie's value: 1, 0 when there is none, -EINVAL when there are two or one that is too long. */
int srv_cookie_find(const char *header, char ret_value[SRV_COOKIE_MAX]) must_check;
/* Whether what the browser says of the sender fits: Sec-Fetch-Site same-origin or none, Origin this host over
 * https; each only when it was sent. With marked, X-Ampoule-Request must be there too, which a page of another
 * site cannot send without asking first (CORS), and nobody here ever answers yes. */
bool srv_origin_is_ours(const struct srv_request *req, bool marked);
/* Sets the answer's Set-Cookie: the session's text, or "" to remove it. */
void srv_cookie_set(struct srv_request *req, const char *value);

#endif
