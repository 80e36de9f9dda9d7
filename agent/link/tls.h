/* TLS 1.3 to the server: the one place of the link where OpenSSL's connections are used.
 *
 * The server's certificate must chain to the CA whose key was pinned at enrolment, and name the host of
 * the token; no system roots, no resumption. A connection is one thread's. */
#ifndef AGENT_LINK_TLS_H
#define AGENT_LINK_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"

enum {
	AGENT_TLS_CONNECT_MS = 10000,
	AGENT_TLS_HANDSHAKE_MS = 20000,
	AGENT_TLS_WRITE_MS = 30000
};

#define AGENT_ALPN_CHANNEL "ampoule/1"
#define AGENT_ALPN_ENROLL  "ampoule-enroll/1"

struct agent_tls_config {
	const char *server;    /* "host:port" */
	const uint8_t *ca;     /* 32 bytes: SHA-256 of the CA's SubjectPublicKeyInfo */
	const char *alpn;      /* AGENT_ALPN_... */
	bool with_certificate; /* cert.pem and key.pem of the working folder */
};

struct agent_tls;

/* Connects and shakes hands, waiting at most the limits above. NULL with the reason in err. */
struct agent_tls *agent_tls_connect(const struct agent_tls_config *config, struct err *err);
void agent_tls_free(struct agent_tls *tls);
int agent_tls_fd(const struct agent_tls *tls);
/* Reads what is there: bytes, -EAGAIN, -EPIPE at the end, -EPROTO. */
ssize_t agent_tls_read(struct agent_tls *tls, void *bytes, size_t n) must_check;
/* Writes everything. -ETIMEDOUT, -EPIPE, -EPROTO. */
int agent_tls_write(struct agent_tls *tls, const void *bytes, size_t n) must_check;

#endif
