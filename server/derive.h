/* Keys for purposes of our own, made of the CA's private key: every instance has it in its state folder, and
 * the database, its backups and whoever only has SQL do not. A new CA key makes new keys. */
#ifndef SERVER_DERIVE_H
#define SERVER_DERIVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "server/config.h"

enum {
	SRV_KEY_BYTES = 32,
	SRV_SEALED_MAX = 1 << 20 /* bytes that are sealed at once */
};

/* HMAC-SHA256(DIR/ca.key, purpose). The caller wipes it. */
int srv_derive_key(const struct srv_config *config, const char *purpose,
		   uint8_t ret_key[SRV_KEY_BYTES], struct err *err) must_check;
/* AES-256-GCM: nonce, tag, ciphertext; `about` is authenticated with it, so that a sealed text cannot be moved
 * to another row. -EBADMSG when it does not open. */
int srv_seal(const uint8_t key[SRV_KEY_BYTES], const char *about, const void *bytes, size_t n,
	     struct buf *out) must_check;
int srv_unseal(const uint8_t key[SRV_KEY_BYTES], const char *about, const void *sealed, size_t n,
	       struct buf *out) must_check;

#endif
