#include "server/derive.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum {
	CA_KEY_MAX = 64 << 10,
	NONCE = 12,
	TAG = 16
};

int srv_derive_key(const struct srv_config *config, const char *purpose,
		   uint8_t ret_key[SRV_KEY_BYTES], struct err *err)
{
	cleanup_buf struct buf ca = {0};
	char path[SRV_PATH_MAX];
	unsigned n = SRV_KEY_BYTES;
	int r = srv_config_path(config, "ca.key", path, sizeof(path));

	if (r == 0)
		r = buf_read_file(&ca, path, CA_KEY_MAX);
	if (r < 0)
		return err_set(err, r, "%s/ca.key: %s", config->state_dir, strerror(-r));
	if (!ca.len || !HMAC(EVP_sha256(), ca.data, (int)ca.len, (const uint8_t *)purpose,
			     strlen(purpose), ret_key, &n))
		r = err_set(err, -EIO, "cannot derive a key from %s/ca.key", config->state_dir);
	if (ca.len)
		explicit_bzero(ca.data, ca.len);
	return r;
}

int srv_seal(const uint8_t key[SRV_KEY_BYTES], const char *about, const void *bytes, size_t n,
	     struct buf *out)
{
	cleanup_free uint8_t *sealed = n <= SRV_SEALED_MAX ? malloc(NONCE + TAG + n + 1) : NULL;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len = 0, r = -EIO;

	if (c && sealed && RAND_bytes(sealed, NONCE) == 1 &&
	    EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, sealed) == 1 &&
	    EVP_EncryptUpdate(c, NULL, &len, (const uint8_t *)about, (int)strlen(about)) == 1 &&
	    EVP_EncryptUpdate(c, sealed + NONCE + TAG, &len, bytes, (int)n) == 1 &&
	    EVP_EncryptFinal_ex(c, sealed + NONCE + TAG + len, &len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, sealed + NONCE) == 1)
		r = buf_put(out, sealed, NONCE + TAG + n);
	EVP_CIPHER_CTX_free(c);
	return r;
}

int srv_unseal(const uint8_t key[SRV_KEY_BYTES], const char *about, const void *sealed, size_t n,
	       struct buf *out)
{
	size_t head = NONCE + TAG, text = n >= head ? n - head : 0;
	const uint8_t *in = sealed;
	cleanup_free uint8_t *bytes = n >= head && text <= SRV_SEALED_MAX ? malloc(text + 1) : NULL;
	uint8_t tag[TAG];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len = 0, r = -EBADMSG;

	if (c && bytes) {
		memcpy(tag, in + NONCE, TAG);
		if (EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, in) == 1 &&
		    EVP_DecryptUpdate(c, NULL, &len, (const uint8_t *)about, (int)strlen(about)) ==
			    1 &&
		    EVP_DecryptUpdate(c, bytes, &len, in + head, (int)text) == 1 &&
		    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
		    EVP_DecryptFinal_ex(c, bytes + len, &len) == 1)
			r = buf_put(out, bytes, text);
		explicit_bzero(bytes, text);
	}
	EVP_CIPHER_CTX_free(c);
	return r;
}
