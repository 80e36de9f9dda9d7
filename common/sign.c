#include "common/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/fd.h"

/* OpenSSL's Ed25519 wants the whole message at once, so purpose and document are put together in one
 * buffer. Secrets on the stack and heap are wiped before they go. */

_Static_assert((int)SIGN_SECRET_BYTES == (int)DIGEST_BYTES, "a secret is written like a digest");

static void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void md_ctx_freep(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static EVP_PKEY *load_secret(const uint8_t secret[SIGN_SECRET_BYTES])
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SIGN_SECRET_BYTES);
}

static int put_message(struct buf *b, const char *purpose, const void *document, size_t n)
{
	if (buf_put(b, purpose, strlen(purpose) + 1) < 0)
		return -ENOMEM;
	return n ? buf_put(b, document, n) : 0;
}

int sign_make_key(uint8_t secret[SIGN_SECRET_BYTES], uint8_t key[SIGN_KEY_BYTES])
{
	if (RAND_priv_bytes(secret, SIGN_SECRET_BYTES) != 1)
		return -EIO;
	return sign_public_key(secret, key);
}

int sign_public_key(const uint8_t secret[SIGN_SECRET_BYTES], uint8_t key[SIGN_KEY_BYTES])
{
	EVP_PKEY *pkey cleanup_(pkey_freep) = load_secret(secret);
	size_t n = SIGN_KEY_BYTES;

	if (!pkey || EVP_PKEY_get_raw_public_key(pkey, key, &n) != 1 || n != SIGN_KEY_BYTES)
		return -EIO;
	return 0;
}

int sign_document(const char *purpose, const uint8_t secret[SIGN_SECRET_BYTES],
		  const void *document, size_t n, uint8_t ret_signature[SIGN_BYTES])
{
	EVP_PKEY *pkey cleanup_(pkey_freep) = load_secret(secret);
	EVP_MD_CTX *ctx cleanup_(md_ctx_freep) = EVP_MD_CTX_new();
	struct buf message cleanup_buf = {0};
	uint8_t signature[SIGN_BYTES];
	size_t len = sizeof(signature);
	int r = put_message(&message, purpose, document, n);

	if (r < 0)
		return r;
	if (!pkey || !ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(ctx, signature, &len, message.data, message.len) != 1 ||
	    len != SIGN_BYTES)
		return -EIO;
	memcpy(ret_signature, signature, SIGN_BYTES);
	return 0;
}

int sign_verify(const char *purpose, const uint8_t key[SIGN_KEY_BYTES], const void *document,
		size_t n, const uint8_t signature[SIGN_BYTES])
{
	EVP_PKEY *pkey cleanup_(pkey_freep) =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SIGN_KEY_BYTES);
	EVP_MD_CTX *ctx cleanup_(md_ctx_freep) = EVP_MD_CTX_new();
	struct buf message cleanup_buf = {0};
	int r = put_message(&message, purpose, document, n);

	if (r < 0)
		return r;
	if (!pkey || !ctx || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestVerify(ctx, signature, SIGN_BYTES, message.data, message.len) != 1)
		return -EKEYREJECTED;
	return 0;
}

void sign_key_id(const uint8_t key[SIGN_KEY_BYTES], uint8_t ret_id[SIGN_KEY_ID_BYTES])
{
	uint8_t digest[DIGEST_BYTES] = {0};

	/* Only a broken OpenSSL fails here; the id is a hint, the key itself decides. */
	(void)EVP_Digest(key, SIGN_KEY_BYTES, digest, NULL, EVP_sha256(), NULL);
	memcpy(ret_id, digest, SIGN_KEY_ID_BYTES);
}

int sign_load_secret(const char *path, uint8_t secret[SIGN_SECRET_BYTES], struct err *err)
{
	char text[DIGEST_HEX + 1] = {0}; /* the digits, a newline, a terminator */
	struct stat st;
	int fd cleanup_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)))
		return err_set(err, -EPERM, "%s: not a file that only its owner may read (mode %o)",
			       path, (unsigned)(st.st_mode & 07777));
	int r = fd_read_all(fd, text, DIGEST_HEX);
	char extra;

	if (r == 0 && (text[DIGEST_HEX - 1] != '\n' || read(fd, &extra, 1) != 0))
		r = -EINVAL;
	text[DIGEST_HEX - 1] = '\0';
	if (r == 0)
		r = digest_parse(text, secret);
	OPENSSL_cleanse(text, sizeof(text));
	if (r < 0)
		return err_set(err, r == -EPIPE ? -EINVAL : r,
			       "%s: not a secret key (64 hexadecimal digits and a newline)", path);
	return 0;
}

int sign_save_secret(const char *path, const uint8_t secret[SIGN_SECRET_BYTES], struct err *err)
{
	char text[DIGEST_HEX];

	digest_hex(secret, text);
	text[DIGEST_HEX - 1] = '\n';
	int r = fd_replace_file(path, text, DIGEST_HEX, S_IRUSR | S_IWUSR);

	OPENSSL_cleanse(text, sizeof(text));
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}
