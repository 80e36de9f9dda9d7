/* Ed25519 signatures over foreign documents, with domain separation (RFC 8032; OpenSSH PROTOCOL.sshsig's
 * idea): what is signed is PURPOSE, a zero byte, and the document's bytes as they are. Any thread. */
#ifndef COMMON_SIGN_H
#define COMMON_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

enum {
	SIGN_KEY_BYTES = 32,
	SIGN_SECRET_BYTES = 32,
	SIGN_BYTES = 64,
	SIGN_KEY_ID_BYTES = 8
};

#define SIGN_PURPOSE_POLICY "ampoule-policy-v1"
#define SIGN_PURPOSE_IMAGE  "ampoule-image-v1"

/* Makes a key pair. -EIO when the random generator fails. */
int sign_make_key(uint8_t secret[SIGN_SECRET_BYTES], uint8_t key[SIGN_KEY_BYTES]) must_check;
/* The public key of a secret one. */
int sign_public_key(const uint8_t secret[SIGN_SECRET_BYTES],
		    uint8_t key[SIGN_KEY_BYTES]) must_check;
int sign_document(const char *purpose, const uint8_t secret[SIGN_SECRET_BYTES],
		  const void *document, size_t n, uint8_t ret_signature[SIGN_BYTES]) must_check;
/* 0 when the signature is good, -EKEYREJECTED when not. */
int sign_verify(const char *purpose, const uint8_t key[SIGN_KEY_BYTES], const void *document,
		size_t n, const uint8_t signature[SIGN_BYTES]) must_check;
/* The first 8 bytes of SHA-256 of the public key. */
void sign_key_id(const uint8_t key[SIGN_KEY_BYTES], uint8_t ret_id[SIGN_KEY_ID_BYTES]);
/* A secret key's file: 64 hex digits and a newline, mode 0600. -EPERM when others may read it. */
int sign_load_secret(const char *path, uint8_t secret[SIGN_SECRET_BYTES],
		     struct err *err) must_check;
int sign_save_secret(const char *path, const uint8_t secret[SIGN_SECRET_BYTES],
		     struct err *err) must_check;

#endif
