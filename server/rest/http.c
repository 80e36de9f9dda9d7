#include "server/rest/http.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "server/rest/listen.h"

/* Invariants: a struct srv_request belongs to one connection thread. An answer given before the whole
 * body was read closes the connection, and a close with unread bytes makes the kernel send RST, which can
 * destroy the answer on its way: so a refused body of moderate size is read to its end and dropped.
 * Not done: HTTP/2, compression of what is not compressed already, ranges. */

enum {
	MEMORY_PER_CONNECTION = 32 << 10, /* bounds the request's head */
	BODY_TIME_MAX_MS = 60000,         /* for a gathered body: a dripping client is dropped */
	STREAM_TIME_MAX_MS = 3600000,     /* for a streamed one */
	BACKLOG = 128,
	PRODUCE_BYTES = 32 << 10 /* of an answer without an end, at once */
};

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct srv_http {
	struct MHD_Daemon *daemon;
	struct MHD_Daemon *before;      /* of the certificate before: accepts no more; NULL: none */
	int fd;                         /* ours, of the listening socket, for a daemon to come */
	const struct srv_http_ops *ops; /* borrowed */
	void *context;
	uint16_t port;
	unsigned idle_timeout_s;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- reading the head ---- */

static enum MHD_Result add_query(void *cls, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct srv_request *req = cls;

	(void)kind;
	if (req->query_count == SRV_QUERY_MAX) {
		req->query_overflow = true;
		return MHD_NO;
	}
	req->query[req->query_count].name = name;
	req->query[req->query_count].value = value ? value : "";
	req->query_count++;
	return MHD_YES;
}

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	unsigned *counts = cls; /* of Content-Length, of Transfer-Encoding */

	(void)kind;
	(void)value;
	counts[0] += !strcasecmp(name, "Content-Length");
	counts[1] += !strcasecmp(name, "Transfer-Encoding");
	return MHD_YES;
}

/* Whether two readers could disagree on where the body ends (RFC 9112, 6.3): a proxy in front of us may be the
 * other one, and what it takes for a body would be the next request to us. */
static bool is_ambiguous(struct MHD_Connection *c)
{
	const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");
	const char *coding = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding");
	unsigned counts[2] = {0};

	(void)MHD_get_connection_values(c, MHD_HEADER_KIND, count_header, counts);
	return counts[0] + counts[1] > 1 ||
	       (length && (!*length || length[strspn(length, "0123456789")])) ||
	       (coding && strcasecmp(coding, "chunked") != 0);
}

static uint64_t announced_length(struct MHD_Connection *c)
{
	const char *text = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");
	char *end;

	if (MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding"))
		return SRV_LENGTH_UNKNOWN;
	if (!text)
		return 0;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);

	/* libmicrohttpd has refused malformed lengths already; what is odd counts as unknown. */
	return errno || *end ? SRV_LENGTH_UNKNOWN : n;
}

static void name_peer(struct MHD_Connection *c, char *out, size_t cap)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	socklen_t len = sizeof(struct sockaddr_in6);

	snprintf(out, cap, "?");
	if (!info || !info->client_addr)
		return;
	if (info->client_addr->sa_family == AF_INET)
		len = sizeof(struct sockaddr_in);
	if (getnameinfo(info->client_addr, len, out, (socklen_t)cap, NULL, 0, NI_NUMERICHOST))
		snprintf(out, cap, "?");
}

static int make_id(char out[SRV_REQUEST_ID])
{
	uint8_t bytes[(SRV_REQUEST_ID - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static struct srv_request *request_new(struct MHD_Connection *c, const char *path,
				       const char *method)
{
	struct srv_request *req = calloc(1, sizeof(*req));

	if (!req || make_id(req->id) < 0) {
		free(req);
		return NULL;
	}
	req->method = method;
	req->path = path;
	req->started_ms = now_ms();
	req->authorization = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
	req->content_type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");
	req->accept_encoding = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept-Encoding");
	req->accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept");
	req->last_event_id = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID");
	req->if_none_match = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
	req->if_match = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-Match");
	req->idempotency_key = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Idempotency-Key");
	req->cookie = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Cookie");
	req->host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	req->origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin");
	req->fetch_site = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Site");
	req->marker = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-Ampoule-Request");
	req->agent = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "User-Agent");
	req->content_bytes = announced_length(c);
	req->ambiguous = is_ambiguous(c);
	name_peer(c, req->peer, sizeof(req->peer));
	(void)MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_query, req);
	return req;
}

/* ---- answering ---- */

static int add_headers(struct MHD_Response *response, const struct srv_request *req)
{
	char seconds[16];
	int ok = MHD_add_response_header(response, "X-Request-Id", req->id) == MHD_YES;

	ok &= MHD_add_response_header(response, "Cache-Control",
				      req->cache_control ? req->cache_control : "no-store") ==
	      MHD_YES;
	ok &= MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
	if (req->reply_type)
		ok &= MHD_add_response_header(response, "Content-Type", req->reply_type) == MHD_YES;
	if (req->etag[0])
		ok &= MHD_add_response_header(response, "ETag", req->etag) == MHD_YES;
	for (size_t i = 0; i < req->header_count; i++)
		ok &= MHD_add_response_header(response, req->headers[i].name,
					      req->headers[i].value) == MHD_YES;
	if (req->allow[0])
		ok &= MHD_add_response_header(response, "Allow", req->allow) == MHD_YES;
	if (req->set_cookie[0])
		ok &= MHD_add_response_header(response, "Set-Cookie", req->set_cookie) == MHD_YES;
	if (req->status == 401)
		ok &= MHD_add_response_header(response, "WWW-Authenticate",
					      "Bearer realm=\"ampoule\"") == MHD_YES;
	if (req->ambiguous)
		ok &= MHD_add_response_header(response, "Connection", "close") == MHD_YES;
	snprintf(seconds, sizeof(seconds), "%u", req->retry_after_s);
	if (req->retry_after_s)
		ok &= MHD_add_response_header(response, "Retry-After", seconds) == MHD_YES;
	return ok ? 0 : -ENOMEM;
}

static void log_answer(const struct srv_request *req)
{
	char path[160];
	enum log_level level = LOG_LEVEL_DEBUG;

	if (req->status >= 500)
		level = LOG_LEVEL_ERROR;
	else if (strcmp(req->method, "GET"))
		level = LOG_LEVEL_INFO;
	log_quote(path, sizeof(path), req->path, strlen(req->path));
	log_line(level, "rest: %s %s status=%d ms=%llu peer=%s request=%s", req->method, path,
		 req->status, (unsigned long long)(now_ms() - req->started_ms), req->peer, req->id);
}

static ssize_t produce(void *cls, uint64_t pos, char *bytes, size_t max)
{
	struct srv_request *req = cls;

	(void)pos;
	ssize_t n = req->produce(req, bytes, max);

	return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static struct MHD_Response *make_response(struct srv_request *req)
{
	if (req->produce)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PRODUCE_BYTES, produce,
							 req, NULL);
	if (req->reply_borrowed)
		return MHD_create_response_from_buffer(req->reply_borrowed_len,
						       (void *)(uintptr_t)req->reply_borrowed,
						       MHD_RESPMEM_PERSISTENT);
	size_t n = req->reply.len;
	void *bytes = take_ptr(req->reply.data);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);

	req->reply = (struct buf){0};
	if (!response)
		free(bytes);
	return response;
}

static enum MHD_Result answer(struct MHD_Connection *c, struct srv_request *req)
{
	struct MHD_Response *response = make_response(req);

	if (!response)
		return MHD_NO;
	enum MHD_Result r = MHD_NO;

	if (add_headers(response, req) == 0)
		r = MHD_queue_response(c, (unsigned)req->status, response);
	MHD_destroy_response(response);
	log_answer(req);
	return r;
}

/* ---- the life of a request ---- */

static enum MHD_Result first_call(struct srv_http *http, struct MHD_Connection *c,
				  struct srv_request *req)
{
	http->ops->begin(http->context, req);
	if (!req->status)
		return MHD_YES;
	if (req->ambiguous) /* nothing of what follows is read: an answer now ends the connection */
		return answer(c, req);
	if (req->content_bytes <= SRV_DISCARD_MAX)
		return MHD_YES;
	return answer(c, req);
}

static bool is_too_slow(const struct srv_request *req)
{
	uint64_t max = req->sink ? STREAM_TIME_MAX_MS : BODY_TIME_MAX_MS;

	return now_ms() - req->started_ms > max;
}

static enum MHD_Result take_body(struct srv_http *http, struct srv_request *req, const char *bytes,
				 size_t n)
{
	int r = 0;

	req->received_bytes += n;
	if (is_too_slow(req))
		return MHD_NO;
	if (req->status) /* refused: drop the rest, as far as that goes */
		return req->received_bytes <= req->body_max + SRV_DISCARD_MAX ? MHD_YES : MHD_NO;
	if (req->received_bytes > req->body_max)
		r = -EFBIG;
	else if (req->sink)
		r = req->sink(req, bytes, n);
	else
		r = buf_put(&req->body, bytes, n);
	if (r == -ENOMEM)
		return MHD_NO;
	if (r < 0)
		http->ops->too_large(http->context, req);
	return MHD_YES;
}

/* The idle timeout counts while a handler works, and would then close before the answer is sent. */
static void finish(struct srv_http *http, struct MHD_Connection *c, struct srv_request *req)
{
	(void)MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	http->ops->finish(http->context, req);
	(void)MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, http->idle_timeout_s);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *c, const char *url,
				 const char *method, const char *version, const char *upload_data,
				 size_t *upload_data_size, void **con_cls)
{
	struct srv_http *http = cls;
	struct srv_request *req = *con_cls;

	(void)version;
	if (!req) {
		req = request_new(c, url, method);
		if (!req)
			return MHD_NO;
		*con_cls = req;
		return first_call(http, c, req);
	}
	if (*upload_data_size) {
		size_t n = *upload_data_size;

		*upload_data_size = 0;
		return take_body(http, req, upload_data, n);
	}
	if (!req->status)
		finish(http, c, req);
	return answer(c, req);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
			 enum MHD_RequestTerminationCode code)
{
	struct srv_http *http = cls;
	struct srv_request *req = *con_cls;

	(void)c;
	(void)code;
	if (!req)
		return;
	http->ops->end(http->context, req);
	if (req->body.data) /* it may have been a password */
		explicit_bzero(req->body.data, req->body.len);
	explicit_bzero(req->set_cookie, sizeof(req->set_cookie));
	buf_release(&req->body);
	buf_release(&req->reply);
	free(req);
	*con_cls = NULL;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Percent-decoding in place. A bad escape, or one for NUL, stays as it is: libmicrohttpd would cut the
 * text at the NUL, and what stays then matches no route and no rule for a parameter. */
static size_t unescape(void *cls, struct MHD_Connection *c, char *text)
{
	char *out = text;

	(void)cls;
	(void)c;
	for (const char *in = text; *in;) {
		int high = *in == '%' ? hex_value(in[1]) : -1;
		int low = high >= 0 ? hex_value(in[2]) : -1;

		if (low >= 0 && high * 16 + low) {
			*out++ = (char)(high * 16 + low);
			in += 3;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return (size_t)(out - text);
}

static void on_log(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *cls, const char *fmt, va_list ap)
{
	char text[512], quoted[600];

	(void)cls;
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* a cut line is good enough here */
	text[strcspn(text, "\n")] = '\0';
	/* Mostly what clients do to us (a handshake broken off): never above debug. */
	log_debug("rest: http %s", log_quote(quoted, sizeof(quoted), text, strlen(text)));
}

/* ---- the listener ---- */

static struct MHD_Daemon *start_daemon(struct srv_http *http, const struct srv_http_config *config,
				       int fd)
{
	/* The logger first: it takes part in what the later options say. */
	return MHD_start_daemon(
		MHD_USE_TLS | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
			MHD_USE_POLL | MHD_USE_ERROR_LOG | MHD_USE_ITC,
		0, NULL, NULL, on_access, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_MEM_KEY, config->key_pem,
		MHD_OPTION_HTTPS_MEM_CERT, config->cert_pem, MHD_OPTION_HTTPS_PRIORITIES,
		TLS_PRIORITIES, MHD_OPTION_CONNECTION_LIMIT, config->connections_max,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->connections_per_peer_max,
		MHD_OPTION_CONNECTION_TIMEOUT, config->idle_timeout_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
		MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_END);
}

int srv_http_start(const struct srv_http_config *config, struct srv_http **ret_http,
		   struct err *err)
{
	cleanup_fd int fd = srv_listen_open(config->listen, err);

	if (fd < 0)
		return fd;
	struct srv_http *http = calloc(1, sizeof(*http));

	if (!http)
		return err_set(err, -ENOMEM, "out of memory");
	http->ops = config->ops;
	http->context = config->context;
	http->idle_timeout_s = config->idle_timeout_s;
	http->port = srv_listen_port(fd);
	http->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	/* It closes what it is given, sometimes on failure too. */
	http->daemon = http->fd < 0 ? NULL : start_daemon(http, config, take_fd(fd));
	if (!http->daemon) {
		if (http->fd >= 0)
			(void)close(http->fd);
		free(http);
		return err_set(err, -EINVAL,
			       "cannot serve HTTPS on '%s': is the key that of the certificate?",
			       config->listen);
	}
	*ret_http = http;
	return 0;
}

int srv_http_reload(struct srv_http *http, const struct srv_http_config *config, struct err *err)
{
	int fd = fcntl(http->fd, F_DUPFD_CLOEXEC, 0);
	struct MHD_Daemon *next = fd < 0 ? NULL : start_daemon(http, config, fd);

	if (!next)
		return err_set(err, -EINVAL,
			       "the new certificate and key are not taken; the old ones stay");
	/* Both accept for a moment, so that nobody is turned away. */
	int old = MHD_quiesce_daemon(http->daemon);

	if (old >= 0)
		(void)close(old);
	if (http->before)
		MHD_stop_daemon(http->before);
	http->before = http->daemon;
	http->daemon = next;
	return 0;
}

uint16_t srv_http_port(const struct srv_http *http)
{
	return http->port;
}

void srv_http_stop(struct srv_http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);
	if (http->before)
		MHD_stop_daemon(http->before);
	(void)close(http->fd);
	free(http);
}
