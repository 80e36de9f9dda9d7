/* The agents' TLS: OpenSSL, wrapped; its types stop here.
 *
 * TLS 1.3 only, no tickets, no resumption, no early data: on resumption a client certificate is not
 * checked again (CVE-2025-23419). ALPN decides the room: "ampoule/1" demands a client certificate of our
 * CA, "ampoule-enroll/1" none; anything else ends the handshake. The context is shared, and replaced
 * whole by srv_tls_reload(); a connection belongs to one thread. */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/hub.h"

enum {
	SRV_TLS_HANDSHAKE_MS = 10000
};

enum srv_room {
	SRV_ROOM_ENROL, /* no client certificate */
	SRV_ROOM_AGENT  /* identity checked */
};

/* Who is at the other end, as its certificate proves; empty in SRV_ROOM_ENROL. */
struct srv_peer {
	enum srv_room room;
	char device[SRV_UUID_TEXT]; /* from the URI subject alternative name */
	time_t expires;             /* of the certificate; may be past: then it may only renew */
};

struct srv_tls;

/* Reads DIR/server.pem, DIR/server.key and DIR/ca.pem. NULL with err. */
struct srv_tls *srv_tls_open(const char *dir, struct err *err);
void srv_tls_close(struct srv_tls *tls);
/* Takes the files as they are now: connections from now on have them. On failure those of before stay. */
int srv_tls_reload(struct srv_tls *tls, const char *dir, struct err *err) must_check;

struct srv_tls_conn;

/* Nothing below ever waits: who must, polls the socket for what is said to be wanted. */
enum srv_tls_want {
	SRV_TLS_NOTHING = 0,
	SRV_TLS_READ = 1,
	SRV_TLS_WRITE = 2
};

/* Prepares a connected socket (taken, made non-blocking; closed on failure too). NULL with err. */
struct srv_tls_conn *srv_tls_begin(struct srv_tls *tls, int fd, struct err *err);
/* Shakes hands as far as it goes: 0 when done, with peer filled; an enum srv_tls_want; -EPROTO for whatever
 * the peer did wrong, its certificate included; -errno. */
int srv_tls_shake(struct srv_tls_conn *conn, struct srv_peer *peer, struct err *err) must_check;
/* Sends close_notify when that is possible at once, and closes the socket. NULL is fine. */
void srv_tls_conn_close(struct srv_tls_conn *conn);
/* Reads at most n bytes: > 0; 0 at the peer's close; -EAGAIN when nothing is there; -EPROTO, -ECONNRESET. */
ssize_t srv_tls_read(struct srv_tls_conn *conn, void *bytes, size_t n) must_check;
/* Writes what the socket takes: > 0; -EAGAIN when it takes nothing now; -EPROTO, -ECONNRESET. */
ssize_t srv_tls_write(struct srv_tls_conn *conn, const void *bytes, size_t n) must_check;
/* Whether a read gives bytes that poll(2) does not see. */
bool srv_tls_has_pending(const struct srv_tls_conn *conn);

#endif
