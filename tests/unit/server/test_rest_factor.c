/* Second factors, and showing again who one is, over real HTTPS on a real database. */
#include <errno.h>
#include <liboath/oath.h>
#include <time.h>

#include "tests/support/suite.h"
#include "tests/unit/server/login.h"

static void code_of(const char *secret, time_t when, char out[8])
{
	char *bytes;
	size_t n;

	ck_assert_int_eq(oath_base32_decode(secret, strlen(secret), &bytes, &n), OATH_OK);
	ck_assert_int_eq(oath_totp_generate(bytes, n, when, 30, 0, 6, out), OATH_OK);
	free(bytes);
}

static time_t confirmed_at;

/* Sets it up; the secret, and the recovery codes' JSON, which the caller frees. */
static json_t *set_up_factor(const char *who, char secret[64])
{
	json_t *json = access_ask(who, "POST", "/api/v1/me/totp", "{}", 200);
	char code[8], body[40];

	snprintf(secret, 64, "%s", json_string_value(json_object_get(json, "secret")));
	json_decref(json);
	access_do(who, "POST", "/api/v1/me/totp", "{\"code\": \"000000\"}", 422);
	confirmed_at = time(NULL);
	code_of(secret, confirmed_at, code);
	snprintf(body, sizeof(body), "{\"code\": \"%s\"}", code);
	return access_ask(who, "POST", "/api/v1/me/totp", body, 200);
}

START_TEST(with_a_second_factor_the_password_is_not_enough)
{
	char secret[64], code[8];

	add("gil", "viewer", "{a}");
	json_t *codes = set_up_factor("gil", secret);
	struct login l = sign_in("gil", PASSWORD, NULL);

	ck_assert_uint_eq(json_array_size(json_object_get(codes, "recovery_codes")), 10);
	ck_assert_int_eq(l.status, 401);
	ck_assert_str_eq(l.code, "second_factor_needed");
	ck_assert_str_eq(sign_in("gil", OTHER, NULL).code, "login_refused");
	code_of(secret, confirmed_at, code); /* was used to confirm */
	ck_assert_str_eq(sign_in("gil", PASSWORD, code).code, "login_refused");
	code_of(secret, time(NULL) + 30, code);
	ck_assert_int_eq(sign_in("gil", PASSWORD, code).status, 200);
	ck_assert_str_eq(sign_in("gil", PASSWORD, code).code, "login_refused");
	ck_assert_int_eq(access_number("SELECT count(*) FROM people WHERE name = 'gil' AND "
				       "octet_length(totp_secret) = 48"),
			 1); /* sealed: a nonce and a tag more than 20 bytes */
	json_decref(codes);
	access_sql("DELETE FROM login_delays");
}
END_TEST

START_TEST(a_recovery_code_is_good_once)
{
	char secret[64];

	add("hal", "viewer", "{a}");
	json_t *codes = set_up_factor("hal", secret);
	const char *code =
		json_string_value(json_array_get(json_object_get(codes, "recovery_codes"), 3));

	ck_assert_int_eq(sign_in("hal", PASSWORD, code).status, 200);
	ck_assert_int_eq(sign_in("hal", PASSWORD, code).status, 401);
	access_do("root", "PATCH", person_path("hal", ""), "{\"totp\": true}", 422);
	access_do("root", "PATCH", person_path("hal", ""), "{\"totp\": false}", 200);
	ck_assert_int_eq(sign_in("hal", PASSWORD, NULL).status, 200);
	json_decref(codes);
}
END_TEST

/* Sends a proof with that cookie; the status, and the cookie that came back ("" = none). */
static long prove(const char *cookie, const char *password, const char *code, char fresh[200])
{
	char body[300], more[80] = "";
	struct peer_call call = {.method = "POST",
				 .path = "/api/v1/session/proof",
				 .content_type = "application/json",
				 .cookie = cookie,
				 .marker = "1",
				 .from = access_address(),
				 .body = body};

	if (code)
		snprintf(more, sizeof(more), ", \"code\": \"%s\"", code);
	snprintf(body, sizeof(body), "{\"password\": \"%s\"%s}", password, more);
	call.body_bytes = strlen(body);
	access_send(&call);
	const char *at = strstr(call.head, "Set-Cookie: ");

	fresh[0] = '\0';
	if (at)
		sscanf(at, "Set-Cookie: %199[^;\r]", fresh);
	peer_done(&call);
	return call.status;
}

static long start_factor(const char *cookie)
{
	struct peer_call call = {.method = "POST",
				 .path = "/api/v1/me/totp",
				 .content_type = "application/json",
				 .cookie = cookie,
				 .marker = "1",
				 .body = "{}",
				 .body_bytes = 2};

	access_send(&call);
	peer_done(&call);
	return call.status;
}

START_TEST(the_second_factor_is_changed_by_who_shows_again_who_it_is)
{
	char fresh[200], secret[64], code[8];

	add("kim", "viewer", "{a}");
	json_decref(set_up_factor("kim", secret));
	code_of(secret, time(NULL) + 30, code);
	struct login l = sign_in("kim", PASSWORD, code);

	ck_assert_int_eq(l.status, 200);
	ck_assert_int_eq(start_factor(l.cookie), 403); /* having signed in does not count */
	ck_assert_int_eq(prove(l.cookie, OTHER, code, fresh), 422);
	ck_assert_int_eq(prove(l.cookie, PASSWORD, NULL, fresh), 422);
	ck_assert_int_eq(prove(l.cookie, PASSWORD, code, fresh), 422); /* it signed in with this */
	ck_assert_str_eq(fresh, "");
	ck_assert_int_eq(start_factor(l.cookie), 403);
	access_sql("UPDATE people SET totp_last_step = 0 WHERE name = 'kim'");
	ck_assert_int_eq(prove(l.cookie, PASSWORD, code, fresh), 204);
	ck_assert_int_eq(start_factor(fresh), 200);
	/* The secret of before is worth nothing. */
	ck_assert_str_ne(fresh, l.cookie);
	ck_assert_int_eq(get_with(l.cookie, "/api/v1/session"), 401);
	access_sql("DELETE FROM login_delays");
}
END_TEST

START_TEST(proofs_that_fail_are_delayed_like_logins)
{
	char fresh[200];
	long status = 422;

	add("lou", "viewer", "{a}");
	for (int i = 0; i < 8 && status == 422; i++)
		status = prove(access_cookie("lou"), OTHER, NULL, fresh);
	ck_assert_int_eq(status, 429);
	ck_assert_int_eq(sign_in("lou", PASSWORD, NULL).status, 429);
	access_sql("DELETE FROM login_delays");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("factor");

	log_set_level(LOG_LEVEL_ERROR);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pg_start();
	tcase_set_timeout(t, 60);
	tcase_add_unchecked_fixture(t, setup, access_stop);
	tcase_add_test(t, with_a_second_factor_the_password_is_not_enough);
	tcase_add_test(t, a_recovery_code_is_good_once);
	tcase_add_test(t, the_second_factor_is_changed_by_who_shows_again_who_it_is);
	tcase_add_test(t, proofs_that_fail_are_delayed_like_logins);
	return suite_run("server/rest/factor", t);
}
