#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "agent/link/key.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/fixture.h"

static struct err err;

/* A certificate for key.pem, of the life from to, in seconds from now. */
static void certify(long from_s, long to_s)
{
	FILE *f = fopen("key.pem", "re");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	X509 *x = X509_new();
	uint8_t *der = NULL;

	ck_assert(f && key && x);
	fclose(f);
	X509_gmtime_adj(X509_getm_notBefore(x), from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), to_s);
	ck_assert(X509_set_pubkey(x, key) == 1);
	ck_assert(X509_sign(x, key, EVP_sha256()) > 0);
	int n = i2d_X509(x, &der);

	ck_assert_int_gt(n, 0);
	ck_assert_msg(agent_key_store_certificate(der, (size_t)n, &err) == 0, "%s", err.text);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void setup(void)
{
	ck_assert_int_eq(chdir(fixture_folder()), 0);
	ck_assert_int_eq(agent_key_make(&err), 0);
}

static const struct {
	long from_s, to_s;
	bool half_over, over;
} lives[] = {
	{0, 86400, false, false},     {-100, 86400, false, false},
	{-86400, 80000, true, false}, {-86400, 60, true, false},
	{-86400, -1, true, true},     {-30 * 86400, -10 * 86400, true, true},
};

START_TEST(a_certificate_is_renewed_from_half_of_its_life_on)
{
	certify(lives[_i].from_s, lives[_i].to_s);
	ck_assert_int_eq(agent_key_is_half_over(), lives[_i].half_over);
	ck_assert_int_eq(agent_key_is_over(), lives[_i].over);
}
END_TEST

START_TEST(without_a_certificate_nothing_is_over)
{
	ck_assert(!agent_key_is_half_over());
	ck_assert(!agent_key_is_over());
}
END_TEST

START_TEST(a_certificate_for_another_key_is_refused)
{
	certify(0, 86400);
	FILE *f = fopen("cert.pem", "re");
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	uint8_t *der = NULL;
	int n = i2d_X509(x, &der);

	fclose(f);
	ck_assert_int_eq(agent_key_make(&err), 0);
	ck_assert_int_eq(agent_key_store_certificate(der, (size_t)n, &err), -EBADMSG);
	ck_assert_int_eq(agent_key_store_certificate(der, (size_t)n - 1, &err), -EBADMSG);
	OPENSSL_free(der);
	X509_free(x);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("key");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, a_certificate_is_renewed_from_half_of_its_life_on, 0,
			    sizeof(lives) / sizeof(lives[0]));
	tcase_add_test(t, without_a_certificate_nothing_is_over);
	tcase_add_test(t, a_certificate_for_another_key_is_refused);
	return suite_run("agent/key", t);
}
