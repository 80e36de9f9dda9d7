#include "server/ca.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

enum {
	DAY_S = 86400,
	BACKDATE_S = 300, /* for clocks that are a little behind */
	PEM_MAX = 64 << 10,
	NAMES_TEXT_MAX = 2048
};

struct srv_ca {
	X509 *certificate;
	EVP_PKEY *key;
};

static void free_x509(X509 **x)
{
	X509_free(*x);
}

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_bio(BIO **bio)
{
	BIO_free(*bio);
}

static void free_request(X509_REQ **request)
{
	X509_REQ_free(*request);
}

static int add_extension(X509 *x, const X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, (X509 *)(uintptr_t)issuer, x, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	int ok = extension && X509_add_ext(x, extension, -1);

	X509_EXTENSION_free(extension);
	return ok ? 0 : -EIO;
}

/* A random serial number of 127 bits: unique without a counter to lose. */
static int set_serial(X509 *x)
{
	uint8_t bytes[16];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	bytes[0] &= 0x7f;
	bytes[0] |= 0x40;
	BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	int ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));

	BN_free(number);
	return ok ? 0 : -EIO;
}

/* A certificate with everything but its extensions. */
static X509 *begin_certificate(EVP_PKEY *key, const char *common_name, const X509 *issuer,
			       time_t now, long days)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
	time_t from = now - BACKDATE_S, until = now + days * DAY_S;

	if (x && X509_set_version(x, 2) && set_serial(x) == 0 &&
	    X509_time_adj_ex(X509_getm_notBefore(x), 0, 0, &from) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), 0, 0, &until) && X509_set_pubkey(x, key) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1,
				       -1, 0) &&
	    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name))
		return x;
	X509_free(x);
	return NULL;
}

static int write_pem(const char *dir, const char *name, const X509 *x, const EVP_PKEY *key)
{
	cleanup_(free_bio) BIO *bio = BIO_new(BIO_s_mem());
	char path[4096];
	char *bytes;

	if (!bio || snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENOMEM;
	if (x && PEM_write_bio_X509(bio, x) != 1)
		return -EIO;
	if (key && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -EIO;
	long n = BIO_get_mem_data(bio, &bytes);
	int r = fd_replace_file(path, bytes, (size_t)n, key ? 0600 : 0644);

	OPENSSL_cleanse(bytes, (size_t)n);
	return r;
}

int srv_ca_create(const char *dir, struct err *err)
{
	char path[4096], name[40];
	uint8_t id[4];

	if (snprintf(path, sizeof(path), "%s/ca.key", dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "the state folder's name is too long");
	if (access(path, F_OK) == 0)
		return err_set(err, -EEXIST, "there is a certificate authority in '%s' already",
			       dir);
	if (RAND_bytes(id, sizeof(id)) != 1)
		return err_set(err, -EIO, "the random generator fails");
	(void)snprintf(name, sizeof(name), "Ampoule CA %02x%02x%02x%02x", id[0], id[1], id[2],
		       id[3]);
	cleanup_(free_key) EVP_PKEY *key = EVP_EC_gen("P-256");
	cleanup_(free_x509) X509 *x =
		key ? begin_certificate(key, name, NULL, time(NULL), SRV_CA_DAYS) : NULL;

	if (!x || add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") < 0 ||
	    add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") < 0 ||
	    add_extension(x, x, NID_subject_key_identifier, "hash") < 0 ||
	    X509_sign(x, key, EVP_sha256()) == 0)
		return err_set(err, -EIO, "cannot make the certificate authority");
	int r = write_pem(dir, "ca.pem", x, NULL);

	if (r == 0)
		r = write_pem(dir, "ca.key", NULL, key);
	return r < 0 ? err_set(err, r, "cannot write the CA's files in '%s': %s", dir, strerror(-r))
		     : 0;
}

static BIO *read_pem(const char *dir, const char *name, struct buf *bytes, struct err *err)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	int r = buf_read_file(bytes, path, PEM_MAX);
	BIO *bio = r == 0 ? BIO_new_mem_buf(bytes->data, (int)bytes->len) : NULL;

	if (!bio)
		(void)err_set(err, r < 0 ? r : -ENOMEM, "cannot read '%s': %s", path,
			      strerror(r < 0 ? -r : ENOMEM));
	return bio;
}

struct srv_ca *srv_ca_open(const char *dir, struct err *err)
{
	cleanup_buf struct buf x_bytes = {0}, key_bytes = {0};
	cleanup_(free_bio) BIO *x_bio = read_pem(dir, "ca.pem", &x_bytes, err);
	cleanup_(free_bio) BIO *key_bio = x_bio ? read_pem(dir, "ca.key", &key_bytes, err) : NULL;
	struct srv_ca *ca = key_bio ? calloc(1, sizeof(*ca)) : NULL;

	if (!ca)
		return NULL;
	ca->certificate = PEM_read_bio_X509(x_bio, NULL, NULL, NULL);
	ca->key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
	OPENSSL_cleanse(key_bytes.data, key_bytes.len);
	if (ca->certificate && ca->key && X509_check_private_key(ca->certificate, ca->key) == 1)
		return ca;
	(void)err_set(err, -EINVAL, "'%s/ca.pem' and '%s/ca.key' are not a pair", dir, dir);
	srv_ca_close(ca);
	return NULL;
}

void srv_ca_close(struct srv_ca *ca)
{
	if (!ca)
		return;
	X509_free(ca->certificate);
	EVP_PKEY_free(ca->key);
	free(ca);
}

int srv_ca_pin(const struct srv_ca *ca, uint8_t ret_hash[32])
{
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(ca->key, &der);

	if (n <= 0)
		return -ENOMEM;
	int ok = EVP_Digest(der, (size_t)n, ret_hash, NULL, EVP_sha256(), NULL);

	OPENSSL_free(der);
	return ok == 1 ? 0 : -EIO;
}

static bool is_host_name(const char *name)
{
	return name[0] && strlen(name) < 254 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
		       strlen(name);
}

/* "a,10.0.0.1" to "DNS:a,IP:10.0.0.1"; only checked names reach OpenSSL's little language. */
static int put_names(const char *names, struct buf *out, char *ret_first, size_t cap,
		     struct err *err)
{
	char copy[NAMES_TEXT_MAX];
	uint8_t address[16];
	size_t count = 0;
	char *rest = NULL;

	if (snprintf(copy, sizeof(copy), "%s", names) >= (int)sizeof(copy))
		return err_set(err, -EINVAL, "--name is too long");
	for (char *name = strtok_r(copy, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		bool ip = inet_pton(AF_INET, name, address) == 1 ||
			  inet_pton(AF_INET6, name, address) == 1;

		if (!ip && !is_host_name(name))
			return err_set(err, -EINVAL,
				       "--name '%s' is neither a host name nor an address", name);
		if (++count > SRV_NAMES_MAX)
			return err_set(err, -EINVAL, "--name: at most %d names", SRV_NAMES_MAX);
		if (count == 1)
			(void)snprintf(ret_first, cap, "%s", name);
		int r = buf_printf(out, "%s%s:%s", count > 1 ? "," : "", ip ? "IP" : "DNS", name);

		if (r < 0)
			return r;
	}
	if (!count)
		return err_set(err, -EINVAL, "--name needs at least one host name");
	return buf_put_u8(out, 0);
}

/* The extensions of every leaf, and the CA's signature. */
static int finish_leaf(const struct srv_ca *ca, X509 *x, const char *usage, const char *names)
{
	if (add_extension(x, ca->certificate, NID_basic_constraints, "critical,CA:FALSE") < 0 ||
	    add_extension(x, ca->certificate, NID_key_usage, "critical,digitalSignature") < 0 ||
	    add_extension(x, ca->certificate, NID_ext_key_usage, usage) < 0 ||
	    add_extension(x, ca->certificate, NID_subject_alt_name, names) < 0 ||
	    add_extension(x, ca->certificate, NID_subject_key_identifier, "hash") < 0 ||
	    add_extension(x, ca->certificate, NID_authority_key_identifier, "keyid:always") < 0)
		return -EIO;
	return X509_sign(x, ca->key, EVP_sha256()) ? 0 : -EIO;
}

int srv_ca_issue_server(const struct srv_ca *ca, const char *dir, const char *names,
			struct err *err)
{
	cleanup_buf struct buf list = {0};
	char first[64];
	int r = put_names(names, &list, first, sizeof(first), err);

	if (r < 0)
		return r;
	cleanup_(free_key) EVP_PKEY *key = EVP_EC_gen("P-256");
	cleanup_(free_x509) X509 *x =
		key ? begin_certificate(key, first, ca->certificate, time(NULL), SRV_SERVER_DAYS)
		    : NULL;

	if (!x || finish_leaf(ca, x, "serverAuth", (const char *)list.data) < 0)
		return err_set(err, -EIO, "cannot make the server's certificate");
	r = write_pem(dir, "server.key", NULL, key);
	if (r == 0)
		r = write_pem(dir, "server.pem", x, NULL);
	return r < 0 ? err_set(err, r, "cannot write the server's certificate in '%s': %s", dir,
			       strerror(-r))
		     : 0;
}

/* The request's key, when it proves to hold a P-256 one. Borrowed from the request. */
static EVP_PKEY *checked_key(X509_REQ *request)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);
	char group[32] = "";

	if (!key || !EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	    strcmp(group, SN_X9_62_prime256v1) != 0)
		return NULL;
	return X509_REQ_verify(request, key) == 1 ? key : NULL;
}

static int put_der(struct buf *out, X509 *x)
{
	uint8_t *der = NULL;
	int n = i2d_X509(x, &der);
	int r = n > 0 ? buf_put(out, der, (size_t)n) : -ENOMEM;

	OPENSSL_free(der);
	return r;
}

int srv_ca_issue_device(const struct srv_ca *ca, const void *csr, size_t n, const char *device,
			time_t now, struct buf *certificate, time_t *ret_expires, struct err *err)
{
	const uint8_t *at = csr, *end = at + n;
	char uri[96];

	if (n > SRV_CSR_BYTES_MAX)
		return err_set(err, -EBADMSG, "the certificate request is too long");
	cleanup_(free_request) X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)n);

	if (!request || at != end)
		return err_set(err, -EBADMSG, "not a certificate request");
	EVP_PKEY *key = checked_key(request);

	if (!key)
		return err_set(err, -EKEYREJECTED,
			       "the request's key is not P-256 or its signature is bad");
	(void)snprintf(uri, sizeof(uri), "URI:%s%s", SRV_DEVICE_URI, device);
	cleanup_(free_x509) X509 *x =
		begin_certificate(key, device, ca->certificate, now, SRV_DEVICE_DAYS);

	if (!x || finish_leaf(ca, x, "clientAuth", uri) < 0)
		return err_set(err, -EIO, "cannot make the device's certificate");
	*ret_expires = now + (time_t)SRV_DEVICE_DAYS * DAY_S;
	return put_der(certificate, x);
}
