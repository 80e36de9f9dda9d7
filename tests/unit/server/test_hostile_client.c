/* A client that means harm, on the real listener over TLS: bytes that no HTTP library would send. Each is refused or
 * closed, none reaches a handler it should not, and the server goes on answering others. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/support/suite.h"
#include "tests/unit/server/access_table.h"

struct raw {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
};

static void open_raw(struct raw *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(srv_rest_port(rest))};
	const struct timeval limit = {.tv_sec =
					      1}; /* a connection that is kept open says no more */

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	c->context = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(c->context);
	ck_assert_int_eq(SSL_set_fd(c->ssl, c->fd), 1);
	ck_assert_int_eq(SSL_connect(c->ssl), 1);
}

static void close_raw(struct raw *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->context);
	close(c->fd);
}

/* Sends the bytes; all that comes back until the server closes or says nothing more. */
static const char *exchange(const char *bytes, size_t n)
{
	static char out[65536];
	struct raw c;
	size_t used = 0;
	int got;

	open_raw(&c);
	(void)SSL_write(c.ssl, bytes, (int)n); /* one that closes at once is seen below */
	while (used < sizeof(out) - 1 &&
	       (got = SSL_read(c.ssl, out + used, (int)(sizeof(out) - 1 - used))) > 0)
		used += (size_t)got;
	out[used] = '\0';
	close_raw(&c);
	return out;
}

/* The best status among the answers in it; 0 = there is none. libmicrohttpd may say its own 400 twice. */
static int best_status(const char *text)
{
	int best = 0;

	for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")); at += 9) {
		int status = atoi(at + 9);

		if (status >= 100 && (!best || status < best))
			best = status;
	}
	return best;
}

static void still_answers(void)
{
	access_do("all-admin", "GET", "/api/v1/devices", NULL, 200);
}

/* ---- smuggling (ASVS 4.2.1) ---- */

#define SECOND "DELETE /api/v1/tokens/" TOKEN_B " HTTP/1.1\r\nHost: x\r\nX-Ampoule-Request: 1\r\n"

/* Two views of where a request ends. What follows must not be done; %s is the admin's cookie. */
static const char *const smuggled[] = {
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: "
	"chunked\r\n\r\n0\r\n\r\nX",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: "
	"5\r\n\r\nabcd",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 5\r\n\r\nabcd",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: 0x4\r\n\r\nabcd",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, "
	"identity\r\n\r\n0\r\n\r\n",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
	"chunked\r\n\r\nfffffffffffffffff\r\n",
	"POST /api/v1/groups HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
	"chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
	"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\n",
};
enum {
	SMUGGLED = sizeof(smuggled) / sizeof(smuggled[0])
};

START_TEST(two_views_of_a_requests_end_do_nothing)
{
	char bytes[2000];

	snprintf(bytes, sizeof(bytes), "%s" SECOND "Cookie: %s\r\n\r\n", smuggled[_i],
		 access_cookie("all-admin"));
	const char *text = exchange(bytes, strlen(bytes));

	/* One refusal and an end, or an end alone: never the second request's answer of success. */
	int status = best_status(text);

	ck_assert_msg(status == 0 || status >= 400, "%s", text);
	ck_assert_int_eq(access_number("SELECT count(*) FROM tokens WHERE revoked_at IS NOT NULL"),
			 0);
	still_answers();
}
END_TEST

/* ---- heads that are none ---- */

START_TEST(heads_that_are_none_are_refused)
{
	static const char *const heads[] = {
		"GET /api/v1/health HTTP/1.1\r\n\r\n", /* no Host */
		"GET /api/v1/health HTTP/9.9\r\nHost: x\r\n\r\n",
		"GET  /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n",
		"G\x01T /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /api/v1/health\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
	};
	char bytes[300];

	snprintf(bytes, sizeof(bytes), "%s", heads[_i]);
	const char *text = exchange(bytes, strlen(bytes));
	int status = best_status(text);

	ck_assert_msg(status == 0 || status >= 400 || strstr(text, "text/html") ||
			      strstr(text, "\"status\":\"ok\""),
		      "%s", text);
	ck_assert_ptr_null(strstr(text, "Location:")); /* nobody is sent elsewhere */
	still_answers();
}
END_TEST

/* ---- injection (ASVS 16.4.1, header injection) ---- */

START_TEST(what_comes_in_never_becomes_a_header)
{
	static const char *const paths[] = {"/api/v1/devices/%0d%0aSet-Cookie:%20x=1",
					    "/api/v1/devices?after=%0d%0aX-Evil:%201",
					    "/%0d%0aLocation:%20https://evil.example",
					    "/api/v1/policies/1?group=%0aX-Evil:%201"};
	struct peer_call call = {
		.method = "GET", .path = paths[_i], .cookie = access_cookie("all-admin")};

	access_send(&call);
	ck_assert_ptr_null(strstr(call.head, "X-Evil"));
	ck_assert_ptr_null(strstr(call.head, "evil.example"));
	ck_assert_ptr_null(strstr(call.head, "x=1"));
	peer_done(&call);
}
END_TEST

/* ---- traversal, redirects ---- */

START_TEST(no_path_leads_out_or_elsewhere)
{
	static const char *const paths[] = {"/../../etc/passwd",
					    "/..%2f..%2fetc/passwd",
					    "/assets/../../../etc/passwd",
					    "/assets/%2e%2e/%2e%2e/etc/passwd",
					    "/assets/..%5c..%5cetc",
					    "//evil.example/%2f..",
					    "/\\evil.example",
					    "/api/v1/blobs/../../../etc/passwd",
					    "/.git/config",
					    "/server.key",
					    "/ca.key"};
	struct peer_call call = {.method = "GET", .path = paths[_i]};

	access_send(&call);
	ck_assert_msg(call.status == 404 || call.status == 405 ||
			      (call.status == 200 && strstr(call.head, "text/html")),
		      "%ld", call.status);
	ck_assert_ptr_null(strstr(peer_text(&call), "root:"));
	ck_assert_ptr_null(strstr(peer_text(&call), "PRIVATE KEY"));
	ck_assert_ptr_null(strstr(call.head, "Location:"));
	peer_done(&call);
}
END_TEST

/* ---- credentials that are not one's own ---- */

START_TEST(swapped_forged_and_doubled_credentials_are_nobody)
{
	char session[300], twice[600], bare[300];
	const char *token = access_token("all-admin");

	snprintf(session, sizeof(session), "%s", access_cookie("all-admin"));
	snprintf(twice, sizeof(twice), "%s; %s", session, access_cookie("a-viewer"));
	snprintf(bare, sizeof(bare), "ampoule=%s", strchr(session, '=') + 1);
	const struct {
		const char *cookie, *token;
	} tries[] = {
		{NULL, strchr(session, '=') + 1}, /* a session where a token belongs */
		{twice, NULL},
		{bare, NULL}, /* without __Host- */
		{"__Host-ampoule=", NULL},
		{"__Host-ampoule=ampoule_session_00", NULL},
		{NULL, "eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ."}, /* ASVS 9.1.2 */
		{NULL, ""},
		{session, token},
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct peer_call call = {.method = "GET",
					 .path = "/api/v1/devices",
					 .cookie = tries[i].cookie,
					 .token = tries[i].token};

		access_send(&call);
		ck_assert_msg(call.status == 401 || call.status == 400, "%zu: %ld", i, call.status);
		peer_done(&call);
	}
	/* A token in a cookie. */
	snprintf(bare, sizeof(bare), "__Host-ampoule=%s", token);
	struct peer_call call = {.method = "GET", .path = "/api/v1/devices", .cookie = bare};

	access_refused(&call, SRV_NOT_SIGNED_IN);
}
END_TEST

/* ---- slow ones ---- */

START_TEST(heads_that_drip_do_not_keep_others_waiting)
{
	enum {
		SLOW = 40 /* of the 64 that one address may have */
	};
	struct raw slow[SLOW];
	struct timespec a, b;

	for (size_t i = 0; i < SLOW; i++) {
		open_raw(&slow[i]);
		ck_assert_int_gt(SSL_write(slow[i].ssl, "GET /api/v1/health HTTP/1.1\r\nX-", 31),
				 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 10; i++)
		still_answers();
	clock_gettime(CLOCK_MONOTONIC, &b);
	ck_assert_int_lt(b.tv_sec - a.tv_sec, 10); /* they wait for 30 s, others do not */
	for (size_t i = 0; i < SLOW; i++)
		close_raw(&slow[i]);
}
END_TEST

START_TEST(one_address_does_not_take_every_connection)
{
	enum {
		MANY = 80
	};
	struct raw c[MANY] = {0};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(srv_rest_port(rest))};
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct peer_call call = {.method = "GET", .path = "/healthz", .from = access_address()};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 7);
	for (size_t i = 0; i < MANY; i++) {
		c[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(bind(c[i].fd, (struct sockaddr *)&from, sizeof(from)), 0);
		ck_assert_int_eq(connect(c[i].fd, (struct sockaddr *)&to, sizeof(to)), 0);
	}
	access_send(&call);
	ck_assert_int_eq(call.status, 200);
	peer_done(&call);
	for (size_t i = 0; i < MANY; i++)
		close(c[i].fd);
}
END_TEST

START_TEST(an_endless_head_is_cut)
{
	static char bytes[200000] = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-Long: ";
	memset(bytes + strlen(bytes), 'a', sizeof(bytes) - strlen(bytes) - 1);
	int status = best_status(exchange(bytes, sizeof(bytes) - 1));

	ck_assert_msg(status == 431 || status == 0 || status == 413, "%d", status);
	still_answers();
}
END_TEST

/* ---- the log (ASVS 16.4.1) ---- */

START_TEST(a_name_cannot_write_lines_into_the_log)
{
	struct peer_call call = {
		.method = "POST",
		.path = "/api/v1/session",
		.content_type = "application/json",
		.from = access_address(),
		.body = "{\"name\": \"x\\n<0>root: all is well\", \"password\": \"y\"}"};

	call.body_bytes = strlen(call.body);
	access_refused(&call, SRV_LOGIN_REFUSED);
	struct err err = {0};

	ck_assert_int_eq(srv_audit_flush(context.audit, &err), 0);
	ck_assert_int_eq(access_number(
				 "SELECT count(*) FROM audit WHERE object LIKE '%all is well%' "
				 "OR actor LIKE '%all is well%'"),
			 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("hostile");

	log_set_level(LOG_LEVEL_ERROR);
	(void)signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_loop_test(t, two_views_of_a_requests_end_do_nothing, 0, SMUGGLED);
	tcase_add_loop_test(t, heads_that_are_none_are_refused, 0, 9);
	tcase_add_loop_test(t, what_comes_in_never_becomes_a_header, 0, 4);
	tcase_add_loop_test(t, no_path_leads_out_or_elsewhere, 0, 11);
	tcase_add_test(t, swapped_forged_and_doubled_credentials_are_nobody);
	tcase_add_test(t, heads_that_drip_do_not_keep_others_waiting);
	tcase_add_test(t, one_address_does_not_take_every_connection);
	tcase_add_test(t, an_endless_head_is_cut);
	tcase_add_test(t, a_name_cannot_write_lines_into_the_log);
	return suite_run("server/rest/hostile", t);
}
