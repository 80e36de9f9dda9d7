#include "server/tls.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "server/ca.h"
#include "server/uuid.h"

#define ALPN_AGENT "ampoule/1"
#define ALPN_ENROL "ampoule-enroll/1"

struct srv_tls {
	pthread_mutex_t lock;
	SSL_CTX *context; /* guarded by lock; a connection holds its own reference */
};

struct srv_tls_conn {
	SSL *ssl;
	int fd;
};

/* A device that was switched off for longer than its certificate lives must still be able to renew it.
 * Expiry is therefore no reason to end the handshake: peer->expires tells, and the session decides. */
static int verify(int ok, X509_STORE_CTX *store)
{
	if (!ok && X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_HAS_EXPIRED &&
	    X509_STORE_CTX_get_error_depth(store) == 0) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	return ok;
}

static bool is_protocol(const unsigned char *p, size_t n, const char *name)
{
	return n == strlen(name) && memcmp(p, name, n) == 0;
}

/* Runs before the server decides whether to ask for a certificate. The context's default is to demand
 * one, so that a client without ALPN, for whom this is never called, gets no further either. */
static int choose_room(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *unused)
{
	(void)unused;
	for (unsigned at = 0; at < in_len && in[at] < in_len - at; at += 1U + in[at]) {
		bool agent = is_protocol(in + at + 1, in[at], ALPN_AGENT);

		if (!agent && !is_protocol(in + at + 1, in[at], ALPN_ENROL))
			continue;
		if (!agent)
			SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
		*out = in + at + 1;
		*out_len = in[at];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int load(SSL_CTX *context, const char *dir, struct err *err)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/server.pem", dir);
	if (SSL_CTX_use_certificate_chain_file(context, path) != 1)
		return err_set(err, -EINVAL, "cannot use the certificate '%s'", path);
	(void)snprintf(path, sizeof(path), "%s/server.key", dir);
	if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) != 1)
		return err_set(err, -EINVAL, "cannot use the key '%s'", path);
	(void)snprintf(path, sizeof(path), "%s/ca.pem", dir);
	if (SSL_CTX_load_verify_file(context, path) != 1)
		return err_set(err, -EINVAL, "cannot use the CA '%s'", path);
	/* The CA goes into the chain too: an endpoint that enrols knows it only by its pin. */
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	X509 *ca = sk_X509_OBJECT_num(objects) == 1
			   ? X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, 0))
			   : NULL;

	if (!ca || SSL_CTX_add1_chain_cert(context, ca) != 1)
		return err_set(err, -EINVAL, "'%s' must hold one certificate", path);
	return 0;
}

static int configure(SSL_CTX *context)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
	SSL_CTX_set_verify_depth(context, 1);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* returns the old */
	(void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
						   SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
						SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_alpn_select_cb(context, choose_room, NULL);
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
			       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
			       SSL_CTX_set_num_tickets(context, 0) == 1 &&
			       SSL_CTX_set_max_early_data(context, 0) == 1 &&
			       SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1 &&
			       X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT) == 1
		       ? 0
		       : -EIO;
}

static SSL_CTX *make_context(const char *dir, struct err *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (!context) {
		(void)err_set(err, -ENOMEM, "TLS: out of memory");
		return NULL;
	}
	if (configure(context) < 0) {
		(void)err_set(err, -EIO, "TLS: cannot configure OpenSSL");
		SSL_CTX_free(context);
		return NULL;
	}
	if (load(context, dir, err) < 0) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

struct srv_tls *srv_tls_open(const char *dir, struct err *err)
{
	struct srv_tls *tls = calloc(1, sizeof(*tls));

	if (!tls) {
		(void)err_set(err, -ENOMEM, "TLS: out of memory");
		return NULL;
	}
	tls->context = make_context(dir, err);
	if (!tls->context) {
		free(tls);
		return NULL;
	}
	pthread_mutex_init(&tls->lock, NULL);
	return tls;
}

int srv_tls_reload(struct srv_tls *tls, const char *dir, struct err *err)
{
	SSL_CTX *next = make_context(dir, err), *old;

	if (!next)
		return err->code;
	pthread_mutex_lock(&tls->lock);
	old = tls->context;
	tls->context = next;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(old); /* goes with its last connection */
	return 0;
}

static SSL *new_connection(struct srv_tls *tls)
{
	pthread_mutex_lock(&tls->lock);
	SSL *ssl = SSL_new(tls->context);

	pthread_mutex_unlock(&tls->lock);
	return ssl;
}

void srv_tls_close(struct srv_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

/* What an SSL call that returned r <= 0 wants, 0 at the peer's close, -errno. */
static int wanted(struct srv_tls_conn *conn, int r)
{
	int reason = SSL_get_error(conn->ssl, r);
	int saved = errno;

	ERR_clear_error();
	if (reason == SSL_ERROR_WANT_READ)
		return SRV_TLS_READ;
	if (reason == SSL_ERROR_WANT_WRITE)
		return SRV_TLS_WRITE;
	if (reason == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (reason == SSL_ERROR_SYSCALL)
		return saved ? -saved : -ECONNRESET;
	return -EPROTO;
}

/* The one URI name of the certificate must be ours; another, a second one or an odd form is refused. */
static int read_identity(X509 *x, struct srv_peer *peer)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int r = -EPROTO;

	if (names && sk_GENERAL_NAME_num(names) == 1) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
		const char *uri = name->type == GEN_URI ? (const char *)ASN1_STRING_get0_data(
								  name->d.uniformResourceIdentifier)
							: NULL;
		size_t n = uri ? (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier) : 0;
		size_t prefix = strlen(SRV_DEVICE_URI);

		if (n == prefix + SRV_UUID_TEXT - 1 && memcmp(uri, SRV_DEVICE_URI, prefix) == 0)
			r = srv_uuid_parse(uri + prefix, n - prefix, peer->device);
	}
	GENERAL_NAMES_free(names);
	return r;
}

static int read_peer(struct srv_tls_conn *conn, struct srv_peer *peer, struct err *err)
{
	const unsigned char *protocol = NULL;
	unsigned n = 0;
	struct tm expires;

	SSL_get0_alpn_selected(conn->ssl, &protocol, &n);
	if (protocol && is_protocol(protocol, n, ALPN_ENROL)) {
		*peer = (struct srv_peer){.room = SRV_ROOM_ENROL};
		return 0;
	}
	if (!protocol || !is_protocol(protocol, n, ALPN_AGENT))
		return err_set(err, -EPROTO, "no protocol was agreed");
	X509 *x = SSL_get0_peer_certificate(conn->ssl);
	struct srv_peer found = {.room = SRV_ROOM_AGENT};

	/* Without the extension OpenSSL takes a certificate for any use. */
	if (!x || X509_get_extended_key_usage(x) == UINT32_MAX ||
	    !(X509_get_extended_key_usage(x) & XKU_SSL_CLIENT) || read_identity(x, &found) < 0 ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(x), &expires) != 1)
		return err_set(err, -EPROTO, "the certificate names no device");
	found.expires = timegm(&expires);
	*peer = found;
	return 0;
}

struct srv_tls_conn *srv_tls_begin(struct srv_tls *tls, int fd, struct err *err)
{
	struct srv_tls_conn *conn = calloc(1, sizeof(*conn));
	int one = 1;

	if (conn)
		conn->ssl = new_connection(tls);
	if (!conn || !conn->ssl || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    SSL_set_fd(conn->ssl, fd) != 1) {
		(void)err_set(err, -ENOMEM, "TLS: out of memory");
		if (conn)
			SSL_free(conn->ssl);
		free(conn);
		close(fd);
		return NULL;
	}
	conn->fd = fd;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* only speed */
	return conn;
}

int srv_tls_shake(struct srv_tls_conn *conn, struct srv_peer *peer, struct err *err)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_accept(conn->ssl);

	if (r == 1)
		return read_peer(conn, peer, err);
	unsigned long first = ERR_peek_error();
	int want = wanted(conn, r);

	if (want > 0)
		return want;
	if (want == 0)
		want = -ECONNRESET;
	return err_set(err, want, "handshake: %s",
		       first ? ERR_reason_error_string(first) : strerror(-want));
}

void srv_tls_conn_close(struct srv_tls_conn *conn)
{
	if (!conn)
		return;
	if (SSL_is_init_finished(conn->ssl))
		(void)SSL_shutdown(conn->ssl); /* one try: the peer may be gone */
	ERR_clear_error();
	SSL_free(conn->ssl);
	close(conn->fd);
	free(conn);
}

/* SSL_read(3) may want to write, to answer a key update; the next SSL_write(3) or SSL_read(3) sends it. */
static ssize_t result(struct srv_tls_conn *conn, int r, int at_close)
{
	if (r > 0)
		return r;
	int want = wanted(conn, r);

	if (want > 0)
		return -EAGAIN;
	return want < 0 ? want : at_close;
}

ssize_t srv_tls_read(struct srv_tls_conn *conn, void *bytes, size_t n)
{
	ERR_clear_error();
	errno = 0;
	return result(conn, SSL_read(conn->ssl, bytes, (int)(n < 1 << 20 ? n : 1 << 20)), 0);
}

ssize_t srv_tls_write(struct srv_tls_conn *conn, const void *bytes, size_t n)
{
	ERR_clear_error();
	errno = 0;
	return result(conn, SSL_write(conn->ssl, bytes, (int)(n < 1 << 20 ? n : 1 << 20)),
		      -ECONNRESET);
}

bool srv_tls_has_pending(const struct srv_tls_conn *conn)
{
	return SSL_pending(conn->ssl) > 0;
}
