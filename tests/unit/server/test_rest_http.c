#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <unistd.h>

#include "server/rest/http.h"
#include "server/rest/reply.h"
#include "tests/support/suite.h"
#include "tests/unit/server/rest_peer.h"

/* What the little application below saw. */
struct seen {
	atomic_int ended;
	atomic_int finished;
	size_t body_max;
	size_t sunk;
	int refuse_after; /* the sink's limit; 0 = none */
	unsigned work_s;
};

static struct peer_identity identity;
static struct seen seen;
static struct srv_http *http;

static int sink(struct srv_request *req, const void *bytes, size_t n)
{
	(void)req;
	(void)bytes;
	seen.sunk += n;
	return seen.refuse_after && seen.sunk > (size_t)seen.refuse_after ? -EFBIG : 0;
}

static void begin(void *context, struct srv_request *req)
{
	(void)context;
	req->body_max = seen.body_max;
	if (!strcmp(req->path, "/refuse"))
		srv_reply_problem(req, SRV_FORBIDDEN, "not %s", "you");
	if (!strcmp(req->path, "/sink"))
		req->sink = sink;
}

static void finish(void *context, struct srv_request *req)
{
	json_t *query = json_object();

	(void)context;
	atomic_fetch_add(&seen.finished, 1);
	sleep(seen.work_s);
	for (size_t i = 0; i < req->query_count; i++)
		json_object_set_new(query, req->query[i].name, json_string(req->query[i].value));
	srv_reply_json(req, 200,
		       json_pack("{s:s, s:s, s:s%, s:o, s:b}", "method", req->method, "path",
				 req->path, "body", req->body.len ? (char *)req->body.data : "",
				 req->body.len, "query", query, "overflow", req->query_overflow));
}

static void too_large(void *context, struct srv_request *req)
{
	(void)context;
	srv_reply_problem(req, SRV_BODY_TOO_LARGE, "too large");
}

static void end(void *context, struct srv_request *req)
{
	(void)context;
	(void)req;
	atomic_fetch_add(&seen.ended, 1);
}

static const struct srv_http_ops ops = {begin, finish, too_large, end};

static void start_with(unsigned connections, unsigned idle_s)
{
	struct srv_http_config config = {
		.listen = "127.0.0.1:0",
		.key_pem = identity.key,
		.cert_pem = identity.certificate,
		.connections_max = connections,
		.idle_timeout_s = idle_s,
		.ops = &ops,
	};
	struct err err = {0};

	seen = (struct seen){.body_max = 1000};
	ck_assert_msg(srv_http_start(&config, &http, &err) == 0, "%s", err.text);
}

static void setup(void)
{
	peer_make_identity(&identity);
	start_with(8, 5);
}

static void teardown(void)
{
	srv_http_stop(http);
}

static void send_call(struct peer_call *call)
{
	peer_send(call, &identity, srv_http_port(http));
}

START_TEST(a_request_arrives_whole_and_its_answer_too)
{
	struct peer_call call = {
		.method = "POST", .path = "/a/b?x=1%202&y", .body = "hello", .body_bytes = 5};

	send_call(&call);
	ck_assert_int_eq(call.status, 200);
	ck_assert_str_eq(peer_text(&call),
			 "{\"method\":\"POST\",\"path\":\"/a/b\",\"body\":\"hello\","
			 "\"query\":{\"x\":\"1 2\",\"y\":\"\"},"
			 "\"overflow\":false}\n");
	ck_assert_ptr_nonnull(strstr(call.head, "X-Request-Id: "));
	ck_assert_ptr_nonnull(strstr(call.head, "Cache-Control: no-store"));
	ck_assert_ptr_nonnull(strstr(call.head, "Content-Type: application/json"));
	peer_done(&call);
}
END_TEST

START_TEST(a_body_over_the_limit_is_refused_and_the_answer_arrives)
{
	static char body[1 << 20];
	struct peer_call call = {
		.method = "POST", .path = "/", .body = body, .body_bytes = sizeof(body)};

	send_call(&call);
	ck_assert_int_eq(call.result, CURLE_OK);
	ck_assert_int_eq(call.status, 413);
	ck_assert_int_eq(seen.finished, 0);
	peer_done(&call);
}
END_TEST

START_TEST(a_refusal_before_the_body_still_arrives)
{
	static char body[500000];
	struct peer_call call = {
		.method = "POST", .path = "/refuse", .body = body, .body_bytes = sizeof(body)};

	send_call(&call);
	ck_assert_int_eq(call.result, CURLE_OK);
	ck_assert_int_eq(call.status, 403);
	ck_assert_ptr_nonnull(strstr(call.head, "Content-Type: application/problem+json"));
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "\"code\":\"forbidden\""));
	peer_done(&call);
}
END_TEST

START_TEST(a_body_without_end_is_cut_off)
{
	size_t n = 64 << 20;
	char *body = calloc(1, n);
	struct peer_call call = {
		.method = "POST", .path = "/refuse", .body = body, .body_bytes = n};

	send_call(&call);
	ck_assert(call.result != CURLE_OK || call.status == 403);
	ck_assert_int_eq(seen.finished, 0);
	peer_done(&call);
	free(body);
}
END_TEST

START_TEST(a_streamed_body_passes_the_sink_and_a_refusing_sink_ends_it)
{
	static char body[300000];
	struct peer_call call = {
		.method = "PUT", .path = "/sink", .body = body, .body_bytes = sizeof(body)};

	seen.body_max = sizeof(body);
	send_call(&call);
	ck_assert_int_eq(call.status, 200);
	ck_assert_uint_eq(seen.sunk, sizeof(body));
	peer_done(&call);
	seen.refuse_after = 1000;
	send_call(&call);
	ck_assert_int_eq(call.status, 413);
	peer_done(&call);
}
END_TEST

START_TEST(an_escaped_nul_is_not_decoded)
{
	struct peer_call call = {.method = "GET", .path = "/a%00b?k=x%00y&j=%zz"};

	send_call(&call);
	ck_assert_int_eq(call.status, 200);
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "\"path\":\"/a%00b\""));
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "\"k\":\"x%00y\""));
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "\"j\":\"%zz\""));
	peer_done(&call);
}
END_TEST

START_TEST(parameters_past_the_limit_are_noticed)
{
	struct peer_call call = {.method = "GET",
				 .path = "/?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1&l=1&m=1&n=1"
					 "&o=1&p=1&q=1"};

	send_call(&call);
	ck_assert_ptr_nonnull(strstr(peer_text(&call), "\"overflow\":true"));
	peer_done(&call);
}
END_TEST

START_TEST(old_tls_is_refused)
{
	struct peer_call call = {
		.method = "GET", .path = "/", .tls_max = CURL_SSLVERSION_MAX_TLSv1_1};

	send_call(&call);
	ck_assert_int_ne(call.result, CURLE_OK);
	ck_assert_int_eq(seen.finished, 0);
	peer_done(&call);
}
END_TEST

START_TEST(a_head_over_the_limit_is_refused)
{
	static char path[40000];
	struct peer_call call = {.method = "GET", .path = path};

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	send_call(&call);
	ck_assert(call.status == 431 || call.status == 414);
	ck_assert_int_eq(seen.finished, 0);
	peer_done(&call);
}
END_TEST

START_TEST(work_longer_than_the_idle_timeout_is_still_answered)
{
	struct peer_call call = {.method = "GET", .path = "/"};

	srv_http_stop(http);
	start_with(8, 1);
	seen.work_s = 3;
	send_call(&call);
	ck_assert_int_eq(call.result, CURLE_OK);
	ck_assert_int_eq(call.status, 200);
	peer_done(&call);
}
END_TEST

START_TEST(connections_over_the_cap_are_not_served)
{
	struct peer_call call = {.method = "GET", .path = "/"};
	int idle[2];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	srv_http_stop(http);
	start_with(2, 2);
	to.sin_port = htons(srv_http_port(http));
	for (int i = 0; i < 2; i++) {
		idle[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(connect(idle[i], (struct sockaddr *)&to, sizeof(to)), 0);
	}
	usleep(200000);
	send_call(&call);
	/* Closed, or let in when the idle ones timed out: never a third at once. */
	ck_assert(call.result != CURLE_OK || call.status == 200);
	peer_done(&call);
	for (int i = 0; i < 2; i++)
		close(idle[i]);
	sleep(1);
	send_call(&call);
	ck_assert_int_eq(call.status, 200);
	peer_done(&call);
}
END_TEST

START_TEST(every_request_ends_also_a_broken_one)
{
	struct peer_call call = {.method = "GET", .path = "/"};

	send_call(&call);
	peer_done(&call);
	srv_http_stop(http);
	http = NULL;
	ck_assert_int_eq(seen.ended, 1);
}
END_TEST

START_TEST(a_bad_address_or_key_is_refused_with_a_reason)
{
	struct peer_identity other;
	struct srv_http_config config = {.key_pem = identity.key,
					 .cert_pem = identity.certificate,
					 .connections_max = 4,
					 .ops = &ops};
	struct srv_http *none = NULL;
	struct err err = {0};

	config.listen = "no-port";
	ck_assert_int_eq(srv_http_start(&config, &none, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "host:port"));
	char taken[32];

	snprintf(taken, sizeof(taken), "127.0.0.1:%u", srv_http_port(http));
	config.listen = taken;
	ck_assert_int_eq(srv_http_start(&config, &none, &err), -EADDRINUSE);
	config.listen = "127.0.0.1:0";
	peer_make_identity(&other);
	config.key_pem = other.key;
	ck_assert_int_eq(srv_http_start(&config, &none, &err), -EINVAL);
	config.cert_pem = "nonsense";
	ck_assert_int_eq(srv_http_start(&config, &none, &err), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("http");

	curl_global_init(CURL_GLOBAL_DEFAULT);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_request_arrives_whole_and_its_answer_too);
	tcase_add_test(t, a_body_over_the_limit_is_refused_and_the_answer_arrives);
	tcase_add_test(t, a_refusal_before_the_body_still_arrives);
	tcase_add_test(t, a_body_without_end_is_cut_off);
	tcase_add_test(t, a_streamed_body_passes_the_sink_and_a_refusing_sink_ends_it);
	tcase_add_test(t, an_escaped_nul_is_not_decoded);
	tcase_add_test(t, parameters_past_the_limit_are_noticed);
	tcase_add_test(t, old_tls_is_refused);
	tcase_add_test(t, a_head_over_the_limit_is_refused);
	tcase_add_test(t, work_longer_than_the_idle_timeout_is_still_answered);
	tcase_add_test(t, connections_over_the_cap_are_not_served);
	tcase_add_test(t, every_request_ends_also_a_broken_one);
	tcase_add_test(t, a_bad_address_or_key_is_refused_with_a_reason);
	return suite_run("server/rest/http", t);
}
