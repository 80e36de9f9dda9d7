/* The small parts of who may do what, without a server: roles and groups, passwords, second factors, cookies,
 * origins, limits. */
#include <errno.h>
#include <liboath/oath.h>
#include <stdio.h>
#include <string.h>

#include "server/derive.h"
#include "server/password.h"
#include "server/rest/limits.h"
#include "server/rest/origin.h"
#include "server/role.h"
#include "server/totp.h"
#include "tests/support/suite.h"

/* ---- roles and groups ---- */

static const struct {
	const char *have, *want;
	bool covers;
} sets[] = {
	{"{*}", "{*}", true},      {"{*}", "{a,b}", true},  {"{a,b}", "{b}", true},
	{"{a,b}", "{a,b}", true},  {"{a}", "{*}", false},   {"{a}", "{a,b}", false},
	{"{ab}", "{a}", false},    {"{a}", "{ab}", false},  {"{}", "{a}", false},
	{"{a,b}", "{a,c}", false}, {"{a-b}", "{b}", false}, {"{}", "{}", true},
};

START_TEST(a_set_covers_what_is_in_it)
{
	ck_assert_int_eq(srv_groups_covers(sets[_i].have, sets[_i].want), sets[_i].covers);
}
END_TEST

START_TEST(a_scope_is_what_the_roles_of_a_set_reach)
{
	struct srv_grants grants = {0};
	char scope[SRV_SCOPE_TEXT];

	ck_assert_int_eq(srv_grants_add(&grants, "viewer", "{a,b}"), 0);
	ck_assert_int_eq(srv_grants_add(&grants, "author", "{b,c}"), 0);
	srv_grants_scope(&grants, SRV_ROLE_ANY, scope);
	ck_assert_str_eq(scope, "{a,b,c}");
	srv_grants_scope(&grants, SRV_ROLE_AUTHOR, scope);
	ck_assert_str_eq(scope, "{b,c}");
	srv_grants_scope(&grants, SRV_ROLE_ADMIN, scope);
	ck_assert_str_eq(scope, "{}");
	ck_assert(!srv_groups_has(scope, "a"));
}
END_TEST

START_TEST(a_grant_that_is_none_is_refused)
{
	static const char *const bad[][2] = {
		{"king", "{a}"}, {"", "{a}"}, {"author", ""}, {"author", "{}"}, {"author", "a"}};
	struct srv_grants grants = {0};

	ck_assert_int_eq(srv_grants_add(&grants, bad[_i][0], bad[_i][1]), -EINVAL);
	ck_assert_uint_eq(grants.count, 0);
}
END_TEST

START_TEST(a_role_twice_is_refused)
{
	struct srv_grants grants = {0};

	ck_assert_int_eq(srv_grants_add(&grants, "viewer", "{a}"), 0);
	ck_assert_int_eq(srv_grants_add(&grants, "viewer", "{b}"), -EINVAL);
}
END_TEST

START_TEST(an_intersection_is_what_both_have)
{
	static const char *const cases[][3] = {{"{*}", "{a,b}", "{a,b}"},
					       {"{a,b}", "{*}", "{a,b}"},
					       {"{a,b}", "{b,c}", "{b}"},
					       {"{a}", "{b}", "{}"},
					       {"{*}", "{*}", "{*}"}};
	char out[SRV_GROUPS_TEXT];

	srv_groups_intersect(cases[_i][0], cases[_i][1], out, sizeof(out));
	ck_assert_str_eq(out, cases[_i][2]);
}
END_TEST

START_TEST(who_may_hand_out_a_role)
{
	ck_assert_uint_eq(srv_role_givers(SRV_ROLE_ADMIN), SRV_ROLE_ADMIN);
	ck_assert_uint_eq(srv_role_givers(SRV_ROLE_AUTHOR), SRV_ROLE_AUTHOR | SRV_ROLE_ADMIN);
	ck_assert_uint_eq(srv_role_givers(SRV_ROLE_VIEWER), SRV_ROLE_ANY);
}
END_TEST

/* ---- passwords ---- */

START_TEST(passwords_that_are_guessed_first_are_refused)
{
	static const char *const bad[] = {
		"short",
		"elevenchars",
		"password1234",
		"P@ssw0rd!2026",
		"passwordpassword",
		"qwertyuiop12",
		"QwertyAsdfgh1!",
		"123456789012",
		"aaaaaaaaaaaa",
		"abababababab",
		"abcdefghijkl",
		"987654321098",
		"Summer2026!!!!",
		"letmeinplease",
		"AdminAdmin2026",
		"correcthorsebatterystaple",
		"changeme-now-1x1",
		"welcomewelcome1",
		"my-name-is-alice-7",
		"iloveyou20262026",
		"ch4ng3m3ch4ng3m3",
	};
	struct err err = {0};

	/* The 17th is here for its counterpart: one odd word makes it good. */
	ck_assert_msg(srv_password_check(bad[_i], "alice", &err) == (_i == 16 ? 0 : -EINVAL), "%s",
		      bad[_i]);
}
END_TEST

START_TEST(long_and_odd_passwords_are_taken)
{
	static const char *const good[] = {"seven odd herons 41", "Zbq7-kkw2-mPX9",
					   "grün-blaue Wände", "ежик в тумане",
					   "the password of herons"};
	struct err err = {0};

	ck_assert_msg(srv_password_check(good[_i], "alice", &err) == 0, "%s: %s", good[_i],
		      err.text);
}
END_TEST

START_TEST(a_password_over_its_limit_is_refused)
{
	char text[400];
	struct err err = {0};

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "qhzvmw7"[i % 7];
	text[SRV_PASSWORD_BYTES_MAX] = '\0';
	ck_assert_int_eq(srv_password_check(text, "", &err), -EINVAL);
	text[SRV_PASSWORD_BYTES_MAX - 1] = '\0';
	ck_assert_int_eq(srv_password_check(text, "", &err), 0);
}
END_TEST

START_TEST(a_hash_is_argon2id_of_the_cost_that_was_chosen)
{
	struct err err = {0};
	struct srv_passwords *p = srv_passwords_new(&err);
	char hash[SRV_PASSWORD_HASH], other[SRV_PASSWORD_HASH];

	ck_assert_int_eq(srv_passwords_hash(p, "seven odd herons 41", hash, &err), 0);
	ck_assert_int_eq(srv_passwords_hash(p, "seven odd herons 41", other, &err), 0);
	ck_assert_ptr_eq(strstr(hash, "$argon2id$v=19$m=65536,t=3,p=1$"), hash);
	ck_assert_str_ne(hash, other);
	ck_assert_int_eq(srv_passwords_verify(p, hash, "seven odd herons 41", &err), 0);
	ck_assert_int_eq(srv_passwords_verify(p, hash, "seven odd herons 42", &err), -EACCES);
	ck_assert_int_eq(srv_passwords_verify(p, NULL, "seven odd herons 41", &err), -EACCES);
	ck_assert_int_eq(srv_passwords_verify(p, "nonsense", "seven odd herons 41", &err), -EACCES);
	srv_passwords_free(p);
}
END_TEST

/* ---- second factors ---- */

START_TEST(codes_are_those_of_rfc_6238)
{
	/* Appendix B, SHA-1, the last six digits. */
	static const struct {
		int64_t now_s;
		const char *code;
	} known[] = {{59, "287082"},
		     {1111111109, "081804"},
		     {1234567890, "005924"},
		     {2000000000, "279037"}};
	int64_t step = 0;

	ck_assert_int_eq(srv_totp_check((const uint8_t *)"12345678901234567890", known[_i].now_s,
					known[_i].code, &step),
			 0);
	ck_assert_int_eq(step, known[_i].now_s / 30);
	ck_assert_int_eq(srv_totp_check((const uint8_t *)"12345678901234567890",
					known[_i].now_s + 30, known[_i].code, &step),
			 0);
	ck_assert_int_eq(step, known[_i].now_s / 30);
	ck_assert_int_eq(srv_totp_check((const uint8_t *)"12345678901234567890",
					known[_i].now_s + 60, known[_i].code, &step),
			 -EACCES);
}
END_TEST

START_TEST(what_is_no_code_is_refused)
{
	static const char *const bad[] = {"", "28708", "2870820", "28708a", " 87082", "-87082"};
	int64_t step = 0;

	ck_assert_int_eq(srv_totp_check((const uint8_t *)"12345678901234567890", 59, bad[_i],
					&step),
			 -EACCES);
}
END_TEST

START_TEST(the_secrets_text_is_its_base32)
{
	char text[SRV_TOTP_TEXT], *bytes;
	size_t n;

	srv_totp_text((const uint8_t *)"12345678901234567890", text);
	ck_assert_int_eq(oath_base32_decode(text, strlen(text), &bytes, &n), OATH_OK);
	ck_assert_mem_eq(bytes, "12345678901234567890", 20);
	free(bytes);
}
END_TEST

START_TEST(a_recovery_code_may_be_typed_as_people_type)
{
	char code[SRV_RECOVERY_TEXT], typed[40];
	uint8_t hash[32], other[32];

	ck_assert_int_eq(srv_recovery_make(code, hash), 0);
	snprintf(typed, sizeof(typed), " %.4s %.14s", code, code + 5);
	for (char *c = typed; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	ck_assert_int_eq(srv_recovery_hash(typed, other), 0);
	ck_assert_mem_eq(hash, other, 32);
	ck_assert_int_eq(srv_recovery_hash("", other), -EINVAL);
	ck_assert_int_eq(srv_recovery_hash("AAAA-AAAA-AAAA-AAA", other), -EINVAL);
	ck_assert_int_eq(srv_recovery_hash("AAAA-AAAA-AAAA-AAAAA", other), -EINVAL);
	ck_assert_int_eq(srv_recovery_hash("AAAA-AAAA-AAAA-AAA1", other), -EINVAL);
}
END_TEST

START_TEST(a_sealed_secret_opens_in_its_place_only)
{
	uint8_t key[32] = {1}, wrong[32] = {2};
	struct buf sealed = {0}, opened = {0};

	ck_assert_int_eq(srv_seal(key, "ann", "secret", 6, &sealed), 0);
	ck_assert_int_eq(srv_unseal(key, "ann", sealed.data, sealed.len, &opened), 0);
	ck_assert_uint_eq(opened.len, 6);
	ck_assert_mem_eq(opened.data, "secret", 6);
	ck_assert_int_eq(srv_unseal(key, "bob", sealed.data, sealed.len, &opened), -EBADMSG);
	ck_assert_int_eq(srv_unseal(wrong, "ann", sealed.data, sealed.len, &opened), -EBADMSG);
	ck_assert_int_eq(srv_unseal(key, "ann", sealed.data, sealed.len - 1, &opened), -EBADMSG);
	ck_assert_int_eq(srv_unseal(key, "ann", sealed.data, 3, &opened), -EBADMSG);
	sealed.data[20] ^= 1;
	ck_assert_int_eq(srv_unseal(key, "ann", sealed.data, sealed.len, &opened), -EBADMSG);
	buf_release(&sealed);
	buf_release(&opened);
}
END_TEST

/* ---- cookies and origins ---- */

static const struct {
	const char *header;
	int found;
	const char *value;
} cookies[] = {
	{NULL, 0, ""},
	{"", 0, ""},
	{"a=b", 0, ""},
	{"__Host-ampoule=x", 1, "x"},
	{"a=b; __Host-ampoule=x; c=d", 1, "x"},
	{"a=b;__Host-ampoule=x", 1, "x"},
	{"__Host-ampoule=", 1, ""},
	{"__Host-ampoule", 0, ""},
	{"x__Host-ampoule=y", 0, ""},
	{"__host-ampoule=y", 0, ""},
	{"__Host-ampoule2=y", 0, ""},
	{"__Host-ampoule=x; __Host-ampoule=x", -EINVAL, "x"},
	{";;; ;", 0, ""},
};

START_TEST(the_session_cookie_is_found_among_others)
{
	char value[SRV_COOKIE_MAX] = "";

	ck_assert_int_eq(srv_cookie_find(cookies[_i].header, value), cookies[_i].found);
	ck_assert_str_eq(value, cookies[_i].value);
}
END_TEST

START_TEST(a_cookie_over_its_limit_is_refused)
{
	char header[400] = "__Host-ampoule=", value[SRV_COOKIE_MAX];

	memset(header + strlen(header), 'x', SRV_COOKIE_MAX);
	ck_assert_int_eq(srv_cookie_find(header, value), -EINVAL);
}
END_TEST

static const struct {
	const char *marker, *site, *origin;
	bool ours, ours_unmarked;
} origins[] = {
	{"1", NULL, NULL, true, true},
	{NULL, NULL, NULL, false, true},
	{"", NULL, NULL, false, true},
	{"1", "same-origin", "https://console.example:8443", true, true},
	{"1", "none", NULL, true, true},
	{"1", "cross-site", NULL, false, false},
	{"1", "same-site", NULL, false, false},
	{"1", "", NULL, false, false},
	{"1", "same-origin", "null", false, false},
	{"1", "same-origin", "", false, false},
	{"1", "same-origin", "http://console.example:8443", false, false},
	{"1", "same-origin", "https://console.example", false, false},
	{"1", "same-origin", "https://console.example:84430", false, false},
	{"1", NULL, "HTTPS://Console.Example:8443", true, true},
};

START_TEST(only_the_consoles_own_pages_may_change_something)
{
	struct srv_request req = {.host = "console.example:8443",
				  .marker = origins[_i].marker,
				  .fetch_site = origins[_i].site,
				  .origin = origins[_i].origin};

	ck_assert_int_eq(srv_origin_is_ours(&req, true), origins[_i].ours);
	ck_assert_int_eq(srv_origin_is_ours(&req, false), origins[_i].ours_unmarked);
	req.host = NULL;
	if (req.origin)
		ck_assert(!srv_origin_is_ours(&req, false));
}
END_TEST

/* ---- limits ---- */

START_TEST(a_caller_has_so_many_requests_a_minute)
{
	struct srv_limits *limits = srv_limits_new();

	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(srv_limits_take(limits, 1, "ann", 3, 1000), 0);
	ck_assert_uint_eq(srv_limits_take(limits, 1, "ann", 3, 31000), 30);
	ck_assert_uint_eq(srv_limits_take(limits, 1, "bob", 3, 31000), 0);
	ck_assert_uint_eq(srv_limits_take(limits, 2, "ann", 3, 31000), 0);
	ck_assert_uint_eq(srv_limits_take(limits, 1, "ann", 3, 60999), 1);
	ck_assert_uint_eq(srv_limits_take(limits, 1, "ann", 3, 61000), 0);
	srv_limits_free(limits);
}
END_TEST

START_TEST(very_many_callers_take_no_more_room)
{
	struct srv_limits *limits = srv_limits_new();
	char name[24];

	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_uint_eq(srv_limits_take(limits, 1, name, 1, 1000U + (unsigned)i / 100),
				  0);
	}
	snprintf(name, sizeof(name), "%d", 99999);
	ck_assert_uint_gt(srv_limits_take(limits, 1, name, 1, 3000),
			  0); /* the newest is remembered */
	srv_limits_free(limits);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *roles = tcase_create("roles"), *passwords = tcase_create("passwords");
	TCase *factors = tcase_create("factors"), *origin = tcase_create("origins");

	tcase_set_timeout(passwords, 60);
	tcase_add_loop_test(roles, a_set_covers_what_is_in_it, 0, COUNT(sets));
	tcase_add_test(roles, a_scope_is_what_the_roles_of_a_set_reach);
	tcase_add_loop_test(roles, a_grant_that_is_none_is_refused, 0, 5);
	tcase_add_test(roles, a_role_twice_is_refused);
	tcase_add_loop_test(roles, an_intersection_is_what_both_have, 0, 5);
	tcase_add_test(roles, who_may_hand_out_a_role);
	tcase_add_loop_test(passwords, passwords_that_are_guessed_first_are_refused, 0, 21);
	tcase_add_loop_test(passwords, long_and_odd_passwords_are_taken, 0, 5);
	tcase_add_test(passwords, a_password_over_its_limit_is_refused);
	tcase_add_test(passwords, a_hash_is_argon2id_of_the_cost_that_was_chosen);
	tcase_add_loop_test(factors, codes_are_those_of_rfc_6238, 0, 4);
	tcase_add_loop_test(factors, what_is_no_code_is_refused, 0, 6);
	tcase_add_test(factors, the_secrets_text_is_its_base32);
	tcase_add_test(factors, a_recovery_code_may_be_typed_as_people_type);
	tcase_add_test(factors, a_sealed_secret_opens_in_its_place_only);
	tcase_add_loop_test(origin, the_session_cookie_is_found_among_others, 0, COUNT(cookies));
	tcase_add_test(origin, a_cookie_over_its_limit_is_refused);
	tcase_add_loop_test(origin, only_the_consoles_own_pages_may_change_something, 0,
			    COUNT(origins));
	tcase_add_test(origin, a_caller_has_so_many_requests_a_minute);
	tcase_add_test(origin, very_many_callers_take_no_more_room);
	return suite_run("server/access", roles, passwords, factors, origin);
}
