#include "agent/link/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* The socket never blocks; whoever must wait polls, with a limit. */

struct agent_tls {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	uint8_t ca[32];
	char host[256];
	char port[8];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "host:port"; an IPv6 host stands in brackets or is told apart by the last colon. */
static int split_server(const char *server, struct agent_tls *tls)
{
	const char *colon = strrchr(server, ':');
	size_t n = colon ? (size_t)(colon - server) : 0;

	if (n == 0 ||
	    snprintf(tls->port, sizeof(tls->port), "%s", colon + 1) >= (int)sizeof(tls->port))
		return -EINVAL;
	if (n > 2 && server[0] == '[' && server[n - 1] == ']') {
		server++;
		n -= 2;
	}
	if (n >= sizeof(tls->host))
		return -EINVAL;
	memcpy(tls->host, server, n);
	tls->host[n] = '\0';
	return 0;
}

static int wait_fd(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = deadline - now_ms();
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int connect_one(const struct addrinfo *address, int64_t deadline)
{
	static const int on = 1;
	static const int user_timeout_ms = 30000;
	int error = 0;
	socklen_t n = sizeof(error);
	cleanup_fd int fd =
		socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Wishes: without them a dead peer is noticed later. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
			 sizeof(user_timeout_ms));
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
		return -errno;
	int r = wait_fd(fd, POLLOUT, deadline);

	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -errno;
	return error ? -error : take_fd(fd);
}

static int connect_tcp(struct agent_tls *tls, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int64_t deadline = now_ms() + AGENT_TLS_CONNECT_MS;
	int r = getaddrinfo(tls->host, tls->port, &hints, &list);

	if (r != 0)
		return err_set(err, -EHOSTUNREACH, "cannot find %s: %s", tls->host,
			       gai_strerror(r));
	r = -EHOSTUNREACH;
	for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next)
		r = connect_one(a, deadline);
	freeaddrinfo(list);
	if (r < 0)
		return err_set(err, r, "cannot connect to %s:%s: %s", tls->host, tls->port,
			       strerror(-r));
	tls->fd = r;
	return 0;
}

/* The CA that the server sent along, when its key is the pinned one. Borrowed from the chain. */
static X509 *pinned_ca(STACK_OF(X509) * chain, const uint8_t pin[32])
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		unsigned char *der = NULL;
		uint8_t digest[32];
		int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
		int good = n > 0 && EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL);

		OPENSSL_free(der);
		if (good && memcmp(digest, pin, sizeof(digest)) == 0)
			return x;
	}
	return NULL;
}

/* Trusts exactly the pinned CA, for this one chain. */
static int verify(X509_STORE_CTX *store, void *context)
{
	const struct agent_tls *tls = context;
	X509 *ca = pinned_ca(X509_STORE_CTX_get0_untrusted(store), tls->ca);
	STACK_OF(X509) *trusted = sk_X509_new_null();

	if (!ca || !trusted || !sk_X509_push(trusted, ca)) {
		sk_X509_free(trusted);
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
		return 0;
	}
	X509_STORE_CTX_set0_trusted_stack(store, trusted);
	int r = X509_verify_cert(store);

	sk_X509_free(trusted);
	return r;
}

static int make_context(struct agent_tls *tls, const struct agent_tls_config *config,
			struct err *err)
{
	tls->context = SSL_CTX_new(TLS_client_method());
	if (!tls->context || SSL_CTX_set_min_proto_version(tls->context, TLS1_3_VERSION) != 1)
		return err_set(err, -ENOMEM, "cannot use TLS 1.3");
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(tls->context, verify, tls);
	(void)SSL_CTX_set_session_cache_mode(tls->context,
					     SSL_SESS_CACHE_OFF); /* returns the old */
	(void)SSL_CTX_set_mode(tls->context,
			       SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_options(tls->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (!config->with_certificate)
		return 0;
	if (SSL_CTX_use_certificate_file(tls->context, "cert.pem", SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls->context, "key.pem", SSL_FILETYPE_PEM) != 1)
		return err_set(err, -ENOENT,
			       "this endpoint's certificate or key cannot be read: enrol again");
	return 0;
}

static int make_ssl(struct agent_tls *tls, const char *alpn, struct err *err)
{
	unsigned char protocols[64];
	size_t n = strlen(alpn);
	struct in6_addr literal;
	int is_address = inet_pton(AF_INET, tls->host, &literal) == 1 ||
			 inet_pton(AF_INET6, tls->host, &literal) == 1;

	tls->ssl = SSL_new(tls->context);
	if (!tls->ssl || n >= sizeof(protocols) || SSL_set_fd(tls->ssl, tls->fd) != 1)
		return err_set(err, -ENOMEM, "cannot prepare TLS");
	protocols[0] = (unsigned char)n;
	memcpy(protocols + 1, alpn, n);
	/* SSL_set_alpn_protos(3) gives 0 for success, unlike its neighbours. */
	if (SSL_set_alpn_protos(tls->ssl, protocols, (unsigned)n + 1) != 0)
		return err_set(err, -ENOMEM, "cannot prepare TLS");
	int r = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), tls->host)
			   : SSL_set1_host(tls->ssl, tls->host) &&
				     SSL_set_tlsext_host_name(tls->ssl, tls->host);

	return r == 1 ? 0 : err_set(err, -EINVAL, "'%s' is not a host name", tls->host);
}

static int handshake(struct agent_tls *tls, struct err *err)
{
	int64_t deadline = now_ms() + AGENT_TLS_HANDSHAKE_MS;

	for (;;) {
		ERR_clear_error();
		int r = SSL_connect(tls->ssl);

		if (r == 1)
			return 0;
		int why = SSL_get_error(tls->ssl, r);
		long verdict = SSL_get_verify_result(tls->ssl);

		if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
			r = wait_fd(tls->fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
				    deadline);
		else
			r = -EPROTO;
		if (r == -EPROTO && verdict != X509_V_OK)
			return err_set(err, r, "%s is not the server this endpoint trusts: %s",
				       tls->host, X509_verify_cert_error_string(verdict));
		if (r < 0)
			return err_set(err, r, "TLS with %s failed: %s", tls->host,
				       r == -EPROTO ? "the other side broke it off" : strerror(-r));
	}
}

/* What was agreed on is what was asked for. */
static int check_alpn(const struct agent_tls *tls, const char *alpn, struct err *err)
{
	const unsigned char *agreed = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(tls->ssl, &agreed, &n);
	if (n != strlen(alpn) || memcmp(agreed, alpn, n) != 0)
		return err_set(err, -EPROTO, "%s does not speak %s", tls->host, alpn);
	return 0;
}

struct agent_tls *agent_tls_connect(const struct agent_tls_config *config, struct err *err)
{
	struct agent_tls *tls = calloc(1, sizeof(*tls));

	if (!tls) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	tls->fd = -1;
	memcpy(tls->ca, config->ca, sizeof(tls->ca));
	int r = split_server(config->server, tls);

	if (r < 0)
		err_set(err, r, "the server's name is not host:port");
	if (r == 0)
		r = make_context(tls, config, err);
	if (r == 0)
		r = connect_tcp(tls, err);
	if (r == 0)
		r = make_ssl(tls, config->alpn, err);
	if (r == 0)
		r = handshake(tls, err);
	if (r == 0)
		r = check_alpn(tls, config->alpn, err);
	if (r < 0) {
		agent_tls_free(tls);
		return NULL;
	}
	return tls;
}

void agent_tls_free(struct agent_tls *tls)
{
	if (!tls)
		return;
	if (tls->ssl && SSL_is_init_finished(tls->ssl))
		(void)SSL_shutdown(tls->ssl); /* one try: the peer may be gone */
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	if (tls->fd >= 0)
		close(tls->fd);
	free(tls);
}

int agent_tls_fd(const struct agent_tls *tls)
{
	return tls->fd;
}

static int reason(struct agent_tls *tls, int r)
{
	switch (SSL_get_error(tls->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
	case SSL_ERROR_SYSCALL:
		return -EPIPE;
	default:
		return -EPROTO;
	}
}

ssize_t agent_tls_read(struct agent_tls *tls, void *bytes, size_t n)
{
	ERR_clear_error();
	int r = SSL_read(tls->ssl, bytes, n < 1 << 20 ? (int)n : 1 << 20);

	return r > 0 ? r : reason(tls, r);
}

int agent_tls_write(struct agent_tls *tls, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	int64_t deadline = now_ms() + AGENT_TLS_WRITE_MS;

	while (n) {
		ERR_clear_error();
		int w = SSL_write(tls->ssl, p, n < 1 << 20 ? (int)n : 1 << 20);

		if (w > 0) {
			p += w;
			n -= (size_t)w;
			continue;
		}
		int r = reason(tls, w);

		if (r == -EAGAIN)
			r = wait_fd(tls->fd, SSL_want_read(tls->ssl) ? POLLIN : POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}
