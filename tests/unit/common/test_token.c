#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/token.h"
#include "tests/support/suite.h"

#define H16    "0123456789abcdef"
#define H64    H16 H16 H16 H16
#define SECRET "5ec4e7005ec4e7005ec4e7005ec4e7005ec4e7005ec4e7005ec4e7005ec4e700"
#define GOOD                                                                          \
	"{\"server\":\"amp.example:8443\",\"ca\":\"" H64 "\",\"policy_keys\":[\"" H64 \
	"\"],\"image_keys\":[\"" H64 "\",\"" H64 "\"],\"secret\":\"" SECRET "\"}"

/* An encoder of the test's own, one bit group at a time. */
static size_t encode(const char *json, size_t n, char *out)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = 0;

	memcpy(out, "ampoule-1:", 10);
	len = 10;
	for (size_t bit = 0; bit < n * 8; bit += 6) {
		unsigned v = 0;

		for (size_t b = bit; b < bit + 6; b++) {
			unsigned byte = b / 8 < n ? (unsigned char)json[b / 8] : 0;

			v = v << 1 | (byte >> (7 - b % 8) & 1);
		}
		out[len++] = set[v];
	}
	return len;
}

static int parse_json(const char *json, struct err *err)
{
	char text[8192];
	struct token token;

	return token_parse(text, encode(json, strlen(json), text), &token, err);
}

START_TEST(a_token_is_read_whole)
{
	char text[8192] = "\n  ";
	struct token token;
	struct err err = {0};
	size_t n = 3 + encode(GOOD, strlen(GOOD), text + 3);

	text[n++] = '\n';
	ck_assert_int_eq(token_parse(text, n, &token, &err), 0);
	ck_assert_str_eq(token.server, "amp.example:8443");
	ck_assert_int_eq(token.ca[0], 0x01);
	ck_assert_int_eq(token.ca[31], 0xef);
	ck_assert_uint_eq(token.policy_key_count, 1);
	ck_assert_uint_eq(token.image_key_count, 2);
	ck_assert_mem_eq(token.secret, "\x5e\xc4\xe7\x00", 4);
}
END_TEST

START_TEST(what_is_put_is_what_is_parsed)
{
	struct token token = {
		.server = "[fd00::1]:443", .policy_key_count = 4, .image_key_count = 1};
	struct token back = {0};
	struct buf b = {0};

	for (size_t i = 0; i < 32; i++) {
		token.ca[i] = (uint8_t)(i * 7);
		token.secret[i] = (uint8_t)(255 - i);
		token.policy_keys[3][i] = (uint8_t)i;
	}
	ck_assert_int_eq(buf_put_u8(&b, '>'), 0);
	ck_assert_int_eq(token_put(&b, &token), 0);
	ck_assert_int_eq(token_parse((const char *)b.data + 1, b.len - 1, &back, NULL), 0);
	ck_assert_mem_eq(&back, &token, sizeof(token));
	buf_release(&b);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	char text[8192];
	struct token token;
	size_t n = encode(GOOD, strlen(GOOD), text);

	for (size_t cut = 0; cut < n; cut++)
		ck_assert_int_eq(token_parse(text, cut, &token, NULL), -EINVAL);
}
END_TEST

#define WITH(server, ca, policy, image, secret)                                                 \
	"{\"server\":" server ",\"ca\":" ca ",\"policy_keys\":" policy ",\"image_keys\":" image \
	",\"secret\":" secret "}"
#define Q(s)  "\"" s "\""
#define KEY   "[" Q(H64) "]"
#define HOST  Q("a:1")
#define KEYS5 "[" Q(H64) "," Q(H64) "," Q(H64) "," Q(H64) "," Q(H64) "]"

static const struct {
	const char *json;
	const char *says;
} refused[] = {
	{"", "not JSON"},
	{"[]", "not a JSON object"},
	{"{}", "server: missing"},
	{GOOD " x", "not JSON"},
	{"{\"server\":\"a:1\",\"server\":\"b:1\"}", "not JSON"},
	{"{\"extra\":1," HOST ":1}", "server: missing"},
	{"{\"x\":1,\"server\":" HOST ",\"ca\":" Q(
		 H64) ",\"policy_keys\":" KEY ",\"image_keys\":" KEY ",\"secret\":" Q(SECRET) "}",
	 "does not know"},
	{WITH("1", Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("host"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q(":443"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("a:0"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("a:65536"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("a:1x"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("a b:1"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("a/b:1"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("fd00::1:443"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("[fd00::1:443"), Q(H64), KEY, KEY, Q(SECRET)), "server: not"},
	{WITH(Q("a\\u0000:1"), Q(H64), KEY, KEY, Q(SECRET)), "not JSON"},
	{WITH(HOST, Q(""), KEY, KEY, Q(SECRET)), "ca: not 64"},
	{WITH(HOST, Q(H64 "0"), KEY, KEY, Q(SECRET)), "ca: not 64"},
	{WITH(HOST, Q(H16 H16 H16 "0123456789abcdeF"), KEY, KEY, Q(SECRET)), "ca: not 64"},
	{WITH(HOST, "null", KEY, KEY, Q(SECRET)), "ca: not 64"},
	{WITH(HOST, Q(H64), "[]", KEY, Q(SECRET)), "policy_keys: not a list"},
	{WITH(HOST, Q(H64), Q(H64), KEY, Q(SECRET)), "policy_keys: not a list"},
	{WITH(HOST, Q(H64), KEYS5, KEY, Q(SECRET)), "policy_keys: not a list"},
	{WITH(HOST, Q(H64), KEY, "[1]", Q(SECRET)), "image_keys: not 64"},
	{WITH(HOST, Q(H64), KEY, KEY, Q("5ec4e7")), "secret: not 64"},
};

START_TEST(bad_content_is_refused_with_its_key)
{
	struct err err = {0};

	ck_assert_int_eq(parse_json(refused[_i].json, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, refused[_i].says) != NULL, "%s", err.text);
	ck_assert_ptr_null(strstr(err.text, "5ec4e7"));
}
END_TEST

static const struct {
	const char *text;
	const char *says;
} not_tokens[] = {
	{"", "does not begin"},
	{"ampoule-2:e30", "does not begin"},
	{"e30", "does not begin"},
	{"ampoule-1:e30=", "not base64url"},
	{"ampoule-1:e3+0", "not base64url"},
	{"ampoule-1:e 30", "not base64url"},
	{"ampoule-1:e31", "not base64url"}, /* a left-over bit is set */
	{"ampoule-1:e", "not base64url"},
	{"ampoule-1:", "not JSON"},
	{"ampoule-1:e30", "server: missing"},
};

START_TEST(bad_text_is_refused)
{
	struct token token;
	struct err err = {0};
	const char *text = not_tokens[_i].text;

	ck_assert_int_eq(token_parse(text, strlen(text), &token, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, not_tokens[_i].says) != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_token_that_is_too_long_is_refused)
{
	static char text[TOKEN_TEXT_MAX + 1];
	struct token token;
	struct err err = {0};

	memset(text, 'A', sizeof(text));
	memcpy(text, "ampoule-1:", 10);
	ck_assert_int_eq(token_parse(text, sizeof(text), &token, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "longer"));
}
END_TEST

START_TEST(a_nul_in_the_text_is_refused)
{
	struct token token;

	ck_assert_int_eq(token_parse("ampoule-1:e30\0AAA", 17, &token, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("token");

	tcase_add_test(t, a_token_is_read_whole);
	tcase_add_test(t, what_is_put_is_what_is_parsed);
	tcase_add_test(t, every_truncation_is_refused);
	tcase_add_loop_test(t, bad_content_is_refused_with_its_key, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_loop_test(t, bad_text_is_refused, 0, sizeof(not_tokens) / sizeof(not_tokens[0]));
	tcase_add_test(t, a_token_that_is_too_long_is_refused);
	tcase_add_test(t, a_nul_in_the_text_is_refused);
	return suite_run("common/token", t);
}
