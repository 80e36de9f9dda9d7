#include <errno.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "tests/support/suite.h"
#include "tests/unit/server/fleet.h"

/* Enrols with what is given; the refusal's code must be this one. */
static void expect_enroll_refusal(EVP_PKEY *key, const uint8_t secret[32], const char *code)
{
	struct client c;

	ck_assert_int_eq(client_connect(&c, port, "ampoule-enroll/1", NULL), 1);
	client_enroll(&c, key, secret);
	client_expect_refusal(&c, code, false);
	client_close(&c);
}

START_TEST(a_token_enrols_once)
{
	uint8_t secret[32];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct client c;

	fleet_token(secret, 1, 60);
	ck_assert_int_eq(client_connect(&c, port, "ampoule-enroll/1", NULL), 1);
	client_enroll(&c, key, secret);
	wire_free(&client_expect(&c, AMPOULE__FRAME__KIND_ENROLL_REPLY)->base);
	ck_assert_ptr_null(client_receive(&c));
	client_close(&c);
	expect_enroll_refusal(key, secret, "token-used");
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM devices"), 1);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(the_same_machine_gets_a_new_device_each_time)
{
	struct identity first = fleet_enroll(), second = fleet_enroll();

	ck_assert_str_ne(first.device, second.device);
	fleet_forget(&first);
	fleet_forget(&second);
}
END_TEST

START_TEST(a_token_that_ended_was_revoked_or_never_was_is_refused)
{
	uint8_t secret[32];
	EVP_PKEY *key = EVP_EC_gen("P-256");

	fleet_token(secret, 1, -1);
	expect_enroll_refusal(key, secret, "token-expired");
	fleet_token(secret, 1, 60);
	fleet_sql("UPDATE tokens SET revoked_at = now()", NULL, 0);
	expect_enroll_refusal(key, secret, "token-revoked");
	secret[0] ^= 1;
	expect_enroll_refusal(key, secret, "token-unknown");
	ck_assert_int_eq(pg_number(config.db, "SELECT count(*) FROM devices"), 0);
	EVP_PKEY_free(key);
}
END_TEST

static const char *const other_curves[] = {"P-384", "secp256k1"};

START_TEST(another_curve_is_refused_and_uses_nothing_up)
{
	uint8_t secret[32];
	EVP_PKEY *key = EVP_EC_gen(other_curves[_i]);

	fleet_token(secret, 1, 60);
	expect_enroll_refusal(key, secret, "bad-csr");
	ck_assert_int_eq(pg_number(config.db, "SELECT uses_left FROM tokens"), 1);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_request_signed_by_another_key_is_refused)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	X509_REQ *request = X509_REQ_new();
	struct buf out = {0};
	uint8_t *der = NULL;
	time_t expires;

	ck_assert_int_eq(X509_REQ_set_pubkey(request, key), 1);
	ck_assert_int_gt(X509_REQ_sign(request, other, EVP_sha256()), 0);
	int n = i2d_X509_REQ(request, &der);

	ck_assert_int_eq(srv_ca_issue_device(ca, der, (size_t)n, "x", 0, &out, &expires, &err),
			 -EKEYREJECTED);
	ck_assert_int_eq(srv_ca_issue_device(ca, der, (size_t)n - 1, "x", 0, &out, &expires, &err),
			 -EBADMSG);
	ck_assert_uint_eq(out.len, 0);
	OPENSSL_free(der);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}
END_TEST

START_TEST(the_certificate_says_what_the_server_decided)
{
	struct identity id = fleet_enroll();
	X509 *x = id.certificate;
	char name[64];

	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	ck_assert_str_eq(name, id.device);
	ck_assert_int_eq(X509_check_ca(x), 0);
	ck_assert_uint_eq(X509_get_extended_key_usage(x), XKU_SSL_CLIENT);
	ck_assert_uint_eq(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	time_t later = time(NULL) + 31 * 86400, now = time(NULL);

	ck_assert_int_lt(X509_cmp_time(X509_get0_notAfter(x), &later), 0);
	ck_assert_int_gt(X509_cmp_time(X509_get0_notAfter(x), &now), 0);
	fleet_forget(&id);
}
END_TEST

/* A connection that must end without a word from the server. */
static void expect_no_answer(const char *alpn, const struct identity *id)
{
	struct client c;

	if (client_connect(&c, port, alpn, id))
		client_hello(&c, 0, 0);
	ck_assert_ptr_null(client_receive(&c));
	client_close(&c);
}

START_TEST(a_certificate_of_another_ca_is_refused)
{
	struct identity id = fleet_enroll();
	struct srv_ca *ours = ca;
	char dir[] = "/tmp/ampoule-ca-XXXXXX", path[64];
	struct buf certificate = {0};
	uint8_t *der;
	time_t expires;
	int n = client_csr(id.key, &der);

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(srv_ca_create(dir, &err), 0);
	ca = srv_ca_open(dir, &err);
	ck_assert_int_eq(srv_ca_issue_device(ca, der, (size_t)n, id.device, time(NULL),
					     &certificate, &expires, &err),
			 0);
	const uint8_t *at = certificate.data;

	X509_free(id.certificate);
	id.certificate = d2i_X509(NULL, &at, (long)certificate.len);
	expect_no_answer("ampoule/1", &id);
	srv_ca_close(ca);
	ca = ours;
	(void)snprintf(path, sizeof(path), "%s/ca.key", dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/ca.pem", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	buf_release(&certificate);
	OPENSSL_free(der);
	fleet_forget(&id);
}
END_TEST

START_TEST(no_certificate_is_refused)
{
	expect_no_answer("ampoule/1", NULL);
}
END_TEST

START_TEST(no_protocol_or_an_unknown_one_is_refused)
{
	struct identity id = fleet_enroll();

	expect_no_answer("http/1.1", &id);
	expect_no_answer("http/1.1", NULL);
	expect_no_answer(NULL, NULL);
	expect_no_answer(NULL, &id);
	fleet_forget(&id);
}
END_TEST

static X509 *read_x509(const char *name)
{
	char path[SRV_PATH_MAX + 16];

	ck_assert_int_eq(srv_config_path(&config, name, path, sizeof(path)), 0);
	FILE *f = fopen(path, "re");

	ck_assert_ptr_nonnull(f);
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);

	(void)fclose(f);
	return x;
}

START_TEST(the_servers_own_certificate_is_no_device)
{
	struct identity id = {.certificate = read_x509("server.pem")};
	char path[SRV_PATH_MAX + 16];

	ck_assert_int_eq(srv_config_path(&config, "server.key", path, sizeof(path)), 0);
	FILE *f = fopen(path, "re");

	id.key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	(void)fclose(f);
	ck_assert_ptr_nonnull(id.key);
	expect_no_answer("ampoule/1", &id);
	fleet_forget(&id);
}
END_TEST

START_TEST(tls_1_2_is_refused)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(tls);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(SSL_set_max_proto_version(ssl, TLS1_2_VERSION), 1);
	ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
	ck_assert_int_le(SSL_connect(ssl), 0);
	SSL_free(ssl);
	SSL_CTX_free(tls);
	close(fd);
}
END_TEST

START_TEST(the_server_gives_no_ticket)
{
	struct identity id = fleet_enroll();
	struct client c;

	(void)fleet_hello(&c, &id, 0, 0, NULL);
	ck_assert_int_eq(SSL_SESSION_is_resumable(SSL_get0_session(c.ssl)), 0);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(a_device_that_is_not_in_the_database_is_refused)
{
	struct identity id = fleet_enroll();
	struct client c;

	fleet_sql("DELETE FROM devices", NULL, 0);
	ck_assert_int_eq(client_connect(&c, port, "ampoule/1", &id), 1);
	client_hello(&c, 0, 0);
	client_expect_refusal(&c, "not-enrolled", false);
	client_close(&c);
	fleet_forget(&id);
}
END_TEST

START_TEST(the_pin_is_the_hash_of_the_cas_key)
{
	X509 *x = read_x509("ca.pem");
	uint8_t pin[32], hash[32], *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	ck_assert_int_eq(srv_ca_pin(ca, pin), 0);
	(void)SHA256(der, (size_t)n, hash);
	ck_assert_mem_eq(pin, hash, 32);
	OPENSSL_free(der);
	X509_free(x);
}
END_TEST

START_TEST(a_second_ca_and_odd_names_are_refused)
{
	ck_assert_int_eq(srv_ca_create(config.state_dir, &err), -EEXIST);
	ck_assert_int_eq(srv_ca_issue_server(ca, config.state_dir, "", &err), -EINVAL);
	ck_assert_int_eq(srv_ca_issue_server(ca, config.state_dir, "a b", &err), -EINVAL);
	ck_assert_int_eq(srv_ca_issue_server(ca, config.state_dir, "a;email:x", &err), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("enrolment"), *tls = tcase_create("tls");

	pg_start();
	tcase_set_timeout(t, 60);
	tcase_set_timeout(tls, 60);
	tcase_add_checked_fixture(t, fleet_start, fleet_stop);
	tcase_add_checked_fixture(tls, fleet_start, fleet_stop);
	tcase_add_test(t, a_token_enrols_once);
	tcase_add_test(t, the_same_machine_gets_a_new_device_each_time);
	tcase_add_test(t, a_token_that_ended_was_revoked_or_never_was_is_refused);
	tcase_add_loop_test(t, another_curve_is_refused_and_uses_nothing_up, 0, 2);
	tcase_add_test(t, a_request_signed_by_another_key_is_refused);
	tcase_add_test(t, the_certificate_says_what_the_server_decided);
	tcase_add_test(tls, a_certificate_of_another_ca_is_refused);
	tcase_add_test(tls, no_certificate_is_refused);
	tcase_add_test(tls, no_protocol_or_an_unknown_one_is_refused);
	tcase_add_test(tls, the_servers_own_certificate_is_no_device);
	tcase_add_test(tls, tls_1_2_is_refused);
	tcase_add_test(tls, the_server_gives_no_ticket);
	tcase_add_test(tls, a_device_that_is_not_in_the_database_is_refused);
	tcase_add_test(tls, the_pin_is_the_hash_of_the_cas_key);
	tcase_add_test(tls, a_second_ca_and_odd_names_are_refused);
	return suite_run("server/enrol", t, tls);
}
