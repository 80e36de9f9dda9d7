/* Sending one notice: the server's one use of libcurl. Any thread; waits for the peer, at most half a minute. */
#ifndef SERVER_NOTICES_DELIVER_H
#define SERVER_NOTICES_DELIVER_H

#include "common/cleanup.h"
#include "common/err.h"
#include "server/config.h"

/* Borrowed. */
struct srv_notice {
	const char *kind;
	const char *subject;
	const char *text;
	const char *at; /* RFC 3339 */
};

/* POSTs {"kind", "subject", "text", "at", "server"} to the webhook, and sends it by mail, as far as they are
 * configured. -EHOSTUNREACH when one of them did not take it. */
int srv_notice_deliver(const struct srv_config *config, const struct srv_notice *notice,
		       struct err *err) must_check;

#endif
