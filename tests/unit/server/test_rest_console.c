#include "server/rest/console.h"
#include "server/rest/route.h"
#include "tests/support/suite.h"
#include "tests/unit/server/rest_peer.h"

#define BYTES(text)                                       \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
#define NONE            \
	{               \
		NULL, 0 \
	}

static const struct srv_console_file files[] = {
	{"/assets/a-1.js", "text/javascript; charset=utf-8", "aa11", true, BYTES("plain"),
	 BYTES("as br"), BYTES("as gzip")},
	{"/icon.svg", "image/svg+xml", "cc33", false, BYTES("<svg/>"), NONE, NONE},
	{"/index.html", "text/html; charset=utf-8", "bb22", false, BYTES("<!doctype html>"), NONE,
	 NONE},
};
static const struct srv_console console = {files, sizeof(files) / sizeof(files[0])};
static const struct srv_console nothing = {files, 0};

static struct srv_request req;

static void ask(const char *method, const char *path)
{
	buf_release(&req.reply);
	const char *coding = req.accept_encoding, *have = req.if_none_match;

	req = (struct srv_request){
		.method = method, .path = path, .accept_encoding = coding, .if_none_match = have};
	srv_console_reply(&console, &req);
}

static void setup(void)
{
	req = (struct srv_request){0};
}

static void teardown(void)
{
	buf_release(&req.reply);
}

static const char *header(const char *name)
{
	for (size_t i = 0; i < req.header_count; i++) {
		if (!strcmp(req.headers[i].name, name))
			return req.headers[i].value;
	}
	return "";
}

static void expect_body(const char *text)
{
	ck_assert_int_eq(req.status, 200);
	ck_assert_uint_eq(req.reply_borrowed_len, strlen(text));
	ck_assert_mem_eq(req.reply_borrowed, text, strlen(text));
}

START_TEST(a_file_comes_with_its_type_and_a_strict_policy)
{
	ask("GET", "/assets/a-1.js");
	expect_body("plain");
	ck_assert_str_eq(req.reply_type, "text/javascript; charset=utf-8");
	ck_assert_str_eq(req.cache_control, "public, max-age=31536000, immutable");
	ck_assert_str_eq(req.etag, "\"aa11\"");
	ck_assert_ptr_nonnull(strstr(header("Content-Security-Policy"), "default-src 'self'"));
	ck_assert_ptr_nonnull(strstr(header("Content-Security-Policy"), "frame-ancestors 'none'"));
	ck_assert_ptr_null(strstr(header("Content-Security-Policy"), "unsafe"));
	ck_assert_str_eq(header("Cross-Origin-Opener-Policy"), "same-origin");
	ck_assert_str_eq(header("Referrer-Policy"), "no-referrer");
}
END_TEST

static const struct {
	const char *accept;
	const char *body;
	const char *etag;
} codings[] = {
	{"gzip, deflate, br, zstd", "as br", "\"aa11-br\""},
	{"GZIP", "as gzip", "\"aa11-gzip\""},
	{"br;q=0, gzip;q=0.5", "as gzip", "\"aa11-gzip\""},
	{"br;q=0.1", "as br", "\"aa11-br\""},
	{"br ; q=0.000 , deflate", "plain", "\"aa11\""},
	{"brotli, xgzip", "plain", "\"aa11\""},
	{"", "plain", "\"aa11\""},
	{",,, ;", "plain", "\"aa11\""},
};

START_TEST(the_client_gets_a_coding_that_it_takes)
{
	req.accept_encoding = codings[_i].accept;
	ask("GET", "/assets/a-1.js");
	expect_body(codings[_i].body);
	ck_assert_str_eq(req.etag, codings[_i].etag);
	ck_assert_str_eq(header("Vary"), "Accept-Encoding");
	ck_assert_int_eq(header("Content-Encoding")[0] != '\0', codings[_i].body[0] == 'a');
}
END_TEST

START_TEST(a_file_that_the_client_has_is_not_sent)
{
	req.if_none_match = "\"other\", W/\"bb22\"";
	ask("GET", "/");
	ck_assert_int_eq(req.status, 304);
	ck_assert_ptr_null(req.reply_borrowed);
	ck_assert_str_eq(req.etag, "\"bb22\"");
	ck_assert_str_eq(req.cache_control, "no-cache");
	req.if_none_match = "*";
	ask("GET", "/icon.svg");
	ck_assert_int_eq(req.status, 304);
	req.if_none_match = "\"bb2\", bb22";
	ask("GET", "/");
	expect_body("<!doctype html>");
}
END_TEST

static const char *const pages[] = {"/", "/devices", "/devices/6dfd0c39-3f0e",
				    "/policies/default/3"};

START_TEST(pages_of_the_application_are_its_index)
{
	ask("GET", pages[_i]);
	expect_body("<!doctype html>");
	ck_assert_str_eq(req.cache_control, "no-cache");
	ask("HEAD", pages[_i]);
	ck_assert_int_eq(req.status, 200);
}
END_TEST

static const char *const strangers[] = {
	"/assets/b.js",
	"/../etc/passwd",
	"/assets/../icon.svg",
	"//devices",
	"devices",
	"/..%2fetc/passwd",
	"/a\\b",
	"/a\nb",
	"/.env",
	"",
};

START_TEST(what_is_no_file_and_no_page_is_not_found)
{
	ask("GET", strangers[_i]);
	ck_assert_int_eq(req.status, 404);
	ck_assert_ptr_null(req.reply_borrowed);
}
END_TEST

START_TEST(nothing_can_be_changed)
{
	ask("POST", "/");
	ck_assert_int_eq(req.status, 405);
	ck_assert_str_eq(req.allow, "GET, HEAD");
}
END_TEST

START_TEST(a_server_without_a_console_says_so)
{
	req = (struct srv_request){.method = "GET", .path = "/devices"};
	srv_console_reply(&nothing, &req);
	ck_assert_int_eq(req.status, 404);
	ck_assert_str_eq(req.reply_type, "text/html; charset=utf-8");
	ck_assert_ptr_nonnull(header("Content-Security-Policy"));
}
END_TEST

START_TEST(the_api_is_not_the_consoles)
{
	ck_assert(!srv_console_owns("/api"));
	ck_assert(!srv_console_owns("/api/v1/none"));
	ck_assert(srv_console_owns("/apiary"));
	ck_assert(srv_console_owns("/"));
}
END_TEST

START_TEST(over_https_pages_arrive_and_escapes_do_not_help)
{
	struct peer_identity identity;
	struct srv_api api = {.console = &console};
	struct srv_http_config config = {.listen = "127.0.0.1:0",
					 .connections_max = 4,
					 .idle_timeout_s = 5,
					 .ops = &srv_dispatch,
					 .context = &api};
	struct srv_http *http;
	struct err err = {0};
	struct peer_call call = {.method = "GET", .path = "/devices"};

	peer_make_identity(&identity);
	config.key_pem = identity.key;
	config.cert_pem = identity.certificate;
	ck_assert_msg(srv_http_start(&config, &http, &err) == 0, "%s", err.text);
	peer_send(&call, &identity, srv_http_port(http));
	ck_assert_int_eq(call.status, 200);
	ck_assert_str_eq(peer_text(&call), "<!doctype html>");
	ck_assert_ptr_nonnull(strstr(call.head, "Content-Security-Policy: default-src 'self'"));
	ck_assert_ptr_nonnull(strstr(call.head, "X-Content-Type-Options: nosniff"));
	ck_assert_ptr_nonnull(strstr(call.head, "ETag: \"bb22\""));
	peer_done(&call);
	call = (struct peer_call){.method = "GET", .path = "/%2e%2e/%2e%2e/etc/passwd"};
	peer_send(&call, &identity, srv_http_port(http));
	ck_assert_int_eq(call.status, 404);
	peer_done(&call);
	srv_http_stop(http);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("console");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_file_comes_with_its_type_and_a_strict_policy);
	tcase_add_loop_test(c, the_client_gets_a_coding_that_it_takes, 0,
			    sizeof(codings) / sizeof(codings[0]));
	tcase_add_test(c, a_file_that_the_client_has_is_not_sent);
	tcase_add_loop_test(c, pages_of_the_application_are_its_index, 0,
			    sizeof(pages) / sizeof(pages[0]));
	tcase_add_loop_test(c, what_is_no_file_and_no_page_is_not_found, 0,
			    sizeof(strangers) / sizeof(strangers[0]));
	tcase_add_test(c, nothing_can_be_changed);
	tcase_add_test(c, a_server_without_a_console_says_so);
	tcase_add_test(c, the_api_is_not_the_consoles);
	tcase_add_test(c, over_https_pages_arrive_and_escapes_do_not_help);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return suite_run("server/rest/console", c);
}
