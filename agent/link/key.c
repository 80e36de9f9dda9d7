#include "agent/link/key.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <string.h>

#include "common/fd.h"

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_bio(BIO **bio)
{
	BIO_free(*bio);
}

static void free_certificate(X509 **x)
{
	X509_free(*x);
}

/* Writes what was printed into a memory BIO, then wipes it. */
static int store(const char *name, BIO *bio, struct err *err)
{
	char *text = NULL;
	long n = BIO_get_mem_data(bio, &text);
	int r = n > 0 ? fd_replace_file(name, text, (size_t)n, 0600) : -EIO;

	if (n > 0)
		OPENSSL_cleanse(text, (size_t)n);
	if (r < 0)
		return err_set(err, r, "cannot write %s: %s", name, strerror(-r));
	return 0;
}

static EVP_PKEY *load_key(void)
{
	cleanup_(free_bio) BIO *bio = BIO_new_file("key.pem", "r");

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
}

int agent_key_make(struct err *err)
{
	cleanup_(free_key) EVP_PKEY *key = EVP_EC_gen("P-256");
	cleanup_(free_bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!key || !bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return err_set(err, -EIO, "cannot make a key");
	return store("key.pem", bio, err);
}

int agent_key_request(struct buf *out, struct err *err)
{
	cleanup_(free_key) EVP_PKEY *key = load_key();
	X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	int n = -1;

	if (key && request && X509_REQ_set_version(request, X509_REQ_VERSION_1) &&
	    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_ASC,
				       (const unsigned char *)"ampoule endpoint", -1, -1, 0) &&
	    X509_REQ_set_pubkey(request, key) && X509_REQ_sign(request, key, EVP_sha256()) > 0)
		n = i2d_X509_REQ(request, &der);
	int r = n > 0 ? buf_put(out, der, (size_t)n) : -EIO;

	OPENSSL_free(der);
	X509_REQ_free(request);
	if (r < 0)
		return err_set(err, r, "cannot make a certificate request from key.pem");
	return 0;
}

int agent_key_store_certificate(const void *der, size_t n, struct err *err)
{
	const unsigned char *p = der;
	cleanup_(free_key) EVP_PKEY *key = load_key();
	cleanup_(free_certificate) X509 *x = n <= 64 << 10 ? d2i_X509(NULL, &p, (long)n) : NULL;
	cleanup_(free_bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!x || !key || X509_check_private_key(x, key) != 1)
		return err_set(err, -EBADMSG, "the server's certificate is not for our key");
	if (!bio || PEM_write_bio_X509(bio, x) != 1)
		return err_set(err, -ENOMEM, "out of memory");
	return store("cert.pem", bio, err);
}

static X509 *load_certificate(void)
{
	cleanup_(free_bio) BIO *bio = BIO_new_file("cert.pem", "r");

	return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

/* Seconds from one time to another, NULL being now. Certificates last some days: no overflow. */
static bool seconds_between(const ASN1_TIME *from, const ASN1_TIME *to, int64_t *ret_s)
{
	int days = 0;
	int seconds = 0;

	if (!ASN1_TIME_diff(&days, &seconds, from, to))
		return false;
	*ret_s = (int64_t)days * 86400 + seconds;
	return true;
}

bool agent_key_is_half_over(void)
{
	cleanup_(free_certificate) X509 *x = load_certificate();
	int64_t life_s = 0;
	int64_t left_s = 0;

	return x && seconds_between(X509_get0_notBefore(x), X509_get0_notAfter(x), &life_s) &&
	       seconds_between(NULL, X509_get0_notAfter(x), &left_s) && left_s < life_s / 2;
}

bool agent_key_is_over(void)
{
	cleanup_(free_certificate) X509 *x = load_certificate();
	int64_t left_s = 0;

	return x && seconds_between(NULL, X509_get0_notAfter(x), &left_s) && left_s <= 0;
}
