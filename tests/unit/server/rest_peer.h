/* For tests of the REST listener: a self-signed certificate made on the spot, and a real HTTPS client. */
#ifndef TESTS_UNIT_SERVER_REST_PEER_H
#define TESTS_UNIT_SERVER_REST_PEER_H

#include <check.h>
#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/buf.h"

struct peer_identity {
	char key[4096];
	char certificate[4096];
};

static inline void peer_put_pem(BIO *bio, char *out, size_t cap)
{
	int n = BIO_read(bio, out, (int)cap - 1);

	ck_assert_int_gt(n, 0);
	out[n] = '\0';
	BIO_free(bio);
}

/* A key and a certificate for 127.0.0.1, valid for an hour. */
static inline void peer_make_identity(struct peer_identity *out)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

	ck_assert(key && x && san);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
				   0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	X509_add_ext(x, san, -1);
	ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
	BIO *key_bio = BIO_new(BIO_s_mem()), *cert_bio = BIO_new(BIO_s_mem());

	ck_assert_int_eq(PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL), 1);
	ck_assert_int_eq(PEM_write_bio_X509(cert_bio, x), 1);
	peer_put_pem(key_bio, out->key, sizeof(out->key));
	peer_put_pem(cert_bio, out->certificate, sizeof(out->certificate));
	X509_EXTENSION_free(san);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* One request and what came back. */
struct peer_call {
	const char *method;
	const char *path;
	const char *token; /* NULL: no Authorization */
	const char
		*content_type; /* NULL: none, and with a body "application/json" is NOT implied */
	const void *body;
	size_t body_bytes;
	const char *length; /* Content-Length to claim instead of body_bytes */
	const char *cookie; /* as the next: NULL = not sent */
	const char *marker; /* X-Ampoule-Request */
	const char *origin;
	const char *fetch_site;
	const char *if_match;
	const char *if_none_match;
	const char *idempotency_key;
	const char *from; /* address to call from; 127.0.0.0/8 is all ours */
	long tls_max;     /* CURL_SSLVERSION_MAX_..., 0 = any */

	CURLcode result;
	long status;
	char head[8192];
	struct buf reply; /* NUL-terminated */
};

static inline size_t peer_on_body(char *bytes, size_t size, size_t n, void *cls)
{
	struct peer_call *call = cls;

	return buf_put(&call->reply, bytes, size * n) == 0 ? size * n : 0;
}

static inline size_t peer_on_head(char *bytes, size_t size, size_t n, void *cls)
{
	struct peer_call *call = cls;
	size_t used = strlen(call->head), len = size * n;

	if (used + len < sizeof(call->head)) {
		memcpy(call->head + used, bytes, len);
		call->head[used + len] = '\0';
	}
	return len;
}

static inline struct curl_slist *peer_header(struct curl_slist *list, const char *name,
					     const char *value)
{
	char line[512];

	snprintf(line, sizeof(line), "%s: %s", name, value ? value : "");
	return value ? curl_slist_append(list, line) : list;
}

static inline struct curl_slist *peer_headers(const struct peer_call *call)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	char line[512];

	snprintf(line, sizeof(line), "Content-Type:%s%s", call->content_type ? " " : "",
		 call->content_type ? call->content_type : "");
	list = curl_slist_append(list, line);
	if (call->length) {
		snprintf(line, sizeof(line), "Content-Length: %s", call->length);
		list = curl_slist_append(list, line);
	}
	list = peer_header(list, "Cookie", call->cookie);
	list = peer_header(list, "X-Ampoule-Request", call->marker);
	list = peer_header(list, "Origin", call->origin);
	list = peer_header(list, "Sec-Fetch-Site", call->fetch_site);
	list = peer_header(list, "If-Match", call->if_match);
	list = peer_header(list, "If-None-Match", call->if_none_match);
	list = peer_header(list, "Idempotency-Key", call->idempotency_key);
	if (!call->token)
		return list;
	snprintf(line, sizeof(line), "Authorization: Bearer %s", call->token);
	return curl_slist_append(list, line);
}

/* Sends it and waits. Free reply with peer_done(). */
static inline void peer_send(struct peer_call *call, const struct peer_identity *server,
			     uint16_t port)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = peer_headers(call);
	struct curl_blob ca = {.data = (char *)(uintptr_t)server->certificate,
			       .len = strlen(server->certificate)};
	static char url[65536];

	snprintf(url, sizeof(url), "https://127.0.0.1:%u%s", port, call->path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, peer_on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, peer_on_head);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
	if (call->from)
		curl_easy_setopt(curl, CURLOPT_INTERFACE, call->from);
	if (call->tls_max)
		curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_0 | call->tls_max);
	if (call->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_bytes);
	}
	call->result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &call->status);
	ck_assert_int_eq(buf_put_u8(&call->reply, 0), 0);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
}

static inline const char *peer_text(const struct peer_call *call)
{
	return (const char *)call->reply.data;
}

static inline void peer_done(struct peer_call *call)
{
	buf_release(&call->reply);
}

#endif
