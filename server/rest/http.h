/* HTTPS requests: the one wrapper of libmicrohttpd (and through it GnuTLS). Nothing above sees its types.
 *
 * One thread per connection, under a hard cap, so handlers may block on the database. The owner starts
 * and stops the listener; begin() and finish() are called on connection threads, for one request at a
 * time each. A request lives until its answer is sent; all it holds is freed then.
 *
 * libmicrohttpd answers by itself, in plain text, what never becomes a request: a malformed head (400),
 * a head over 32 KiB (431). */
#ifndef SERVER_REST_HTTP_H
#define SERVER_REST_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

enum {
	SRV_REQUEST_ID = 33,
	SRV_QUERY_MAX = 16,
	SRV_HEADERS_MAX = 8,
	SRV_DISCARD_MAX = 2 << 20 /* body bytes read and dropped so that a refusal arrives */
};

#define SRV_LENGTH_UNKNOWN UINT64_MAX

struct srv_http; /* opaque: a listener and its connections */

struct srv_header {
	const char *name;
	const char *value;
};

/* One request and its answer. Pointers in the first half are borrowed from the connection. */
struct srv_request {
	char id[SRV_REQUEST_ID]; /* random; in the answer's X-Request-Id and in our log */
	char peer[64];           /* numeric address */
	const char *method;
	const char *path;
	const char *authorization; /* NULL when absent, as the next */
	const char *content_type;
	const char *accept_encoding;
	const char *accept;
	const char *last_event_id; /* Last-Event-ID */
	const char *if_none_match;
	const char *if_match;
	const char *idempotency_key;
	const char *cookie;
	const char *host;
	const char *origin;
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *marker;     /* X-Ampoule-Request */
	const char *agent;      /* User-Agent */
	uint64_t content_bytes; /* as announced; SRV_LENGTH_UNKNOWN when chunked */
	bool ambiguous;         /* where its body ends can be read in two ways: refuse it */
	bool query_overflow;    /* more than SRV_QUERY_MAX parameters came */
	size_t query_count;
	struct {
		const char *name;
		const char *value; /* "" when there is none */
	} query[SRV_QUERY_MAX];

	/* Set by begin(): how the body is taken. With sink == NULL it is gathered in `body`. */
	size_t body_max;
	int (*sink)(struct srv_request *req, const void *bytes, size_t n); /* <0: refuse the rest */
	void *state;                                                       /* the ops' own */
	struct buf body;

	/* The answer; status 0 means "not yet". See reply.h. */
	int status;
	const char *reply_type; /* static */
	struct buf reply;
	/* Instead of reply, for an answer without an end: puts at most max bytes and gives their number, 0 when there
	 * are none now (it has waited a while itself) or -1 when the answer is over. On the connection's thread. */
	ssize_t (*produce)(struct srv_request *req, char *bytes, size_t max);
	const uint8_t *reply_borrowed; /* instead of reply, for bytes that outlive the listener */
	size_t reply_borrowed_len;
	const char *cache_control; /* static; NULL: "no-store" */
	char etag[64];             /* "ETag" with its quotes, when not empty */
	size_t header_count;
	struct srv_header headers[SRV_HEADERS_MAX]; /* more of them, static texts */
	char allow[64];                             /* "Allow", when not empty */
	unsigned retry_after_s;                     /* "Retry-After", when not 0 */
	char set_cookie[192]; /* "Set-Cookie", when not empty; wiped with the request */
	const char *problem;  /* the code of the answer when it is a problem; static */

	/* http.c's own */
	uint64_t received_bytes;
	uint64_t started_ms;
};

struct srv_http_ops {
	/* The head is there. Sets an answer to refuse, else body_max and perhaps sink and state. */
	void (*begin)(void *context, struct srv_request *req);
	/* The whole body is there, and no answer yet. Must set one. */
	void (*finish)(void *context, struct srv_request *req);
	/* The body exceeds body_max or the sink refused. Must set an answer unless there is one. */
	void (*too_large)(void *context, struct srv_request *req);
	/* The request is over, answered or broken off: frees state. */
	void (*end)(void *context, struct srv_request *req);
};

struct srv_http_config {
	const char *listen;   /* "host:port", "[v6]:port"; port 0 = any free one */
	const char *key_pem;  /* the texts, not paths */
	const char *cert_pem; /* server certificate first, then its chain */
	unsigned connections_max;
	unsigned connections_per_peer_max; /* 0 = no limit */
	unsigned idle_timeout_s;
	const struct srv_http_ops *ops; /* borrowed for the listener's life, as context */
	void *context;
};

/* Listens and serves until srv_http_stop(). -EADDRINUSE and the like with the address in err. */
int srv_http_start(const struct srv_http_config *config, struct srv_http **ret_http,
		   struct err *err) must_check;
/* Goes on with another certificate (config as at the start, with its texts): connections from now on have it, those
 * that are open keep theirs and go on. On failure nothing changes. One thread at a time. */
int srv_http_reload(struct srv_http *http, const struct srv_http_config *config,
		    struct err *err) must_check;
/* The port that is listened on. */
uint16_t srv_http_port(const struct srv_http *http);
/* Ends every connection, waits for the handlers, frees. NULL is fine. */
void srv_http_stop(struct srv_http *http);

#endif
