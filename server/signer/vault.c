#include "server/signer/vault.h"

#include <argon2.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/fd.h"
#include "server/derive.h"

#define HEAD  "ampoule-sealed-key-1 "
#define ABOUT "ampoule-policy-key"

enum {
	MEMORY_KIB = 64 << 10,
	PASSES = 3,
	LANES = 1,
	SALT = 16,
	SEALED = 12 + 16 + SIGN_SECRET_BYTES, /* nonce, tag, key: derive.c */
	HEAD_BYTES = sizeof(HEAD) - 1,
	FILE_BYTES = HEAD_BYTES + 2 * SALT + 1 + 2 * SEALED + 1
};

int srv_passphrase_read(const char *path, struct srv_passphrase *out, struct err *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	cleanup_buf struct buf text = {0};
	char credential[1024];

	*out = (struct srv_passphrase){0};
	if (!path && folder &&
	    snprintf(credential, sizeof(credential), "%s/" SRV_VAULT_CREDENTIAL, folder) <
		    (int)sizeof(credential) &&
	    access(credential, F_OK) == 0)
		path = credential;
	if (!path)
		return 0;
	int r = buf_read_file(&text, path, SRV_PASSPHRASE_MAX + 1);

	if (r < 0)
		return err_set(err, r, "cannot read the passphrase from '%s': %s", path,
			       strerror(-r));
	size_t n = text.len && text.data[text.len - 1] == '\n' ? text.len - 1 : text.len;

	if (n >= SRV_PASSPHRASE_MIN && n <= SRV_PASSPHRASE_MAX) {
		memcpy(out->bytes, text.data, n);
		out->n = n;
	}
	if (text.data)
		explicit_bzero(text.data, text.len);
	return out->n ? 0
		      : err_set(err, -EINVAL, "the passphrase in '%s' must have %d to %d bytes",
				path, SRV_PASSPHRASE_MIN, SRV_PASSPHRASE_MAX);
}

static int make_key(const struct srv_passphrase *passphrase, const uint8_t salt[SALT],
		    uint8_t ret_key[SRV_KEY_BYTES], struct err *err)
{
	int r = argon2id_hash_raw(PASSES, MEMORY_KIB, LANES, passphrase->bytes, passphrase->n, salt,
				  SALT, ret_key, SRV_KEY_BYTES);

	if (r == ARGON2_OK)
		return 0;
	return err_set(err, r == ARGON2_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO,
		       "cannot make a key of the passphrase: %s", argon2_error_message(r));
}

static int put_hex(struct buf *out, const uint8_t *bytes, size_t n, char end)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = buf_printf(out, "%02x", bytes[i]);
	return r == 0 ? buf_put_u8(out, (uint8_t)end) : r;
}

/* n bytes of 2 n digits, lower case, as put_hex() made them. */
static bool take_hex(const char **text, uint8_t *out, size_t n, char end)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 2 * n; i++) {
		const char *at = **text ? strchr(digits, **text) : NULL;

		if (!at)
			return false;
		out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | (at - digits) : (at - digits) << 4);
		(*text)++;
	}
	return *(*text)++ == end;
}

int srv_vault_save(const char *path, const uint8_t secret[SIGN_SECRET_BYTES],
		   const struct srv_passphrase *passphrase, struct err *err)
{
	cleanup_buf struct buf sealed = {0}, text = {0};
	uint8_t key[SRV_KEY_BYTES], salt[SALT];

	if (!passphrase->n)
		return sign_save_secret(path, secret, err);
	if (RAND_bytes(salt, sizeof(salt)) != 1)
		return err_set(err, -EIO, "the random generator fails");
	int r = make_key(passphrase, salt, key, err);

	if (r < 0)
		return r;
	r = srv_seal(key, ABOUT, secret, SIGN_SECRET_BYTES, &sealed);
	explicit_bzero(key, sizeof(key));
	if (r == 0)
		r = buf_put(&text, HEAD, HEAD_BYTES);
	if (r == 0)
		r = put_hex(&text, salt, sizeof(salt), ' ');
	if (r == 0)
		r = put_hex(&text, sealed.data, sealed.len, '\n');
	if (r == 0)
		r = fd_replace_file(path, text.data, text.len, 0600);
	return r < 0 ? err_set(err, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

/* The file's text when it is a sealed one; -ENOENT when it is not, and sign_load_secret() is asked. */
static int read_sealed(const char *path, char text[FILE_BYTES + 1])
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	memset(text, 0, FILE_BYTES + 1);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != FILE_BYTES ||
	    (st.st_mode & (S_IRWXG | S_IRWXO)) || fd_read_all(fd, text, FILE_BYTES) < 0)
		return -ENOENT;
	return strncmp(text, HEAD, HEAD_BYTES) == 0 ? 0 : -ENOENT;
}

int srv_vault_load(const char *path, const struct srv_passphrase *passphrase,
		   uint8_t secret[SIGN_SECRET_BYTES], struct err *err)
{
	uint8_t key[SRV_KEY_BYTES], salt[SALT], sealed[SEALED];
	cleanup_buf struct buf plain = {0};
	char text[FILE_BYTES + 1];
	const char *at = text + HEAD_BYTES;

	if (read_sealed(path, text) < 0)
		return sign_load_secret(path, secret, err);
	if (!passphrase->n)
		return err_set(err, -ENOKEY,
			       "'%s' is sealed: give --passphrase-file, or the systemd "
			       "credential " SRV_VAULT_CREDENTIAL,
			       path);
	if (!take_hex(&at, salt, sizeof(salt), ' ') || !take_hex(&at, sealed, sizeof(sealed), '\n'))
		return err_set(err, -EKEYREJECTED, "'%s' is damaged", path);
	int r = make_key(passphrase, salt, key, err);

	if (r < 0)
		return r;
	r = srv_unseal(key, ABOUT, sealed, sizeof(sealed), &plain);
	explicit_bzero(key, sizeof(key));
	if (r < 0 || plain.len != SIGN_SECRET_BYTES)
		return err_set(err, -EKEYREJECTED,
			       "'%s' does not open: another passphrase, or it was changed", path);
	memcpy(secret, plain.data, SIGN_SECRET_BYTES);
	explicit_bzero(plain.data, plain.len);
	return 0;
}
