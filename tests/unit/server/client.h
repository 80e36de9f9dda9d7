/* A small device for the tests: a key, a certificate, a TLS connection, frames. OpenSSL directly, so that
 * the server is met by another hand than its own. Every failure of the test's own making aborts it. */
#ifndef TESTS_UNIT_SERVER_CLIENT_H
#define TESTS_UNIT_SERVER_CLIENT_H

#include <arpa/inet.h>
#include <check.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "proto/fleet.pb-c.h"
#include "proto/frame.h"

struct identity {
	EVP_PKEY *key;
	X509 *certificate; /* NULL before enrolment */
	char device[37];
};

struct client {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	struct buf in;
};

static inline int client_csr(EVP_PKEY *key, uint8_t **ret_der)
{
	X509_REQ *request = X509_REQ_new();

	ck_assert_int_eq(X509_REQ_set_pubkey(request, key), 1);
	ck_assert_int_gt(X509_REQ_sign(request, key, EVP_sha256()), 0);
	*ret_der = NULL;
	int n = i2d_X509_REQ(request, ret_der);

	ck_assert_int_gt(n, 0);
	X509_REQ_free(request);
	return n;
}

/* Shakes hands as far as a client can see; 0 when the server refused by then. */
static inline int client_connect(struct client *c, uint16_t port, const char *alpn,
				 const struct identity *id)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	const struct timeval limit = {.tv_sec = 20};
	uint8_t protocol[64];

	memset(c, 0, sizeof(*c));
	c->context = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(c->context);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	ck_assert_int_eq(SSL_set_fd(c->ssl, c->fd), 1);
	if (alpn) {
		protocol[0] = (uint8_t)strlen(alpn);
		memcpy(protocol + 1, alpn, protocol[0]);
		ck_assert_int_eq(SSL_set_alpn_protos(c->ssl, protocol, 1U + protocol[0]), 0);
	}
	if (id && id->certificate) {
		ck_assert_int_eq(SSL_use_certificate(c->ssl, id->certificate), 1);
		ck_assert_int_eq(SSL_use_PrivateKey(c->ssl, id->key), 1);
	}
	return SSL_connect(c->ssl) == 1;
}

static inline void client_close(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->context);
	close(c->fd);
	buf_release(&c->in);
}

static inline void client_write(struct client *c, const void *bytes, size_t n)
{
	(void)SSL_write(c->ssl, bytes, (int)n); /* a server that has closed is seen when reading */
}

static inline void client_send(struct client *c, const Ampoule__Frame *frame)
{
	struct buf out = {0};

	ck_assert_int_eq(wire_put_frame(&out, &frame->base), 0);
	client_write(c, out.data, out.len);
	buf_release(&out);
}

/* The next frame, NULL when the connection ends first. Free with wire_free(). */
static inline Ampoule__Frame *client_receive(struct client *c)
{
	uint8_t bytes[16384];

	for (;;) {
		const uint8_t *body;
		size_t n, used;
		ProtobufCMessage *message = NULL;
		int r = wire_next_frame(&c->in, &body, &n, &used);

		ck_assert_int_ge(r, 0);
		if (r == 1) {
			ck_assert_int_eq(
				wire_unpack(&ampoule__frame__descriptor, body, n, &message), 0);
			buf_consume(&c->in, used);
			return (Ampoule__Frame *)message;
		}
		r = SSL_read(c->ssl, bytes, sizeof(bytes));
		if (r <= 0)
			return NULL;
		ck_assert_int_eq(buf_put(&c->in, bytes, (size_t)r), 0);
	}
}

/* A frame of that kind must come next. */
static inline Ampoule__Frame *client_expect(struct client *c, Ampoule__Frame__KindCase kind)
{
	Ampoule__Frame *frame = client_receive(c);

	ck_assert_msg(frame != NULL, "the connection ended");
	if (frame->kind_case != kind && frame->kind_case == AMPOULE__FRAME__KIND_REFUSAL)
		ck_abort_msg("refused: %s: %s", frame->refusal->code, frame->refusal->text);
	ck_assert_int_eq(frame->kind_case, kind);
	return frame;
}

/* A refusal of that code must come next, and unless it stays the end of the connection. */
static inline void client_expect_refusal(struct client *c, const char *code, bool stays)
{
	Ampoule__Frame *frame = client_expect(c, AMPOULE__FRAME__KIND_REFUSAL);

	ck_assert_str_eq(frame->refusal->code, code);
	wire_free(&frame->base);
	if (!stays)
		ck_assert_ptr_null(client_receive(c));
}

/* Sends an enrolment request; the caller reads the answer. key: whose CSR. */
/* What was sent before was handled when the pong is back; what is written behind it may come later. */
static inline void client_round_trip(struct client *c)
{
	Ampoule__Ping ping = AMPOULE__PING__INIT;
	Ampoule__Frame frame;

	ampoule__frame__init(&frame);
	ping.nonce = 7;
	frame.kind_case = AMPOULE__FRAME__KIND_PING;
	frame.ping = &ping;
	client_send(c, &frame);
	Ampoule__Frame *pong = client_expect(c, AMPOULE__FRAME__KIND_PONG);

	ck_assert_uint_eq(pong->pong->nonce, 7);
	wire_free(&pong->base);
}

static inline void client_enroll(struct client *c, EVP_PKEY *key, const uint8_t secret[32])
{
	Ampoule__EnrollRequest request;
	Ampoule__Frame frame;
	uint8_t *der, copy[32];
	char host[] = "endpoint", machine[] = "0123abcd";

	ampoule__enroll_request__init(&request);
	ampoule__frame__init(&frame);
	memcpy(copy, secret, sizeof(copy));
	request.token_secret.data = copy;
	request.token_secret.len = sizeof(copy);
	request.csr_der.len = (size_t)client_csr(key, &der);
	request.csr_der.data = der;
	request.hostname = host;
	request.machine_id = machine;
	frame.kind_case = AMPOULE__FRAME__KIND_ENROLL_REQUEST;
	frame.enroll_request = &request;
	client_send(c, &frame);
	OPENSSL_free(der);
}

static inline void client_hello(struct client *c, uint64_t counter, uint64_t applied)
{
	Ampoule__Hello hello;
	Ampoule__Frame frame;
	char version[] = "1", host[] = "endpoint";
	uint8_t stream[16] = "stream-of-tests";

	ampoule__hello__init(&hello);
	ampoule__frame__init(&frame);
	hello.protocol = 1;
	hello.version = version;
	hello.hostname = host;
	hello.event_stream.data = stream;
	hello.event_stream.len = sizeof(stream);
	hello.applied_serial = applied;
	hello.counter = counter;
	frame.kind_case = AMPOULE__FRAME__KIND_HELLO;
	frame.hello = &hello;
	client_send(c, &frame);
}

/* What events have in common that one test changes and another does not. */
struct client_kind {
	const char *class, *object, *policy_id;
	uint64_t serial;
};

/* Sends count events with rising sequences from first. */
static inline void client_send_events(struct client *c, uint64_t first, size_t count,
				      const struct client_kind *kind)
{
	Ampoule__EventBatch batch;
	Ampoule__Frame frame;
	Ampoule__Event *events = calloc(count, sizeof(*events));
	Ampoule__Event **list = calloc(count, sizeof(*list));
	uint8_t stream[16] = "stream-of-tests";
	char words[6][16] = {"", "open", "deny", "high", "user1", ""}, object_copy[256];

	(void)snprintf(words[0], sizeof(words[0]), "%s", kind->class);
	(void)snprintf(words[5], sizeof(words[5]), "%s", kind->policy_id);
	(void)snprintf(object_copy, sizeof(object_copy), "%s", kind->object);
	for (size_t i = 0; i < count; i++) {
		ampoule__event__init(&events[i]);
		events[i].sequence = first + i;
		events[i].wall_clock_ns = 1790000000000000000;
		events[i].class_ = words[0];
		events[i].operation = words[1];
		events[i].verdict = words[2];
		events[i].severity = words[3];
		events[i].user = words[4];
		events[i].policy_id = words[5];
		events[i].serial = kind->serial;
		events[i].object.data = (uint8_t *)object_copy;
		events[i].object.len = strlen(object_copy);
		events[i].guest_rip = 0xffffffff81000000;
		events[i].count = 1;
		list[i] = &events[i];
	}
	ampoule__event_batch__init(&batch);
	ampoule__frame__init(&frame);
	batch.stream.data = stream;
	batch.stream.len = sizeof(stream);
	batch.events = list;
	batch.n_events = count;
	frame.kind_case = AMPOULE__FRAME__KIND_EVENT_BATCH;
	frame.event_batch = &batch;
	client_send(c, &frame);
	free(list);
	free(events);
}

static inline void client_events(struct client *c, uint64_t first, size_t count, const char *class,
				 const char *object)
{
	const struct client_kind kind = {.class = class, .object = object, .policy_id = ""};

	client_send_events(c, first, count, &kind);
}

static inline void client_events_of(struct client *c, uint64_t first, size_t count,
				    const char *policy_id, uint64_t serial)
{
	const struct client_kind kind = {
		.class = "file", .object = "/a", .policy_id = policy_id, .serial = serial};

	client_send_events(c, first, count, &kind);
}

#endif
